"""Hostile files are read or refused, in seconds, in one line; nothing else happens."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.hostile import CRAFTED, FORMATS, LONGEST, MUTATIONS, crafted, fuzz, use, whole
from undelete import cli, limits
from undelete.adapters.files.files import load_model
from undelete.errors import InputError


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.filterwarnings("ignore")
def test_changed_files_are_read_or_refused(tmp_path, suffix):
    assert use(whole(tmp_path)[suffix]) == "read"
    found = fuzz(tmp_path, suffix)
    assert found["read"] + found["refused"] == MUTATIONS
    assert found["refused"] > MUTATIONS / 3
    assert found["slowest"] < 1000 * LONGEST


@pytest.mark.parametrize("name", [entry[0] for entry in CRAFTED])
@pytest.mark.filterwarnings("ignore")
def test_small_files_that_would_hang_or_deceive_are_refused_at_once(tmp_path, name):
    came, seconds = crafted(tmp_path, name)
    assert came == next(entry[3] for entry in CRAFTED if entry[0] == name)
    assert seconds < LONGEST


def test_limits_are_lifted_on_request(tmp_path, capsys):
    names = ["*".join(f"x{j}" for j in range(300))]
    file = tmp_path / "long.json"
    file.write_text(json.dumps({"coef": [[1.0]], "loss": "squared", "feature_names": names}))
    with pytest.raises(InputError, match="300 factors, over 100"):
        load_model(file)
    with limits.lifted(3):
        assert load_model(file).feature_names == tuple(names)
    pd.DataFrame({"x0": [1.0]}).to_csv(tmp_path / "public.csv", index=False)
    words = ["audit", str(file), str(file), "--public", str(tmp_path / "public.csv"), "--out", str(tmp_path / "out")]
    assert cli.main(words) == 2
    assert "300 factors" in capsys.readouterr().err
    assert cli.main([*words, "--limits", "10"]) == 2
    assert "no column" in capsys.readouterr().err


def test_work_is_counted_and_timed(monkeypatch):
    with limits.metered():
        limits.spend(2_000_000)
        with pytest.raises(InputError, match="steps or 60 s to read"):
            limits.spend(2_000_000)
    monkeypatch.setattr(limits.time, "monotonic", iter([0.0, 10.0, 61.0]).__next__)
    with limits.metered():
        limits.spend(1)
        with pytest.raises(InputError, match="60 s to read"):
            limits.spend(1)
    limits.spend(10**12)  # nothing is counted where nobody asked


@pytest.mark.parametrize("value", ["0", "nan", "inf", "1e9", "many"])
def test_what_is_no_factor_is_refused(value, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["audit", "a", "b", "--public", "c", "--limits", value])
    assert ended.value.code == 2
    assert "is not a number from 1 to 1,000,000" in capsys.readouterr().err
