"""Small stand-ins: three states of made-up persons whose income follows their features, and tiny images."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from undelete.data import images
from undelete.data.acs import INCOME_FEATURES
from undelete.lab import fitting, models
from undelete.lab.features import on_features
from undelete.lab.penalty import Choice, hold_out_penalty
from undelete.maths.objective import Objective

PERSONS = 300
IMAGES = 300
FEATURES = 12


def persons(rng: np.random.Generator, n: int = PERSONS) -> pd.DataFrame:
    """Persons of ACSIncome's population, every column with several codes."""
    table = pd.DataFrame({name: rng.integers(1, 9, n) for name in INCOME_FEATURES})
    table["AGEP"] = rng.integers(18, 80, n)
    table["SCHL"] = rng.integers(10, 25, n)
    table["OCCP"] = rng.integers(1, 980, n) * 10
    table["WKHP"] = rng.integers(5, 60, n)
    table["SEX"] = rng.integers(1, 3, n)
    income = 200 * table["AGEP"] + 2500 * table["SCHL"] + 600 * table["WKHP"] - 25_000
    table["PINCP"] = (income + rng.normal(0, 15_000, n)).clip(lower=101).astype("int64")
    return table.assign(PWGTP=1)


def write_state(folder: Path, fips: str, table: pd.DataFrame) -> None:
    """Write a state's person file where folktables puts it."""
    file = folder / "2018" / "1-Year" / f"psam_p{fips}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(file, index=False)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with NY, CA and TX, income in dollars."""
    folder = tmp_path_factory.mktemp("acs")
    for number, fips in enumerate(("36", "06", "48")):
        write_state(folder, fips, persons(np.random.default_rng(number)))
    return folder


def _few_penalties(whole: Objective, all_: Sequence[float], rng: np.random.Generator, **rest: int | None) -> Choice:
    """A softmax fit takes longer than the rest of a tiny panel."""
    return hold_out_penalty(whole, all_[::4] if whole.Y.shape[1] > 1 else all_, rng, **rest)


@pytest.fixture(scope="session", autouse=True)
def few_features() -> Iterator[None]:
    """Random features and penalties, but few: the figures ask for hundreds or thousands of features."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            fitting, "on_features", lambda dealt, count, *rest: on_features(dealt, min(count, FEATURES), *rest)
        )
        patch.setattr(fitting, "hold_out_penalty", _few_penalties)
        yield


def _blobs(rng: np.random.Generator, n: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images of 3 x 4 with a bright pixel where the label says, and noise."""
    y = rng.integers(0, 10, n).astype(np.uint8)
    x = rng.integers(0, 150, (n, 3, 4))
    x[np.arange(n), y // 4, y % 4] += 100
    return x.astype(np.uint8), y


@pytest.fixture(scope="session")
def images_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with three tiny image data sets, which pass for the known ones."""
    folder = tmp_path_factory.mktemp("images")
    known = {}
    for seed, (name, original) in enumerate(images.IMAGES.items()):
        parts = [_blobs(np.random.default_rng([seed, part]), n) for part, n in enumerate((IMAGES, 100))]
        arrays = dict(zip(images.ARRAYS, (*parts[0], *parts[1]), strict=True))
        if len(original.shape) == 3:
            for key in ("x_train", "x_test"):
                arrays[key] = np.repeat(arrays[key][..., None], 3, axis=3)
                arrays[key][:, 2, 3] = 0  # as a corner of a digit's image
        np.savez(folder / f"{name}.npz", **arrays)
        known[name] = dataclasses.replace(
            original, train=IMAGES, test=100, shape=arrays["x_train"].shape[1:],
            sha256=tuple(hashlib.sha256(arrays[key].tobytes()).hexdigest() for key in images.ARRAYS),
        )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "IMAGES", known)
        patch.setattr(models, "TRIED_FEATURES", models.IMAGE_FEATURES)  # tiny images need no smaller models
        yield folder
