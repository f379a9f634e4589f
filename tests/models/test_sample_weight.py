"""Records that count for more or less: simulated, with what the attacker cannot know in its error bars."""

import numpy as np
import pytest
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, Ridge

import undelete
from tests.models.conftest import COLUMNS, SURE, customers, kept
from undelete import InputError
from undelete.cli import main

MODELS = {
    "ridge": (lambda: Ridge(1.0, solver="cholesky"), "wage"),
    "logistic": (lambda: LogisticRegression(**SURE), "left"),
    "sizes": (lambda: GammaRegressor(alpha=1e-3, **SURE), "spent"),
    "counts": (lambda: PoissonRegressor(alpha=1e-3, **SURE), "visits"),
}


@pytest.fixture(scope="module")
def halves():
    table = customers(2400)
    private = table[:900].assign(weight=np.random.default_rng(9).choice([0.5, 1.0, 4.0], 900))
    return private, table[900:].reset_index(drop=True)


def fitted(name, private, whole=None):
    make, target = MODELS[name]
    weighted = kept(make(), private if whole is None else whole)
    last = weighted.steps[-1][0]
    return weighted.fit(private[COLUMNS], private[target], **{f"{last}__sample_weight": private.weight}), target


@pytest.mark.parametrize("name", MODELS)
def test_a_deletion_is_retrained_as_it_was_weighted_and_a_target_told_within_what_the_weights_say(name, halves):
    private, public = halves
    model, target = fitted(name, private)
    played = undelete.simulate(
        model, private[COLUMNS], private[target], public[COLUMNS], public[target], deletions=[3, 4, 5, 6, 7, 8],
        attacks=["hrec+"], sample_weight=private.weight,
    )  # fmt: skip
    after = fitted(name, private.drop(index=3), private)[0][-1]
    np.testing.assert_allclose(
        played.release.W_after[0, :, 0], np.append(np.ravel(after.coef_), after.intercept_), rtol=1e-6, atol=1e-8
    )
    assert played.summary()["median_centred_cosine"]["hrec+"] > 0.95
    assert any("sample_weight" in text for text in played.warnings)
    found, truth = played.found["hrec+"], played.truth.Y
    if name == "logistic":
        assert (np.sign(found.target) == truth).all()
    else:
        assert (np.abs(found.target - truth) <= 3.5 * found.target_error).all()
        low, high = found.target_range
        assert np.median(high - low) < 2.5 * public[target].std()  # a weight scales the residual


def test_the_command_takes_the_column(halves, tmp_path, capsys, monkeypatch):
    private, public = halves
    model, target = fitted("logistic", private)
    undelete.save_model(model, tmp_path / "model.skops")
    private[[*COLUMNS, target, "weight"]].to_csv(tmp_path / "train.csv", index=False)
    public[[*COLUMNS, target]].to_csv(tmp_path / "public.csv", index=False)
    monkeypatch.chdir(tmp_path)
    given = ["simulate", "model.skops", "--train", "train.csv", "--public", "public.csv", "--target", target]
    given += ["--deletions", "3", "--out", "out"]
    assert main([*given, "--sample-weight", "weight"]) == 0
    assert "sample_weight" in capsys.readouterr().out
    assert main([*given, "--sample-weight", "town"]) == 2
    assert "column 'town' is no number in row 0" in capsys.readouterr().err
    assert main([*given, "--sample-weight", "age"]) == 2
    assert "names 'age', which the model reads as a record's column" in capsys.readouterr().err
    with pytest.raises(InputError, match="one number, zero or more, for each of the 900 records"):
        undelete.simulate(model, private[COLUMNS], private[target], public[COLUMNS], sample_weight=[1.0])
