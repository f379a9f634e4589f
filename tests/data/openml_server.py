"""What OpenML answers about one table of images, for scikit-learn's own client: no network."""

import gzip
import hashlib
import io
import json
from urllib.error import URLError

import numpy as np

HOST = "https://www.openml.org"


def arff(images, labels):
    """Return images (n, h, w) or (n, h, w, 3) as OpenML's file: planes for colours, the class last."""
    planes = np.moveaxis(images, -1, 1) if images.ndim == 4 else images
    table = np.column_stack([planes.reshape(len(images), -1), labels])
    header = ["@RELATION images", *(f"@ATTRIBUTE pixel{i} REAL" for i in range(table.shape[1] - 1))]
    header += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA", ""]
    body = io.StringIO()
    np.savetxt(body, table, fmt="%d", delimiter=",")
    return ("\n".join(header) + body.getvalue()).encode()


class OpenML:
    """Takes the place of `urlopen`: the answers for one data set, and a count of the requests."""

    def __init__(self, data_id, content, rows, columns):
        names = [f"pixel{i}" for i in range(columns)]
        features = [self._feature(i, name, "numeric") for i, name in enumerate(names)]
        features.append(self._feature(columns, "class", "nominal") | {"is_target": "true"})
        description = {
            "id": str(data_id), "name": "images", "version": "1", "status": "active", "format": "ARFF",
            "description": "",
            "url": f"{HOST}/data/v1/download/7/images.arff", "md5_checksum": hashlib.md5(content).hexdigest(),
        }  # fmt: skip
        qualities = [{"name": "NumberOfInstances", "value": str(rows)}]
        self.requests = 0
        self.answers = {
            f"{HOST}/api/v1/json/data/{data_id}": self._json({"data_set_description": description}),
            f"{HOST}/api/v1/json/data/features/{data_id}": self._json({"data_features": {"feature": features}}),
            f"{HOST}/api/v1/json/data/qualities/{data_id}": self._json({"data_qualities": {"quality": qualities}}),
            description["url"]: content,
        }

    def __call__(self, request, *args, **kwargs):
        url = getattr(request, "full_url", request)
        self.requests += 1
        if url not in self.answers:
            raise URLError(f"no {url} here")
        return _Answer(gzip.compress(self.answers[url], compresslevel=1))

    @staticmethod
    def _feature(index, name, kind):
        no = dict.fromkeys(("is_target", "is_ignore", "is_row_identifier"), "false")
        return {"index": str(index), "name": name, "data_type": kind, "number_of_missing_values": "0", **no}

    @staticmethod
    def _json(answer):
        return json.dumps(answer).encode()


class _Answer(io.BytesIO):
    def info(self):
        return {"Content-Encoding": "gzip"}
