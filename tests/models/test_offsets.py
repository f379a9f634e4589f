"""Offsets and exposures from end to end: fits of statsmodels and plain files, by Python and by command."""

import json
import re
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest

import undelete
from tests.models.conftest import WHO, customers
from undelete import InputError, Offset
from undelete.auditing.released import read_pair
from undelete.auditing.series import audit_series
from undelete.cli import main

sm = pytest.importorskip("statsmodels.api")
formulas = pytest.importorskip("statsmodels.formula.api")
SURE = {"tol": 1e-11, "maxiter": 200}
FAMILIES = {
    "poisson": ("claims_made", sm.families.Poisson()),
    "gamma": ("cost", sm.families.Gamma(sm.families.links.Log())),
    "tweedie": ("paid", sm.families.Tweedie(sm.families.links.Log(), var_power=1.5)),
    "logit": ("ill", sm.families.Binomial()),
    "probit": ("ill", sm.families.Binomial(sm.families.links.Probit())),
    "gaussian": ("score", sm.families.Gaussian()),
}


def insured(n, seed):
    """People insured for some years, whose claims go with these."""
    rng = np.random.default_rng(seed)
    table = customers(n, seed).drop(columns=["visits", "spent", "claims", "wage", "left", "plan"])
    table["years"] = np.round(rng.gamma(2.0, 1.5, n) + 0.1, 1)
    table["logyears"] = np.log(table.years)
    mean = table.years * np.exp(-2 + 0.01 * table.age + 0.3 * table.member)
    score = -1 + 0.02 * table.age + table.logyears
    return table.assign(
        claims_made=rng.poisson(mean), cost=mean * rng.gamma(2.0, 0.5, n), score=score + rng.normal(size=n),
        paid=rng.poisson(mean) * rng.gamma(2.0, 0.5, n), ill=(rng.logistic(size=n) < score).astype(int),
    )  # fmt: skip


def fitted(table, name="poisson", **offset):
    target, family = FAMILIES[name]
    offset = offset or {"offset": table.logyears}
    return formulas.glm(f"{target} ~ age + member + C(town)", table, family=family, **offset).fit(**SURE)


PRIVATE, PUBLIC = insured(500, 1), insured(800, 2)
REST = PRIVATE.drop(index=WHO).reset_index(drop=True)


@cache
def models(name="poisson"):
    """A fit with everybody and one without one person."""
    return fitted(PRIVATE, name), fitted(REST, name)


@pytest.mark.parametrize("name", FAMILIES)
def test_an_audit_of_a_fit_with_an_offset_gives_the_columns_back(name):
    target, _ = FAMILIES[name]
    found = undelete.audit(*models(name), PUBLIC, target=target, offset="logyears", truth=PRIVATE.loc[[WHO]])
    assert found.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
    assert found.summary().loc["hrec+", "median_centred_cosine"] > 0.9
    if name in ("logit", "probit"):
        assert found.records.loc[0, target] == PRIVATE.loc[WHO, target]
        return
    best = found.found["hrec+"]
    assert best.target_low[0, 0] <= PRIVATE.loc[WHO, target] <= best.target_high[0, 0]
    assert best.target_error[0, 0] > 0
    assert "is not known" in " ".join(found.warnings)
    cell = found.document()["records"][0]["target"]
    assert cell["low"] == best.target_low[0, 0]
    assert cell["high"] == best.target_high[0, 0]


def test_the_two_ways_of_saying_an_exposure_are_one():
    read = partial(read_pair, fitted(PRIVATE, exposure=PRIVATE.years), models()[1], PUBLIC, target="claims_made")
    one, two = read(offset=Offset(("log(years)",))), read(offset=Offset(("logyears",)))
    np.testing.assert_allclose(one.release.offset_public, two.release.offset_public)
    np.testing.assert_allclose(one.release.offset_public, np.log(PUBLIC.years))
    with pytest.raises(InputError, match="only the first model was fitted with an offset"):
        read_pair(models()[0], fitted(REST, offset=0 * REST.years), PUBLIC, target="claims_made")


