"""MNIST, Fashion-MNIST and CIFAR-10, read from NAME.npz and checked against the known originals.

``undelete data`` writes the files (`undelete.data.openml`): x_train, y_train, x_test, y_test, all uint8.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from undelete.data.schema import ImageInfo
from undelete.errors import InputError

Arrays = Mapping[str, NDArray[np.uint8]]
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Known:
    """What is known of a data set beforehand.

    Parameters
    ----------
    title : str
        Its name in a sentence.
    train, test : int
        Records in each part.
    shape : tuple of int
        Of one image.
    classes : tuple of str
        The labels' names, in order.
    sha256 : tuple of str
        Checksums of `ARRAYS` in the original order, each of the array's bytes.
    records : str
        The `records_checksum` of both parts together, whatever their order.
    """

    title: str
    train: int
    test: int
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    sha256: tuple[str, str, str, str]
    records: str


IMAGES = {
    "mnist": Known(
        "MNIST", 60_000, 10_000, (28, 28), tuple("0123456789"),
        (
            "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        ),
        "f61a719b6fd94f4e04811e53dda3c78f5cd07b2d48f36c353dd0b453aab660e0",
    ),
    "fashion_mnist": Known(
        "Fashion-MNIST", 60_000, 10_000, (28, 28),
        (
            "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
        ),
        (
            "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
            "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
            "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        ),
        "c22292c847034e4f0856c3099ca0bd11a118af543994973d473bc732d184ab47",
    ),
    "cifar10": Known(
        "CIFAR-10", 50_000, 10_000, (32, 32, 3),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        (
            "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
            "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
            "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
            "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
        ),
        "b21f2785c8eba35d42bdd77195a85d21b064cf8a94b650e7710be89fddf1d0bc",
    ),
}  # fmt: skip
"""The paper's image data sets by the name of their file."""


@dataclass(frozen=True, eq=False)
class ImageData:
    """An image data set as its authors publish it, in a training and a test part.

    Parameters
    ----------
    name : str
        A key of `IMAGES`.
    x_train, x_test : uint8 arrays (n, h, w) or (n, h, w, 3)
        The images, 0 to 255.
    y_train, y_test : uint8 arrays (n,)
        Their labels, an index into `classes`.
    classes : tuple of str
        What the labels mean.
    source : str
        One line for a figure's caption.
    """

    name: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]
    classes: tuple[str, ...]
    source: str

    @property
    def info(self) -> ImageInfo:
        """How to see a record that `scaled` made."""
        return ImageInfo(self.x_train.shape[1:], low=-1.0, high=1.0)


def load_images(name: str, data_dir: str | os.PathLike[str] | None = None) -> ImageData:
    """Return a data set, its records checked against the originals' SHA-256 (about a second for CIFAR-10).

    A file whose records are the originals in another order is taken, and `ImageData.source` says so: a
    training and a test part are then not the original ones.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10"}
        Which.
    data_dir : path, optional
        Looked in first; then $UNDELETE_DATA and ~/.cache/undelete.

    Raises
    ------
    InputError
        When the name is not known, no folder has NAME.npz, or the first that does holds something else.
    """
    if name not in IMAGES:
        raise InputError(f"{name!r} is no image data set that undelete knows: choose from {', '.join(IMAGES)}")
    file = image_file(name, data_dir)
    title, arrays = IMAGES[name].title, read_arrays(file)
    same = same_order(name, arrays)
    if same is None:
        raise InputError(f"{file} does not hold {title}'s images and labels: delete it and run undelete data {name}")
    source = f"{title} ({len(arrays['x_train']):,} training and {len(arrays['x_test']):,} test images)"
    order = "" if same else "; the records in another order than the original, and other training and test parts"
    return ImageData(
        name, arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"],
        IMAGES[name].classes, source + order,
    )  # fmt: skip


def image_file(name: str, data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the file that `load_images` reads, without reading it; InputError when no folder has it."""
    folders = _folders(data_dir)
    file = next((folder / f"{name}.npz" for folder in folders if (folder / f"{name}.npz").exists()), None)
    if file is None:
        seen = ", ".join(str(folder) for folder in folders)
        raise InputError(f"no {name}.npz in {seen}: download it with undelete data {name}, or name its folder")
    return file


def default_folder() -> Path:
    """Return where image files go unless a folder is named: ~/.cache/undelete."""
    return Path("~/.cache/undelete").expanduser()


def read_arrays(file: Path) -> dict[str, NDArray[np.uint8]]:
    """Return the four arrays of a file, never unpickling anything.

    Raises
    ------
    InputError
        When the file is no archive, damaged, or has other arrays.
    """
    advice = f"delete it and run undelete data {file.stem}"
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in ARRAYS if key in stored.files}
    except (OSError, EOFError, ValueError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{file} cannot be read as an .npz file ({reason}): {advice}") from error
    missing = [key for key in ARRAYS if key not in arrays]
    if missing:
        raise InputError(f"{file} has no array {missing[0]}: {advice}")
    for key, array in arrays.items():
        if array.dtype != np.uint8:
            raise InputError(f"{file} has {key} as {array.dtype}, not as uint8: {advice}")
    return arrays


def same_order(name: str, arrays: Arrays) -> bool | None:
    """Return True for the original arrays, False for the same records in another order, None for other records."""
    known = IMAGES[name]
    shapes = [(count, *rest) for count in (known.train, known.test) for rest in (known.shape, ())]
    if [arrays[key].shape for key in ARRAYS] != shapes:
        return None
    if tuple(hashlib.sha256(arrays[key].tobytes()).hexdigest() for key in ARRAYS) == known.sha256:
        return True
    return False if records_checksum(arrays) == known.records else None


def records_checksum(arrays: Arrays) -> str:
    """Return a SHA-256 of all records, images with their labels, that does not depend on their order."""
    digests = [
        hashlib.sha256(image.tobytes() + bytes([label])).digest()
        for part in ("train", "test")
        for image, label in zip(arrays[f"x_{part}"], arrays[f"y_{part}"].tolist(), strict=True)
    ]
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _folders(data_dir: str | os.PathLike[str] | None) -> list[Path]:
    given = [data_dir, os.environ.get("UNDELETE_DATA")]
    return [*(Path(folder).expanduser() for folder in given if folder), default_folder()]
