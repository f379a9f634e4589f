"""Results of statsmodels, by formula and from arrays."""

import numpy as np
import pytest
from sklearn.linear_model import TweedieRegressor

import undelete
from tests.models.conftest import WHO, customers
from undelete import InputError
from undelete.adapters.statsmodels import from_statsmodels
from undelete.adapters.targets import encode_target
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.released import read_pair

sm = pytest.importorskip("statsmodels.api")
formulas = pytest.importorskip("statsmodels.formula.api")
SURE = {"tol": 1e-14, "maxiter": 200}
MODELS = {
    "ols": (lambda d: formulas.ols("wage ~ age * C(town) + I(age ** 2) + member", d).fit(), "wage"),
    "logit": (lambda d: formulas.logit("left ~ age + town", d).fit(disp=0, tol=1e-14), "left"),
    "probit": (lambda d: formulas.glm("left ~ age + town", d, family=sm.families.Binomial(
        sm.families.links.Probit())).fit(**SURE), "left"),
    "counts": (lambda d: formulas.glm("visits ~ age", d, family=sm.families.Poisson()).fit(**SURE), "visits"),
    "sizes": (lambda d: formulas.glm("spent ~ age + C(town)", d, family=sm.families.Gamma(
        sm.families.links.Log())).fit(**SURE), "spent"),
    "claims": (lambda d: formulas.glm("claims ~ age", d, family=sm.families.Tweedie(
        sm.families.links.Log(), var_power=1.5)).fit(**SURE), "claims"),
    "overdispersed": (lambda d: formulas.glm("visits ~ age + member", d, family=sm.families.NegativeBinomial(
        alpha=0.7)).fit(**SURE), "visits"),
    "dispersion fitted": (lambda d: formulas.negativebinomial("calls ~ age + member", d).fit(
        disp=0, gtol=1e-6, maxiter=500), "calls"),
    "plans": (lambda d: formulas.mnlogit("plan ~ age + town", d).fit(disp=0, tol=1e-14), "plan"),
    "words": (lambda d: sm.MNLogit(d.plan.map({0: "a", 1: "b", 2: "c"}), sm.add_constant(d[["age", "member"]])).fit(
        disp=0, tol=1e-14), "plan"),
    "logarithms": (lambda d: formulas.ols("wage ~ np.log(age) * member + C(town, Sum)", d).fit(), "wage"),
    "no constant": (lambda d: formulas.ols("wage ~ C(town) + age - 1", d).fit(), "wage"),
    "deviations": (lambda d: formulas.ols("wage ~ standardize(age) + center(member) + town", d).fit(), "wage"),
    "comparisons": (lambda d: formulas.logit("left ~ I(age > 40) + town + bs(age, knots=(40,), degree=1, "
        "lower_bound=0, upper_bound=99)", d).fit(disp=0, tol=1e-14, method="newton"), "left"),
    "equal weights": (lambda d: formulas.wls("wage ~ np.sqrt(age) + town", d, weights=np.full(len(d), 2)).fit(),
        "wage"),
    "words of two": (lambda d: formulas.glm("answer ~ age + town", d, family=sm.families.Binomial()).fit(**SURE),
        "answer"),
    "logarithm predicted": (lambda d: formulas.ols("np.log(spent) ~ age + town", d).fit(), "spent"),
    "array": (lambda d: sm.OLS(d.wage.to_numpy(), sm.add_constant(d[["age", "member"]].to_numpy())).fit(), "wage"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(name, monkeypatch):
    monkeypatch.setattr("undelete.auditing.with_change.trained_by", lambda *_: None)  # these were trained on
    fit, target = MODELS[name]
    table = customers(300)
    table["calls"] = table.visits**2  # counts of a variance far above their mean
    table["answer"] = np.where(table.left == 1, "yes", "no")
    before, after = (fit(part) for part in (table, table.drop(index=WHO)))
    table = table[["age", "member", target]] if name == "array" else table
    table = table.assign(plan=table.plan.map({0: "a", 1: "b", 2: "c"})) if name == "words" else table
    found = read_pair(before, after, table.drop(index=WHO), target=target)
    assert found.release.n == 300
    record = table.loc[[WHO]]
    x, Y = found.old.features(record), encode_target(found.old, record[target], target)
    exact = -np.outer(x, found.release.loss.residual(Y, x @ found.old.W))
    told = Difference.by(found.release, "answers").gradient[0]
    np.testing.assert_allclose(told, exact, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize("engine", ["patsy", "formulaic"])
def test_terms_that_have_no_name_are_asked_of_the_formula(engine, monkeypatch):
    options = pytest.importorskip("statsmodels.formula").options
    pytest.importorskip(engine)
    monkeypatch.setattr(options, "formula_engine", engine)
    table, public = customers(400), customers(3000, seed=5)
    before, after = (
        formulas.logit("left ~ np.log(age) + C(town)", part).fit(disp=0, tol=1e-14)
        for part in (table, table.drop(index=WHO))
    )
    columns = ["age", "town", "left"]
    odd = public[columns].copy()
    odd.loc[:40, "town"] = "west"
    odd.loc[50:60, "age"] = np.nan
    found = undelete.audit(before, after, odd, target="left", truth=table.loc[[WHO], columns])
    assert f"52 of {len(odd):,} public records are left out" in found.warnings[0]
    assert found.records.loc[0, "town"] == table.town[WHO]
    assert abs(found.records.loc[0, "age"] - table.age[WHO]) <= 2
    whole = undelete.audit(before, after, public[columns], target="left", truth=table.loc[[WHO], columns])
    assert abs(found.found["hrec+"].bits[0] - whole.found["hrec+"].bits[0]) < 0.5


def test_indicators_that_add_up_to_one_are_the_constant():
    table, public = customers(300), customers(900, seed=5)[["age", "town", "left"]]
    fits = [
        formulas.logit("left ~ C(town) + age - 1", part).fit(disp=0, tol=1e-14)
        for part in (table, table.drop(index=WHO))
    ]
    by_formula = undelete.audit(*fits, public, target="left", attacks=["hrec"])
    assert by_formula.verdict.word != "NOT DECIDABLE"
    names = ["town=east", "town=north", "town=south", "age"]  # a file of coefficients, which says no levels
    plain = [undelete.LinearModel(fit.params.to_numpy(), None, "logistic", names, (0, 1)) for fit in fits]
    found = undelete.audit(*plain, public, target="left", n=300, l2=0.0, attacks=["hrec"])
    assert any("'town=east', 'town=north', 'town=south' add up to the same" in text for text in found.warnings)
    assert found.verdict.word == by_formula.verdict.word


def test_a_level_that_only_the_deleted_person_had_is_given_away():
    table, public = customers(400), customers(900, seed=5)
    table.loc[WHO, "town"] = public.loc[[3, 50], "town"] = "west"
    columns = ["age", "town", "left"]
    before, after = (
        formulas.glm("left ~ age + C(town)", part, family=sm.families.Binomial()).fit(tol=1e-10)
        for part in (table, table.drop(index=WHO))
    )
    found = undelete.audit(before, after, public[columns], target="left", truth=table.loc[[WHO], columns])
    assert found.records.loc[0, "town"] == "west"
    assert any("lacks a category that the old one knew" in text for text in found.warnings)


def test_what_covariances_give_away_is_known_as_well_as_said():
    """Dollars beside indicators: the inverse was made of the columns as they are, and has lost digits with them."""
    rng = np.random.default_rng(2)
    table = customers(800).assign(dollars=rng.integers(-40000, 40000, 800))
    whole = formulas.ols("wage ~ dollars + C(town, Sum)", table).fit()
    for who in range(10):
        after = formulas.ols("wage ~ dollars + C(town, Sum)", table.drop(index=who)).fit()
        (row,) = (row for row in undelete.scan(whole, after).table.itertuples() if row.column == "dollars")
        assert row.low <= table.dollars[who] <= row.high
        assert row.high - row.low < 0.01
    public = customers(900, seed=4).assign(dollars=rng.integers(-40000, 40000, 900))
    columns = ["dollars", "town", "wage"]
    found = undelete.audit(whole, after, public[columns], target="wage", truth=table.loc[[who], columns])
    assert found.records.loc[0, "dollars"] == table.dollars[who]
    assert found.right["hrec+"].all()


def test_splines_whose_knots_moved_are_asked_within_the_range_that_they_know():
    table, public = customers(400), customers(3000, seed=5)
    table = table[(table.age > 20) & (table.age < 75)].reset_index(drop=True)
    before, after = (formulas.ols("wage ~ bs(age, df=5) + town", part).fit() for part in (table, table.drop(index=WHO)))
    columns = ["age", "town", "wage"]
    found = undelete.audit(before, after, public[columns], target="wage", truth=table.loc[[WHO], columns])
    assert "left out, which the model's steps refuse" in found.warnings[0]
    assert found.records.loc[0, "town"] == table.town[WHO]


def test_an_audit_of_saved_results(tmp_path):
    table, public = customers(300), customers(600, seed=4)
    fit = MODELS["logit"][0]
    for name, part in (("before", table), ("after", table.drop(index=WHO))):
        fit(part).save(str(tmp_path / f"{name}.pickle"))
    files = [tmp_path / f"{name}.pickle" for name in ("before", "after")]
    found = undelete.audit(*files, public[["age", "town", "left"]], target="left", trust=True)
    assert found.records.loc[0, "left"] == table.left[WHO]
    with pytest.raises(InputError, match="is a pickle, and unpickling runs code"):
        undelete.audit(*files, public, target="left")


@pytest.mark.parametrize(
    ("family", "power", "target"),
    [(sm.families.Poisson(), 1.0, "visits"), (sm.families.Gamma(sm.families.links.Log()), 2.0, "spent"),
     (sm.families.Tweedie(sm.families.links.Log(), var_power=1.5), 1.5, "claims")],
    ids=["poisson", "gamma", "tweedie"],
)  # fmt: skip
def test_an_offset_is_a_weight_of_a_log_link_and_deletions_follow(family, power, target):
    table = customers(200)
    X, y, e = table[["age", "member"]].astype(float), table[target], np.exp(table.age.to_numpy() % 3 - 1.0)

    def fitted(rows):
        offset = np.log(e[rows])
        found = sm.GLM(y.iloc[rows], sm.add_constant(X.iloc[rows]), family=family, offset=offset).fit(**SURE)
        return np.asarray(found.params)[1:], found

    own, result = fitted(np.arange(len(y)))
    weight = e ** (2 - power)
    model = TweedieRegressor(power=power, alpha=0, link="log", tol=1e-10, max_iter=10_000)
    for row in (3, 50):
        gone = undelete.leave_one_out(model, X, y / e, [row], sample_weight=weight)
        left, _ = fitted(np.delete(np.arange(len(y)), row))
        np.testing.assert_allclose(gone.coef[0, 0], left, rtol=1e-6)
        assert not np.allclose(own, left, rtol=1e-6)
        itself = undelete.leave_one_out(result, X.assign(e=e), y, [row], exposure="e")
        np.testing.assert_allclose(itself.coef[0, 0], gone.coef[0, 0], rtol=1e-9)


def test_deletions_of_a_dispersion_that_is_given_are_played_and_of_one_that_is_fitted_refused():
    table = customers(300).assign(calls=lambda t: t.visits**2)
    make = MODELS["overdispersed"][0]
    found = undelete.leave_one_out(make(table), table[["age", "member"]], table.visits, [WHO])
    np.testing.assert_allclose(found.coef[0, 0], make(table.drop(index=WHO)).params.iloc[1:], rtol=1e-7)
    fitted = MODELS["dispersion fitted"][0](table)
    with pytest.raises(InputError, match="fits its dispersion with the coefficients"):
        undelete.leave_one_out(fitted, table[["age", "member"]], table.calls, [WHO])


def test_a_logarithm_that_a_formula_predicts_is_told_as_the_table_has_it():
    table, public = customers(300), customers(600, seed=3)
    make = MODELS["logarithm predicted"][0]
    found = undelete.audit(make(table), make(table.drop(index=WHO)), public, target="spent")
    assert found.records.loc[0, "spent"] == pytest.approx(table.spent[WHO], rel=0.3)
    played = undelete.leave_one_out(make(table), table[["age", "town"]], table.spent, [WHO])
    np.testing.assert_allclose(played.coef[0, 0], make(table.drop(index=WHO)).params.iloc[1:], rtol=1e-7)


def test_refusals():
    table = customers(200)
    binomial = sm.families.Binomial()
    refused = {
        "statsmodels' RLM is not read": formulas.rlm("wage ~ age", table).fit(),
        "family Gaussian with link Log": formulas.glm(
            "spent ~ age", table, family=sm.families.Gaussian(sm.families.links.Log())
        ).fit(),
        "OLS was fitted with fit_regularized": formulas.ols("wage ~ age", table).fit_regularized(alpha=0.1),
        "Logit was fitted with fit_regularized": formulas.logit("left ~ age", table).fit_regularized(alpha=1.0, disp=0),
        "QuantReg is not read: its loss has no curvature": formulas.quantreg("wage ~ age", table).fit(),
        "response is a table of counts": formulas.glm("visits + age ~ town", table, family=binomial).fit(),
        "response is a share": formulas.glm("I(age / 100) ~ town", table, family=binomial).fit(),
        r"predicts np.log\(visits \+ 2\)": formulas.ols("np.log(visits + 2) ~ age", table).fit(),
    }
    for why, result in refused.items():
        with pytest.raises(InputError, match=why):
            undelete.audit(result, result, table, target="visits")


def test_a_file_without_its_data_is_read_as_with_it(tmp_path):
    table = customers(300)
    for which, rows in (("before", table), ("after", table.drop(index=WHO))):
        formulas.ols("wage ~ age + C(town)", rows).fit().save(str(tmp_path / f"{which}.pickle"), remove_data=True)
    found = read_pair(
        tmp_path / "before.pickle", tmp_path / "after.pickle", customers(300, 1), target="wage", trust=True
    )
    assert found.release.n == 300


def test_a_tolerance_below_the_deviance_s_rounding_is_met_where_that_no_longer_changes():
    family = sm.families.Gamma(sm.families.links.Log())
    fit = formulas.glm("spent ~ age + C(town)", customers(300), family=family).fit(tol=0, maxiter=60)
    assert not from_statsmodels(fit, None, ["spent"]).stopped
    early = formulas.glm("spent ~ age + C(town)", customers(300), family=family).fit(tol=0, maxiter=3)
    assert from_statsmodels(early, None, ["spent"]).stopped