@pytest.mark.parametrize("digits", [None, 3])
@pytest.mark.parametrize("name", ["poisson", "logit"])
def test_answers_with_and_without_the_offset_give_the_columns_back(name, digits):
    target, _ = FAMILIES[name]
    told = []
    for shift in (PUBLIC.logyears, 0 * PUBLIC.logyears):
        given = [np.asarray(one.predict(PUBLIC, offset=shift)) for one in models(name)]
        answers = [undelete.Answers(one if digits is None else np.round(one, digits)) for one in given]
        told.append(
            undelete.audit(
                *answers, PUBLIC, target=target, features=models(name)[0], exposure="years", n=500,
                truth=PRIVATE.loc[[WHO]], attacks=["hrec+"],
            )
        )  # fmt: skip
        assert told[-1].summary().loc["hrec+", "median_centred_cosine"] > (0.9 if digits is None else 0.6)
    assert any("taken as those without the offset" in text for text in told[1].warnings)
    assert not any("without the offset" in text for text in told[0].warnings)
    if digits is None:
        whole = undelete.audit(*models(name), PUBLIC, target=target, offset="logyears", n=500, attacks=["hrec+"])
        for one in told:
            np.testing.assert_allclose(one.found["hrec+"].X, whole.found["hrec+"].X, rtol=0.05, atol=0.1)


def test_a_wrong_column_is_seen():
    found = undelete.audit(*models(), PUBLIC, target="claims_made", exposure="age")
    assert found.verdict.word == "NOT DECIDABLE"
    checks = {one.name: one.ok for one in found.diagnostics}
    assert checks["Gradient on public data"] is False


REFUSED = {
    "no file says which column it is": {},
    "no column 'years_insured', which is the models' offset": {"exposure": "years_insured"},
    "is -1 in row 3: an exposure is above 0": {"exposure": "negative"},
    "is 0 in row 3: an exposure is above 0": {"exposure": "none"},
    "is missing, infinite or no number in row 3": {"exposure": "missing"},
    "column 'infinite', the models' offset, is missing, infinite": {"offset": "infinite"},
    "column 'word', the models' offset": {"offset": "word"},
    "each of its terms is a column, or the logarithm of one": {"offset": "sqrt(age)"},
}


@pytest.mark.parametrize("why", REFUSED)
def test_refusals_of_columns(why):
    odd = {"negative": -1.0, "none": 0.0, "missing": np.nan, "infinite": np.inf}
    public = PUBLIC.assign(**{name: PUBLIC.years.where(PUBLIC.index != 3, v) for name, v in odd.items()}, word="a")
    with pytest.raises(InputError, match=why.replace("(", r"\(")):
        undelete.audit(*models(), public, target="claims_made", **REFUSED[why])


