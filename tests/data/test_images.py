"""Image data: reading and checking the files, and pixels there and back."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from undelete.data import images
from undelete.data.images import ARRAYS, IMAGES, load_images, records_checksum, same_order
from undelete.data.pixels import scaled
from undelete.data.schema import ImageInfo
from undelete.errors import InputError


def tiny(rng, train=30, test=10, shape=(4, 5)):
    """Distinct random images in the form of the files."""
    arrays = {}
    for part, count in (("train", train), ("test", test)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        arrays[f"y_{part}"] = rng.integers(0, 10, count, dtype=np.uint8)
    return arrays


@pytest.fixture
def known(monkeypatch, tmp_path):
    """`mnist` is a tiny data set here, and nothing is found in the user's own folders."""
    monkeypatch.delenv("UNDELETE_DATA", raising=False)
    monkeypatch.setattr(images, "default_folder", lambda: tmp_path / "cache")
    arrays = tiny(np.random.default_rng(0))
    sha256 = tuple(hashlib.sha256(arrays[key].tobytes()).hexdigest() for key in ARRAYS)
    tiny_mnist = replace(
        IMAGES["mnist"], train=30, test=10, shape=(4, 5), sha256=sha256, records=records_checksum(arrays)
    )
    monkeypatch.setitem(IMAGES, "mnist", tiny_mnist)
    return arrays


def write(folder: Path, arrays, name="mnist"):
    folder.mkdir(exist_ok=True)
    np.savez(folder / f"{name}.npz", **arrays)


def test_reads_the_original(known, tmp_path):
    write(tmp_path, known)
    data = load_images("mnist", tmp_path)
    for key in ARRAYS:
        np.testing.assert_array_equal(getattr(data, key), known[key])
    assert data.source == "MNIST (30 training and 10 test images)"
    assert data.info == ImageInfo((4, 5), -1.0, 1.0)


def test_folders_in_their_order(known, tmp_path, monkeypatch):
    first, second, cache = (tmp_path / name for name in ("first", "second", "cache"))
    with pytest.raises(InputError, match=r"no mnist.npz in .*cache: download it with undelete data mnist"):
        load_images("mnist")
    write(cache, known)
    assert load_images("mnist", first).name == "mnist"  # a folder with other data hides nothing
    monkeypatch.setenv("UNDELETE_DATA", str(second))
    write(second, {})
    with pytest.raises(InputError, match=r"second/mnist.npz has no array x_train"):
        load_images("mnist")
    write(first, known)
    assert load_images("mnist", first).name == "mnist"


@pytest.mark.parametrize("seed", range(3))
def test_another_order_is_said_and_another_record_refused(known, tmp_path, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(40)
    X = np.concatenate([known["x_train"], known["x_test"]])[order]
    y = np.concatenate([known["y_train"], known["y_test"]])[order]
    shuffled = {"x_train": X[:30], "y_train": y[:30], "x_test": X[30:], "y_test": y[30:]}
    write(tmp_path, shuffled)
    assert "another order" in load_images("mnist", tmp_path).source
    assert same_order("mnist", known) is True
    key = ARRAYS[seed]
    changed = {**shuffled, key: shuffled[key].copy()}
    changed[key].flat[rng.integers(changed[key].size)] += 1
    assert same_order("mnist", changed) is None
    write(tmp_path, changed)
    with pytest.raises(InputError, match="does not hold MNIST's images and labels: delete it and run undelete"):
        load_images("mnist", tmp_path)


def test_a_label_that_moved_to_another_image_is_seen(known):
    assert known["y_train"][0] != known["y_train"][1]
    labels = known["y_train"].copy()
    labels[[0, 1]] = labels[[1, 0]]
    assert same_order("mnist", {**known, "y_train": labels}) is None


def test_files_that_cannot_be_used(known, tmp_path):
    file = tmp_path / "mnist.npz"
    file.write_bytes(b"not a zip")
    with pytest.raises(
        InputError, match=r"mnist.npz cannot be read as an .npz file \(.*delete it and run undelete data"
    ):
        load_images("mnist", tmp_path)
    write(tmp_path, {**known, "y_test": np.array([{}], dtype=object)})
    with pytest.raises(InputError, match=r"cannot be read .*allow_pickle=False"):
        load_images("mnist", tmp_path)
    write(tmp_path, known)
    file.write_bytes(file.read_bytes()[:-700])
    with pytest.raises(InputError, match="cannot be read"):
        load_images("mnist", tmp_path)
    write(tmp_path, {**known, "x_train": known["x_train"] / 255})
    with pytest.raises(InputError, match="x_train as float64, not as uint8"):
        load_images("mnist", tmp_path)
    with pytest.raises(InputError, match="'imagenet' is no image data set that undelete knows: choose from mnist"):
        load_images("imagenet", tmp_path)


@pytest.mark.parametrize("shape", [(4, 5), (3, 2, 3)])
def test_pixels_undo_the_scaling(shape):
    every = np.resize(np.arange(256, dtype=np.uint8), (60, *shape))
    records = scaled(every)
    assert records.shape == (60, np.prod(shape))
    assert (records.min(), records.max()) == (-1, 1)
    np.testing.assert_array_equal(ImageInfo(shape, -1, 1).pixels(records), every)


def test_planes_are_put_together():
    image = np.arange(24, dtype=np.float64).reshape(2, 4, 3)
    planes = image.transpose(2, 0, 1).reshape(1, -1)
    np.testing.assert_array_equal(ImageInfo((2, 4, 3), planes=True).pixels(planes)[0], image)


def test_what_is_no_image_is_refused():
    with pytest.raises(InputError, match=r"shape \(4,\) cannot be drawn"):
        ImageInfo((4,))
    with pytest.raises(InputError, match=r"shape \(2, 2, 4\) cannot be drawn"):
        ImageInfo((2, 2, 4))
    with pytest.raises(InputError, match="from 1 to 1 are no range"):
        ImageInfo((2, 2), 1, 1)
    with pytest.raises(InputError, match=r"records of shape \(1, 3\) are no images of 4 columns"):
        ImageInfo((2, 2)).pixels([[1, 2, 3]])
    with pytest.raises(InputError, match="not a number"):
        ImageInfo((1, 2)).pixels([[1, np.nan]])


@pytest.mark.parametrize("name", list(IMAGES))
def test_the_real_data_sets(name):
    folders = images._folders(None)
    if not any((folder / f"{name}.npz").exists() for folder in folders):
        pytest.skip(f"no {name}.npz in {', '.join(map(str, folders))}; undelete data {name} downloads it")
    data = load_images(name)
    assert data.source.endswith("10,000 test images)")
    assert len(data.classes) == 10
    counts = np.bincount(data.y_train)
    assert len(counts) == 10
    if name != "mnist":
        assert set(counts) == {len(data.y_train) // 10}
