"""Results of statsmodels, by formula and from arrays."""

import numpy as np
import pytest

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
