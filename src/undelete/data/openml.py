"""Download the image data sets from OpenML (Vanschoren et al. 2014) and write them as NAME.npz.

OpenML holds each as one table, a row an image: the pixels, row by row from the top left, then the class. A
colour image's columns are its red plane, then the green, then the blue. The training part comes first.
"""

from __future__ import annotations

import http.client
import math
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml

from undelete.data.images import ARRAYS, IMAGES, read_arrays, same_order
from undelete.errors import InputError
from undelete.files import write

DATA_IDS = {"mnist": 554, "fashion_mnist": 40996, "cifar10": 40927}
"""OpenML's numbers of mnist_784, Fashion-MNIST and CIFAR_10, version 1 of each."""


def download(
    name: str, folder: Path, say: Callable[[str], None] = print, fetch: Callable[..., Any] | None = None
) -> Path:
    """Write ``folder/NAME.npz``, unless the right one is there, and return its path.

    The download is checked against the originals' checksums before the file appears under its name; meanwhile
    it lies in a hidden folder beside it. CIFAR-10 is 0.7 GB of text and takes up to 3 GB of memory.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10"}
        Which.
    folder : Path
        Where to; made if it is not there.
    say : callable, optional
        Given one line when a download begins and one a file.
    fetch : callable, optional
        In place of `sklearn.datasets.fetch_openml`.

    Raises
    ------
    InputError
        When OpenML cannot be reached, sends other records than expected, or the folder cannot be written to.
    """
    file = folder / f"{name}.npz"
    if _is_right(name, file):
        say(f"{file}: there already")
        return file
    title = IMAGES[name].title
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}.", ignore_cleanup_errors=True) as partial:
            say(f"{title}: downloading from OpenML, data set {DATA_IDS[name]}")
            arrays = _arrays(name, *_table(name, Path(partial), fetch or fetch_openml))
            same = same_order(name, arrays)
            if same is None:
                raise InputError(
                    f"OpenML's data set {DATA_IDS[name]} does not hold {title}'s images and labels: try again later, "
                    f"or write {file} yourself ({', '.join(ARRAYS)}, uint8)"
                )
            kept = {key: arrays[key] for key in ARRAYS}
            write(file, lambda opened: np.savez(opened, **kept, allow_pickle=False), private=False)
    except OSError as error:
        raise InputError(f"cannot write to {folder} ({error.strerror or error}): choose another with --out") from error
    order = "" if same else ", in another order than the original"
    say(f"{file}: {IMAGES[name].train:,} training and {IMAGES[name].test:,} test images{order}")
    return file


def _is_right(name: str, file: Path) -> bool:
    try:
        return file.exists() and same_order(name, read_arrays(file)) is not None
    except InputError:
        return False  # it is replaced


def _table(name: str, cache: Path, fetch: Callable[..., Any]) -> tuple[Any, Any]:
    """Return OpenML's columns and classes; the numbers as float32, the smallest type every parser knows."""
    size = math.prod(IMAGES[name].shape)
    types: dict[int, Any] = dict.fromkeys(range(size), np.float32) | {size: str}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each failed try is one; the last raises
        try:
            found = fetch(
                data_id=DATA_IDS[name], data_home=str(cache), as_frame=False, parser="pandas",
                read_csv_kwargs={"dtype": types},
            )  # fmt: skip
        except (OSError, EOFError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"cannot download {IMAGES[name].title} from OpenML ({reason}): check the network and try again, or "
                f"bring {name}.npz from a machine that has one"
            ) from error
    return found.data, found.target


def _arrays(name: str, data: Any, target: Any) -> dict[str, NDArray[np.uint8]]:
    """Return OpenML's table as the four arrays, or what is likest them: the checksums decide."""
    known = IMAGES[name]
    height, width, *colours = known.shape
    try:
        labels = np.strings.strip(np.asarray(target).astype(str), "'").astype(np.int64).astype(np.uint8)
        with np.errstate(invalid="ignore"):  # what is no byte fails the checksum
            images = np.asarray(data).astype(np.uint8).reshape(-1, *colours, height, width)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"OpenML's data set {DATA_IDS[name]} is no table of {known.title}'s pixels and classes ({error}): "
            "try again later"
        ) from error
    if colours:
        images = np.ascontiguousarray(np.moveaxis(images, 1, -1))  # planes to pixels
    parts = {"train": slice(None, known.train), "test": slice(known.train, None)}
    return {
        f"{key}_{part}": array[rows] for part, rows in parts.items() for key, array in (("x", images), ("y", labels))
    }