def test_other_refusals():
    plain = [formulas.glm("claims_made ~ age", t, family=sm.families.Poisson()).fit(**SURE) for t in (PRIVATE, REST)]
    own = models()[0]
    with pytest.raises(InputError, match=r"an offset is named .* and the models were fitted without one"):
        undelete.audit(*plain, PUBLIC, target="claims_made", exposure="years")
    with pytest.raises(InputError, match="fitted without one"):
        undelete.simulate(plain[0], PRIVATE[["age"]], PRIVATE.claims_made, PUBLIC, PUBLIC.claims_made, offset="age")
    with pytest.raises(InputError, match="no file says which column it is"):
        undelete.leave_one_out(own, PRIVATE, PRIVATE.claims_made, [0])
    bare = PRIVATE.drop(columns="years")
    with pytest.raises(InputError, match="a table has no column 'years'"):
        undelete.who_was_deleted(*models(), PUBLIC, bare, target="claims_made", exposure="years")
    with pytest.raises(InputError, match="a table has no column 'years'"):
        undelete.leave_one_out(own, bare, PRIVATE.claims_made, [0], exposure="years")
    ill = models("logit")[0], fitted(REST[:-1], "logit")
    with pytest.raises(InputError, match="several people came between models of a class with an offset"):
        undelete.audit(*ill, PUBLIC, target="ill", offset="logyears", deleted=2)
    with pytest.raises(InputError, match="groups are not played of models of a class with an offset"):
        undelete.simulate(ill[0], PRIVATE, PRIVATE.ill, PUBLIC, PUBLIC.ill, offset="logyears", group=2, deletions=1)
    with pytest.raises(InputError, match="a result of statsmodels cannot be made"):
        undelete.protect(own, PRIVATE, PRIVATE.claims_made, PUBLIC, PUBLIC.claims_made)
    answers = undelete.Answers(np.asarray(own.predict(PUBLIC, offset=PUBLIC.logyears)))
    with pytest.raises(InputError, match="give the old model's file as features"):
        undelete.audit(
            answers, answers, PUBLIC, target="claims_made", features="numeric,onehot", offset="logyears"
        )  # fmt: skip
    with pytest.raises(InputError, match="no file says which column it is"):
        undelete.audit(answers, answers, PUBLIC, target="claims_made", features=own)
    with pytest.raises(InputError, match="an optimiser are undone for models without an offset"):
        undelete.audit(
            *models(), PUBLIC, target="claims_made", offset="logyears", optimiser=undelete.Descent(steps=10, step=0.1)
        )  # fmt: skip
    with pytest.raises(InputError, match="an offset is read of models of one output"):
        undelete.LinearModel(np.ones((2, 1)), None, "squared", ["age"], offset=Offset(("years",)))


def test_two_people_with_an_offset_are_told_apart_without_a_target():
    rest = PRIVATE.drop(index=[WHO, 20]).reset_index(drop=True)
    pair = models()[0], fitted(rest)
    found = undelete.audit(*pair, PUBLIC, target="claims_made", offset="logyears", truth=PRIVATE.loc[[WHO, 20]])
    assert found.setting.people == 2
    assert np.isnan(found.found[found.main].target).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_deletions_are_played_as_statsmodels_fits_again(name):
    target, _ = FAMILIES[name]
    model, after = models(name)
    gone = undelete.leave_one_out(model, PRIVATE, PRIVATE[target], [WHO], offset="logyears", tol=1e-11)
    change = after.params["age"] - model.params["age"]
    names = [one for one in after.params.index if one != "Intercept"]
    np.testing.assert_allclose(gone.coef[0, 0], after.params[names], atol=1e-3 * abs(change))


def test_simulations_and_membership_train_with_the_exposure():
    own = models()[0]
    y, known = PRIVATE.claims_made, PUBLIC.claims_made
    found = undelete.simulate(own, PRIVATE, y, PUBLIC, known, exposure="years", deletions=20)
    best, true = found.found["hrec+"], found.truth.Y
    sure = found.found["hrec+"].probability >= 0.95
    assert np.array(list(found.right["hrec+"]))[sure].mean() > 0.9
    inside = (best.target_low <= true) & (true <= best.target_high)
    assert inside[np.isfinite(best.target)].mean() >= 0.88
    assert found.scored["informed"]["centred_cosine"].min() > 1 - 1e-6
    scores = undelete.membership(
        own, PRIVATE, y, PUBLIC[:300], known[:300], PUBLIC[300:], known[300:], shadows=4, exposure="years"
    )
    assert 0.4 < scores.auc < 0.65


