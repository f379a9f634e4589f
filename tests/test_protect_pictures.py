"""Of records that are images, what each defence leaves of some deleted pictures."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from undelete.adapters.files.files import save_model
from undelete.auditing.protect import protect
from undelete.cli import main
from undelete.data.schema import ImageInfo
from undelete.maintainer.defences.noisy import InstanceNoise

IMAGE = ImageInfo((4, 4), 0.0, 16.0)


@pytest.fixture(scope="module")
def digits():
    """Digits up to three in 4 x 4 pixels, some of them private, and a classifier of these."""
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 4], y[y < 4]
    X = X.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    table = pd.DataFrame(X, columns=[f"p{i}" for i in range(16)]).assign(digit=y)
    private, public = table[:300], table[300:].reset_index(drop=True)
    fitted = LogisticRegression(C=0.1, tol=1e-10, max_iter=3000).fit(private.drop(columns="digit"), private.digit)
    return private, public, fitted


def test_stronger_noise_leaves_less_of_a_picture(digits, tmp_path):
    private, public, fitted = digits
    noise = InstanceNoise(strengths=(1000, 1))
    parts = [part for table in (private, public) for part in (table.drop(columns="digit"), table.digit)]
    for _ in range(2):  # the second time from the rows that were kept
        found = protect(fitted, *parts, deletions=6, defences=[noise], image=IMAGE, checkpoint=tmp_path)
        pictures = found.pictures
        assert len(pictures.deleted) == len(pictures.heads) == 6
        for picture, head in zip(pictures.deleted, pictures.heads, strict=True):
            same = (private.drop(columns="digit").to_numpy().reshape(-1, 4, 4) * 255 / 16).round() - np.array(picture)
            assert head in private.digit[np.abs(same).max(axis=(1, 2)) <= 1].astype(str).tolist()
        none, weak, strong = (np.mean(row["near"]) for row in pictures.rows)
        assert none > 0.7
        assert none > weak > strong + 0.2
        errors = [
            np.abs(np.array(row["pixels"], dtype=float) - pictures.deleted).mean()
            for row in (pictures.rows[0], pictures.rows[2])
        ]
        assert errors[0] < errors[1]
    assert "pixels" not in json.dumps(found.document())


def test_the_command_draws_them(digits, tmp_path, capsys):
    private, public, fitted = digits
    save_model(fitted, tmp_path / "model.skops")
    for name, table in (("train", private), ("public", public)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    argv = ["protect", "model.skops", "--train", "train.csv", "--public", "public.csv", "--target", "digit",
            "--deletions", "5", "--defence", "instance_noise", "--image", "4x4", "--out", "safe"]  # fmt: skip
    argv = [str(tmp_path / one) if one.endswith((".skops", ".csv", "safe")) else one for one in argv]
    assert main(argv) == 0, capsys.readouterr().err
    drawn = (tmp_path / "safe" / "pictures.svg").read_text(encoding="utf-8")
    assert drawn.count("<image") == 5 * (1 + 1 + 5)  # deleted, without a defence, five strengths
    for ending in ("svg", "png"):  # private records, as a report
        assert (tmp_path / "safe" / f"pictures.{ending}").stat().st_mode & 0o077 == 0
    shown = [tmp_path / name for name in ("whole", "redacted")]
    for place, more in zip(shown, ([], ["--redact"]), strict=True):
        argv = ["simulate", "model.skops", "--train", "train.csv", "--public", "public.csv", "--target", "digit",
                "--deletions", "5", "--image", "4x4", "--protection", "safe/protection.json", *more]  # fmt: skip
        argv = [str(tmp_path / one) if one.endswith((".skops", ".csv", ".json")) else one for one in argv]
        assert main([*argv, "--out", str(place)]) == 0, capsys.readouterr().err
    whole, redacted = ((place / "report.html").read_text(encoding="utf-8") for place in shown)
    assert whole.count("under each defence at up to five strengths") == 1
    assert "under each defence at up to five strengths" not in redacted
