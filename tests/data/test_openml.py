"""Downloading from OpenML, with scikit-learn's client and a stand-in for the server."""

import hashlib
from dataclasses import replace
from urllib.error import URLError

import numpy as np
import pytest
from tests.data.openml_server import OpenML, arff

from undelete.cli import main
from undelete.data.images import ARRAYS, IMAGES, load_images, records_checksum
from undelete.data.openml import DATA_IDS, download
from undelete.errors import InputError


@pytest.fixture(params=["mnist", "cifar10"])
def served(request, monkeypatch):
    """A tiny data set under a known name, and the server that has it."""
    name, rng = request.param, np.random.default_rng(0)
    shape = (3, 4) if name == "mnist" else (2, 3, 3)
    X, y = rng.integers(0, 256, (50, *shape), dtype=np.uint8), rng.integers(0, 10, 50, dtype=np.uint8)
    X[0].flat[:] = 255
    X[1].flat[:] = 0
    arrays = {"x_train": X[:40], "y_train": y[:40], "x_test": X[40:], "y_test": y[40:]}
    sha256 = tuple(hashlib.sha256(arrays[key].tobytes()).hexdigest() for key in ARRAYS)
    known = replace(IMAGES[name], train=40, test=10, shape=shape, sha256=sha256, records=records_checksum(arrays))
    monkeypatch.setitem(IMAGES, name, known)

    def serve(order=None, content=None, images=X):
        order = np.arange(50) if order is None else order
        content = content or arff(images[order], y[order])
        server = OpenML(DATA_IDS[name], content, 50, int(np.prod(shape)))
        monkeypatch.setattr("sklearn.datasets._openml.urlopen", server)
        return server

    return name, arrays, serve


def test_writes_the_original_arrays(served, tmp_path, capsys):
    name, arrays, serve = served
    server = serve()
    assert main(["data", name, "--out", str(tmp_path / "new")]) == 0
    file = tmp_path / "new" / f"{name}.npz"
    with np.load(file) as stored:
        assert set(stored.files) == set(ARRAYS)
        for key in ARRAYS:
            assert stored[key].dtype == np.uint8
            np.testing.assert_array_equal(stored[key], arrays[key])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{IMAGES[name].title}: downloading from OpenML, data set {DATA_IDS[name]}",
        f"{file}: 40 training and 10 test images",
    ]
    assert list(file.parent.iterdir()) == [file]  # nothing else is left
    assert load_images(name, file.parent).source.endswith("10 test images)")
    requests = server.requests
    assert main(["data", name, "--out", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out == f"{file}: there already\n"
    assert server.requests == requests


def test_says_that_the_order_is_another(served, tmp_path, capsys):
    name, _, serve = served
    serve(order=np.random.default_rng(1).permutation(50))
    download(name, tmp_path)
    assert capsys.readouterr().out.endswith("10 test images, in another order than the original\n")
    assert "another order" in load_images(name, tmp_path).source


def test_replaces_a_damaged_file(served, tmp_path):
    name, _, serve = served
    serve()
    (tmp_path / f"{name}.npz").write_bytes(b"half a file")
    download(name, tmp_path, say=lambda line: None)
    assert load_images(name, tmp_path).name == name


def test_other_records_leave_no_file(served, tmp_path):
    name, arrays, serve = served
    other = np.concatenate([arrays["x_train"], arrays["x_test"]])
    other[3, 1, 1] ^= 1
    serve(images=other)
    with pytest.raises(InputError, match=rf"data set {DATA_IDS[name]} does not hold {IMAGES[name].title}'s images"):
        download(name, tmp_path, say=lambda line: None)
    serve(content=b"@DATA\n1,2,3\n")
    with pytest.raises(InputError, match=r"cannot download .*columns"):
        download(name, tmp_path, say=lambda line: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (URLError(OSError(-2, "Name or service not known")), "Name or service not known"),
        (TimeoutError("timed out"), "timed out"),
        (ValueError("the md5 checksum\ndoes not match"), "the md5 checksum does not match"),
    ],
)
def test_no_network_is_one_line(tmp_path, capsys, monkeypatch, error, reason):
    def fetch(**_):
        raise error

    monkeypatch.setattr("undelete.data.openml.fetch_openml", fetch)
    assert main(["data", "mnist", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert reason in said
    assert "cannot download MNIST from OpenML" in said
    assert "check the network" in said
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot write to .*file/x \(Not a directory\): choose another with --out"):
        download("mnist", tmp_path / "file" / "x")
