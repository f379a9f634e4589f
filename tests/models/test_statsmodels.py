"""Results of statsmodels, by formula and from arrays."""

import numpy as np
import pytest
from sklearn.linear_model import TweedieRegressor

import undelete
from tests.models.conftest import WHO, customers
from undelete import InputError
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
    "plans": (lambda d: formulas.mnlogit("plan ~ age + town", d).fit(disp=0, tol=1e-14), "plan"),
    "words": (lambda d: sm.MNLogit(d.plan.map({0: "a", 1: "b", 2: "c"}), sm.add_constant(d[["age", "member"]])).fit(
        disp=0, tol=1e-14), "plan"),
    "array": (lambda d: sm.OLS(d.wage.to_numpy(), sm.add_constant(d[["age", "member"]].to_numpy())).fit(), "wage"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(name):
    fit, target = MODELS[name]
    table = customers(300)
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
    said = {1.0: "y / e with sample_weight e has", 1.5: r"e \*\* 0.5", 2.0: "of y / e has the same"}[power]
    with pytest.raises(InputError, match=said):
        undelete.audit(result, result, table[["age", "member", target]], target=target)


def test_refusals():
    table = customers(200)
    family = sm.families.Poisson()
    refused = {
        "has no name in undelete's grammar": formulas.ols("wage ~ np.log(age)", table).fit(),
        "offset or exposure": formulas.glm("visits ~ age", table, family=family, offset=np.log(table.age)).fit(),
        "statsmodels' WLS is not read": formulas.wls("wage ~ age", table, weights=table.age).fit(),
        "family Gaussian with link Log": formulas.glm(
            "spent ~ age", table, family=sm.families.Gaussian(sm.families.links.Log())
        ).fit(),
        "var_weights": formulas.glm("visits ~ age", table, family=family, var_weights=table.age).fit(),
        "fit_regularized": formulas.ols("wage ~ age", table).fit_regularized(alpha=0.1),
    }
    for why, result in refused.items():
        with pytest.raises(InputError, match=why):
            undelete.audit(result, result, table, target="visits")