@pytest.mark.parametrize("name", ["poisson", "gaussian"])
def test_records_of_unequal_weights_beside_an_offset_widen_the_target_s_range(name):
    target, family = FAMILIES[name]
    weights, own, others = (
        np.exp(0.8 * np.random.default_rng(4).normal(size=500)),
        models(name)[0],
        np.arange(500) != WHO,
    )
    after = formulas.glm(f"{target} ~ age + member + C(town)", PRIVATE[others], family=family,
                         offset=PRIVATE.logyears[others], var_weights=weights[others]).fit(**SURE)  # fmt: skip
    given = {"offset": "logyears", "sample_weight": weights}
    gone = undelete.leave_one_out(own, PRIVATE, PRIVATE[target], [WHO], **given, tol=1e-11)
    names = [one for one in after.params.index if one != "Intercept"]
    np.testing.assert_allclose(gone.coef[0, 0], after.params[names], atol=1e-8)

    def played(**given):
        return undelete.simulate(own, PRIVATE, PRIVATE[target], PUBLIC, PUBLIC[target], deletions=20, rng=3, **given)

    one, even = played(**given), played(offset="logyears")
    best, true = one.found["hrec+"], one.truth.Y
    known = np.isfinite(best.target)
    assert ((best.target_low <= true) & (true <= best.target_high))[known].mean() >= 0.88
    wide = [found.target_high - found.target_low for found in (best, even.found["hrec+"])]
    assert np.nanmean(wide[0]) > 1.05 * np.nanmean(wide[1])
    assert one.scored["informed"]["centred_cosine"].min() > 1 - 1e-6


def test_a_series_has_one_offset():
    steps = [*models(), fitted(REST.drop(index=3).reset_index(drop=True))]
    found = audit_series(steps, PUBLIC, target="claims_made", exposure="years")
    assert [one.verdict.word == "NOT DECIDABLE" for one in found] == [False, False]


def test_a_command_names_the_column(tmp_path, capsys):
    columns = ["age", "member", "town", "years", "claims_made"]
    for one, name in zip(models(), ("before", "after"), strict=True):
        one.save(tmp_path / f"{name}.pickle")
    PUBLIC[columns].to_csv(tmp_path / "p.csv", index=False)
    PRIVATE.loc[5:24, columns].to_csv(tmp_path / "people.csv", index=False)
    files = [str(tmp_path / name) for name in ("before.pickle", "after.pickle", "p.csv", "people.csv", "out")]
    command = ["audit", *files[:2], "--public", files[2], "--target", "claims_made", "--trust", "--out", files[4]]
    assert main([*command, "--exposure", "years", "--candidates", files[3]]) == 0
    assert re.search(r"claims_made +\d (\(\d to \d+\)|\+- \d)", said := capsys.readouterr().out), said
    first = pd.read_csv(tmp_path / "out" / "candidates.csv").iloc[0]
    assert first.row == WHO - 5
    assert first.probability > 0.9
    assert main(command) == 2
    assert "--exposure COLUMN" in capsys.readouterr().err
    assert main(["simulate", command[1], "--train", files[3], *command[3:7], "--trust",
                 "--exposure", "years"]) == 2  # fmt: skip
    assert "the table has 20" in capsys.readouterr().err


def test_plain_files_name_it(tmp_path):
    own = models()[0].params
    entries = {
        "coef": [own["age"], own["member"]], "intercept": own["Intercept"], "loss": "poisson", "l2": 0, "n": 500,
        "feature_names": ["age", "member"], "offset": "log(years)",
    }  # fmt: skip
    for name, offset in (("one", "log(years)"), ("two", ["logyears"]), ("three", 3)):
        (tmp_path / f"{name}.json").write_text(json.dumps(entries | {"offset": offset}))
    model = undelete.load_model(tmp_path / "one.json")
    np.testing.assert_allclose(model.offsets(PUBLIC), PUBLIC.logyears)
    undelete.save_model(model, tmp_path / "again.json")
    assert undelete.load_model(tmp_path / "again.json").offset == Offset(("log(years)",))
    with pytest.raises(InputError, match=r"the offset is log\(years\) here and logyears there"):
        read_pair(tmp_path / "one.json", tmp_path / "two.json", PUBLIC, target="claims_made")
    with pytest.raises(InputError, match="an offset that is not text"):
        undelete.load_model(tmp_path / "three.json")
