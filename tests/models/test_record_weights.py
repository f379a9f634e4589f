"""Models whose files, or a column of the public table, say what training records weighed."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import undelete
from tests.models.conftest import COLUMNS as PARTS
from tests.models.conftest import WHO, customers, kept
from undelete import InputError, LinearModel
from undelete.adapters.targets import encode_target
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.released import read_pair
from undelete.cli import main

sm = pytest.importorskip("statsmodels.api")
formulas = pytest.importorskip("statsmodels.formula.api")
SURE = {"tol": 1e-14, "maxiter": 200}
POISSON = sm.families.Poisson()
MODELS = {
    "least squares": (lambda d: formulas.wls("wage ~ age + town", d, weights=d.w).fit(), "wage"),
    "of mean one": (lambda d: formulas.wls("wage ~ age + town", d, weights=d.w / d.w.mean()).fit(), "wage"),
    "classes": (
        lambda d: formulas.glm("left ~ age", d, family=sm.families.Binomial(), var_weights=d.w).fit(**SURE), "left",
    ),
    "counts": (lambda d: formulas.glm("visits ~ age", d, family=POISSON, var_weights=d.w).fit(**SURE), "visits"),
    "rows for several": (
        lambda d: formulas.glm("visits ~ age", d, family=POISSON, freq_weights=2 * d.w).fit(**SURE), "visits",
    ),
    "both": (
        lambda d: formulas.glm("visits ~ age", d, family=POISSON, freq_weights=2 * d.w, var_weights=d.age).fit(**SURE),
        "visits",
    ),
}  # fmt: skip
COLUMNS = ["age", "town", "wage", "w"]


def people(n=300, seed=3):
    """Records of whom the older weigh more; the deleted one half."""
    return customers(n, seed).assign(w=lambda d: np.where(d.index == WHO, 1, 1 + (d.age > 40) + 2 * (d.age > 60)) / 2)


@pytest.mark.parametrize("name", MODELS)
def test_with_each_remaining_record_as_often_as_it_weighs_the_gradient_is_exact(name):
    make, target = MODELS[name]
    table = people()
    rest = table.drop(index=WHO)
    times = (2 * rest.w).astype(int) * (rest.age if name == "both" else 1)
    public = rest.loc[np.repeat(rest.index, times)].assign(ones=1.0)
    found = read_pair(make(table), make(rest), public[["age", "town", target, "ones"]], target=target,
                      sample_weight="ones")  # fmt: skip
    record, unit = table.loc[[WHO]], table.age[WHO] if name == "both" else 1
    assert found.release.n == round(len(public) / unit) + 1
    assert found.counted.weights is None or found.counted.told
    x, Y = found.old.features(record), encode_target(found.old, record[target], target)
    exact = -np.outer(x, found.release.loss.residual(Y, x @ found.old.W))
    told = Difference.by(found.release, "answers").gradient[0]
    np.testing.assert_allclose(told, exact, atol=(0.02 if name == "both" else 1e-5) * np.abs(exact).max())


def test_weights_that_go_with_the_columns_are_those_of_the_public_records_too(tmp_path, capsys):
    table, public = people(), people(3000, 5)[COLUMNS]
    public.to_csv(tmp_path / "public.csv", index=False)
    for name, part in (("before", table), ("after", table.drop(index=WHO))):
        MODELS["least squares"][0](part).save(str(tmp_path / f"{name}.pickle"))
    files = [tmp_path / f"{name}.pickle" for name in ("before", "after")]
    given = ["audit", *map(str, files), "--public", str(tmp_path / "public.csv"), "--target", "wage", "--trust"]
    assert main([*given, "--out", str(tmp_path), "--sample-weight", "w"]) == 0
    assert "300 people" in capsys.readouterr().out
    found = undelete.audit(*files, public, target="wage", sample_weight="w", trust=True,
                           truth=table.loc[[WHO], COLUMNS[:3]])  # fmt: skip
    assert "the deleted one's own: one part in 660.0 of all" in found.warnings[0]
    assert found.verdict.word == "EXPOSED"
    assert found.right["hrec+"].all()
    assert abs(found.found["hrec+"].target[0, 0] - table.wage[WHO]) < 3 * found.found["hrec+"].target_error[0, 0]
    ranked = undelete.who_was_deleted(*files, public, table[COLUMNS[:3]], target="wage", sample_weight="w", trust=True)
    assert ranked.index[0] == WHO


def test_of_weights_that_no_file_holds_the_deleted_ones_own_is_in_the_range_of_its_target():
    table, public = people(900), people(3000, 5)
    before, after = (
        kept(Ridge(1.0), table).fit(part[PARTS], part.wage, ridge__sample_weight=part.w)
        for part in (table, table.drop(index=WHO))
    )
    columns = [*PARTS, "wage", "w"]
    found = undelete.audit(before, after, public[columns], target="wage", n=900, sample_weight="w")
    assert any("not the deleted record's own" in text for text in found.warnings)
    main_one = found.found["hrec+"]
    assert abs(main_one.target[0, 0] - table.wage[WHO]) < 3 * main_one.target_error[0, 0]
    blind = undelete.audit(before, after, public[columns[:-1]], target="wage", n=900)
    assert main_one.target_error[0, 0] > 1.5 * blind.found["hrec+"].target_error[0, 0]


def test_a_target_is_told_within_weights_that_nobody_names_and_the_old_model_shows():
    """Weights that go with the residual: public records say a bound of how uneven, and the range counts twice that."""
    table, public = customers(900), customers(3000, 5)[[*PARTS, "wage"]]
    expected = kept(Ridge(1.0), table).fit(table[PARTS], table.wage).predict(table[PARTS])
    own = np.where(table.wage > expected + 0.5, 3.0, 1.0)

    def audited(weights, who):
        before, after = (
            kept(Ridge(1.0), table).fit(part[PARTS], part.wage, ridge__sample_weight=weights[part.index])
            for part in (table, table.drop(index=who))
        )
        return undelete.audit(before, after, public, target="wage", n=900, attacks=["hrec+"])

    held = []
    for who in range(12):
        weighed, plain = audited(own, who), audited(np.ones(900), who)
        (said,) = [text for text in weighed.warnings if "(sample_weight)" in text]
        shown = float(said.split("at least ")[1].split(" %")[0]) / 100
        assert 0.1 < shown < own.std() / own.mean()
        assert not any("(sample_weight)" in text for text in plain.warnings)
        for one in (weighed, plain):
            low, high = one.found["hrec+"].target_range
            held.append(low[0, 0] <= table.wage[who] <= high[0, 0])
    assert sum(held[::2]) >= 11
    assert sum(held[1::2]) >= 11


def test_deletions_are_played_with_public_records_that_weigh_like_the_others(tmp_path, capsys):
    table, public = (d.assign(w=1 + 8 * d.member * (d.age > 50)) for d in (people(1500), people(3000, 5)))
    model = kept(Ridge(1.0), table).fit(table[PARTS], table.wage, ridge__sample_weight=table.w)
    given = {"deletions": list(range(20)), "attacks": ["hrec+"]}
    named = undelete.simulate(
        model, table[[*PARTS, "w"]], table.wage, public[[*PARTS, "w"]], public.wage, sample_weight="w", **given
    )
    blind = undelete.simulate(
        model, table[PARTS], table.wage, public[PARTS], public.wage, sample_weight=table.w, **given
    )
    np.testing.assert_allclose(named.release.W_after, blind.release.W_after, rtol=1e-9)
    off = [np.median(1 - one.scored["hrec+"]["centred_cosine"]) for one in (named, blind)]
    assert off[0] < off[1] / 20
    assert "stand for others" not in " ".join(named.warnings)
    assert "stand for others" in " ".join(blind.warnings)
    undelete.save_model(model, tmp_path / "model.skops")
    for name, part in (("train", table), ("public", public)):
        part[[*PARTS, "w", "wage"]].to_csv(tmp_path / f"{name}.csv", index=False)
    files = [f"--{name}={tmp_path / name}.csv" for name in ("train", "public")]
    asked = ["--target", "wage", "--sample-weight", "w", "--deletions", "2", "--out", str(tmp_path)]
    assert main(["simulate", str(tmp_path / "model.skops"), *files, *asked]) == 0
    assert "stand for others" not in capsys.readouterr().out


def test_a_deletion_of_a_weighted_result_is_retrained_with_its_weights():
    table = people()
    make = MODELS["counts"][0]
    found = undelete.leave_one_out(make(table), table[["age"]], table.visits, [WHO], sample_weight=table.w)
    np.testing.assert_allclose(found.coef[0, 0], make(table.drop(index=WHO)).params.iloc[1:], rtol=1e-7)
    for weights in (None, table.w + 1):
        with pytest.raises(InputError, match="was fitted with weights of its records: give them"):
            undelete.leave_one_out(make(table), table[["age"]], table.visits, [WHO], sample_weight=weights)


def test_refusals(tmp_path):
    table = people()
    make = MODELS["least squares"][0]
    pair = make(table), make(table.drop(index=WHO))
    with pytest.raises(InputError, match=r"had weights, from 0\.5 to 2, .*name the public table's column"):
        undelete.audit(*pair, table[COLUMNS], target="wage")
    with pytest.raises(InputError, match="has no column 'v', which was to say what its records"):
        undelete.audit(*pair, table[COLUMNS], target="wage", sample_weight="v")
    with pytest.raises(InputError, match="several records came between models whose training records had weights"):
        undelete.audit(pair[0], make(table.drop(index=[1, 2])), table[COLUMNS], target="wage", sample_weight="w")
    pair[0].save(str(tmp_path / "bare.pickle"), remove_data=True)
    with pytest.raises(InputError, match="was fitted with weights, which its file no longer holds"):
        undelete.audit(tmp_path / "bare.pickle", pair[1], table[COLUMNS], target="wage", sample_weight="w", trust=True)
    with pytest.raises(InputError, match="one number, zero or more, for each of the 3 training records"):
        LinearModel([1.0], 0.0, "squared", ["age"], n=3, weights=[1.0, 2.0])


def test_the_plain_form_holds_them(tmp_path):
    model = LinearModel([1.0], 0.0, "squared", ["age"], n=3, weights=[1.0, 2.0, 0.5])
    for ending in ("json", "npz"):
        undelete.save_model(model, tmp_path / f"m.{ending}")
        assert undelete.load_model(tmp_path / f"m.{ending}").weights.tolist() == [1.0, 2.0, 0.5]
