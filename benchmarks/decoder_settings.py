"""Compare values of the settings of hrec+ for images, on images that are in no result: the data sets' test images.

    python benchmarks/decoder_settings.py --data DIR --out DIR

The test images are dealt into a private and a public half, models are fitted on the private half, images are deleted
from it and attacked: the games of `undelete reproduce better`, which plays with the training images. Each setting is
tried at a few values, the others as they are in the code. Printed are the median cosine and, against the value in the
code on the same deletions, the mean gain in -log10(1 - cosine) with its 95 % interval: .3 halves the distance to 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from timing import environment
from undelete.attacker.embedding import posterior
from undelete.attacker.gradient import scale
from undelete.attacker.hrec_plus import hrec_plus
from undelete.attacker.image import bounded, outputs
from undelete.data.images import load_images
from undelete.lab.images import Images
from undelete.lab.models import IMAGE_RIDGE, IMAGE_SOFTMAX, PIXELS, Model
from undelete.lab.panel import play_release
from undelete.maths.arrays import Floats
from undelete.release.release import Release
from undelete.scoring.scores import cosine
from undelete.scoring.truth import Truth

FEATURES = 1024  # a quarter of the results', as the halves are a sixth of theirs
SETTINGS: dict[str, tuple[Any, str, tuple[float, ...]]] = {
    "outputs: ridge of the records' second moment": (outputs, "_RIDGE", (1e-4, 1e-3, 1e-2)),
    "outputs: lead of one sign": (outputs, "_CLEAR", (0.02, 0.05, 0.1)),
    "range: ridge of the metric of lengths": (bounded, "_RIDGE", (1e-4, 1e-3, 1e-2)),
    "range: ridge of the metric that leads inside": (bounded, "_TRUST", (1e-3, 0.1, 0.3, 1.0)),
    "range: steps inside": (bounded, "_STEPS", (0, 2, 5, 10, 100)),
    "embedding: ridge of the error's covariance": (posterior, "_RIDGE", (1e-5, 1e-4, 1e-3)),
    "scale: least share that is signal": (scale, "_SIGNAL", (0.03, 0.1, 0.3)),
}
_ON_PIXELS, _BEHIND_RIDGE, _BEHIND_SOFTMAX = (
    tuple(setting for setting in SETTINGS if setting.startswith(parts))
    for parts in (("outputs", "range", "scale"), ("embedding", "scale"), ("outputs", "embedding", "scale"))
)
GAMES: tuple[tuple[str, Model, tuple[str, ...]], ...] = (
    ("mnist", PIXELS, _ON_PIXELS),
    ("fashion_mnist", PIXELS, _ON_PIXELS),
    ("mnist", IMAGE_RIDGE, _BEHIND_RIDGE),
    ("fashion_mnist", IMAGE_RIDGE, _BEHIND_RIDGE),
    ("cifar10", IMAGE_RIDGE, _BEHIND_RIDGE),
    ("mnist", IMAGE_SOFTMAX, _BEHIND_SOFTMAX),
    ("fashion_mnist", IMAGE_SOFTMAX, _BEHIND_SOFTMAX),
    ("cifar10", IMAGE_SOFTMAX, _BEHIND_SOFTMAX),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Try values of hrec+'s settings for images on test images.")
    parser.add_argument("--data", type=Path, help="folder of the images; default ~/.cache/undelete")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the JSON; default results")
    parser.add_argument("--deletions", type=int, default=200, help="a game; default 200")
    parser.add_argument("--seed", type=int, default=0, help="deals the halves and draws the deletions; default 0")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for name, model, settings in GAMES:
        small = dataclasses.replace(model, features=min(model.features, FEATURES))
        release, truth = _played(name, small, arguments.deletions, arguments.seed, arguments.data)
        what = f"{Images(load_images(name, arguments.data)).name}, {model.key}"
        print(f"{what}: n = {release.n:,}, {release.W_before.shape[0]} x {release.W_before.shape[1]} parameters")
        rows += [{"game": what} | row for row in _rows(release, truth, settings)]
    report = {"deletions": arguments.deletions, "seed": arguments.seed, "environment": environment(), "rows": rows}
    path = arguments.out / "decoder_settings.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {path}")


def _played(name: str, model: Model, deletions: int, seed: int, data: Path | None) -> tuple[Release, Truth]:
    known = load_images(name, data)
    unseen = Images(dataclasses.replace(known, x_train=known.x_test, y_train=known.y_test))
    release, truth, _ = play_release(unseen, model, deletions, seed)
    return release, truth


def _rows(release: Release, truth: Truth, settings: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    base = _digits(release, truth)
    for setting in settings:
        module, constant, values = SETTINGS[setting]
        usual = getattr(module, constant)
        for value in values:
            with _set(module, constant, value):
                digits = base if value == usual else _digits(release, truth)
            gain = digits - base
            error = 1.96 * float(gain.std()) / np.sqrt(len(gain))
            row = {
                "setting": setting, "value": value, "in_code": value == usual,
                "median_cosine": 1 - 10 ** -float(np.median(digits)),
                "q10_cosine": 1 - 10 ** -float(np.quantile(digits, 0.1)),
                "gain": float(gain.mean()), "gain_error": error,
            }  # fmt: skip
            shown = "in the code" if row["in_code"] else f"{row['gain']:+.4f} +- {error:.4f}"
            print(f"  {setting:46} {value:<8g} {row['median_cosine']:.4f} {row['q10_cosine']:.4f}  {shown}", flush=True)
            yield row


def _digits(release: Release, truth: Truth) -> Floats:
    """Return -log10(1 - cosine) of each deletion's image, as the results compare them."""
    found = hrec_plus(release, np.random.default_rng(0))
    true = truth.X[:, :-1] if truth.inputs is None else truth.inputs
    guess = found.X[:, :-1] if found.inputs is None else found.inputs
    return np.asarray(-np.log10(1 - np.nan_to_num(cosine(true, guess))))


@contextmanager
def _set(module: Any, constant: str, value: float) -> Iterator[None]:
    usual = getattr(module, constant)
    setattr(module, constant, value)
    try:
        yield
    finally:
        setattr(module, constant, usual)


if __name__ == "__main__":
    main()
