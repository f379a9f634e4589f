"""What two files give away by themselves is what the attack starts from, and what the verdict counts."""

from __future__ import annotations

import dataclasses
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, StandardScaler

import undelete
from undelete.attacker.hrec_plus import hrec_plus
from undelete.command.terminal import lines
from undelete.errors import InputError

N, M = 500, 900
NUMBERS, WORDS = ["age", "hours", "pay"], ["town", "trade", "kin"]


def people(seed=0):
    """Return private and public records of numbers and words of many values, and a class."""
    rng = np.random.default_rng(seed)
    rows = N + M
    table = pd.DataFrame({"age": rng.integers(18, 90, rows), "hours": rng.integers(0, 80, rows)})
    table["pay"] = rng.lognormal(8, 0.5, rows).round(2)
    for name, count in (("town", 12), ("trade", 20), ("kin", 6)):
        table[name] = rng.choice([f"{name}{k}" for k in range(count)], rows)
    score = 0.05 * (table.age - 50) + 0.03 * (table.hours - 40) + table.town.str[4:].astype(int) / 6 - 1
    table["late"] = np.where(score + rng.logistic(size=rows) > 0, "yes", "no")
    return table[:N].reset_index(drop=True), table[N:].reset_index(drop=True)


def pipeline(numbers, model=None):
    steps = make_column_transformer((numbers, NUMBERS), (OneHotEncoder(handle_unknown="ignore"), WORDS))
    return make_pipeline(steps, model or LogisticRegression(tol=1e-10, max_iter=2000))


def audited(numbers, gone, *, private=None, public=None, known=True, **options):
    private, public = people() if private is None else (private, public)
    fits = [clone(pipeline(numbers, options.pop("model", None))).fit(rows.drop(columns="late"), rows.late)
            for rows in (private, private.drop(index=gone))]  # fmt: skip
    truth = private.loc[[gone]] if known else None
    return undelete.audit(*fits, public, target="late", truth=truth, attacks=("hrec+",), n=N, **options), private.loc[
        gone
    ]


def test_the_record_shown_is_exact_in_what_the_files_give_and_the_rest_is_decoded_given_it():
    private, public = people()
    right = {"given": [], "alone": []}
    for gone in range(6):
        result, truth = audited(StandardScaler(), gone, private=private, public=public)
        shown = result.records.iloc[0]
        assert [shown[name] for name in NUMBERS] == pytest.approx([truth[name] for name in NUMBERS], rel=1e-9)
        given = np.isfinite(result.release.given[0])
        assert [c.name for c, there in zip(result.release.columns, given, strict=True) if there] == NUMBERS
        alone = hrec_plus(dataclasses.replace(result.release, given=None), np.random.default_rng(0))
        names = [column.name for column in result.release.columns]
        places = [names.index(name) for name in WORDS]
        for word, found in (("given", result.found["hrec+"]), ("alone", alone)):
            same = found.codes[0, places] == result.truth.codes[0, places]
            right[word].append(np.nan_to_num((same.sum(), found.probability[0, places].sum(), found.confidence[0])))
        assert result.verdict.word != "NOT DECIDABLE"
        assert any("decoded given these" in text for text in result.warnings)
    gained = np.sum(right["given"], axis=0) - np.sum(right["alone"], axis=0)
    assert gained[0] >= 0  # no word is lost by it
    assert (gained[1:] > 0).all()  # and all are surer


def test_a_number_that_no_public_record_has_is_known_all_the_same():
    private, public = people()
    public = public[public.age != private.age[4]]
    result, truth = audited(StandardScaler(), 4, private=private, public=public)
    assert result.records.age[0] == truth.age
    assert result.right["hrec+"][0, 0]


@pytest.mark.parametrize("hours", [37.5, 40_000.25])
def test_a_number_off_the_steps_of_the_public_ones_is_the_person_s_where_the_variance_proves_it(hours):
    """One who works 37.5 hours among whole hours, or has a slip in the cell: no mark of several people."""
    private, public = people()
    private["hours"] = private.hours.astype(float)
    private.loc[4, "hours"] = hours
    result, _ = audited(StandardScaler(), 4, private=private, public=public)
    assert result.records.hours[0] == hours
    assert result.verdict.word != "NOT DECIDABLE"


def test_of_a_scale_that_is_lost_no_class_is_told_beside_what_the_files_give():
    private, public = people()
    private.loc[4, "hours"] = 20_000
    model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, max_iter=2000))
    pair = [clone(model).fit(rows[NUMBERS], rows.late) for rows in (private, private.drop(index=4))]
    result = undelete.audit(*pair, public[[*NUMBERS, "late"]], target="late", n=N)
    assert result.verdict.word == "EXPOSED"
    assert result.records.late[0] is None


@pytest.mark.parametrize("gone", [4, 5])
def test_given_numbers_of_columns_with_missing_cells_have_their_place_among_the_values(gone):
    """The missing cell, told apart by an indicator, is one of the values, and near no number."""
    private, public = people()
    for table in (private, public):
        table["age"] = 1000.0 * table.age.where(table.hours > 8)  # too far apart for a range, whose gaps are filled
    public = public[public.age != private.age[4]]  # one number that no public record has, and one that some have
    result, truth = audited(
        make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), gone, private=private, public=public
    )
    assert result.records.age[0] == truth.age
    place = [column.name for column in result.release.columns].index("age")
    assert np.isnan(result.release.columns[place].values.astype(float)).any()
    assert np.isfinite(result.release.given[0, place])  # the attack is told it
    assert result.right["hrec+"][0, place]


def test_a_refit_that_gives_nothing_away_leaves_the_attack_as_it_was():
    result, _ = audited(MinMaxScaler(), 7)
    assert result.release.given is None


def test_files_that_give_most_columns_expose_though_the_attack_cannot_work():
    private, public = people()
    steps = make_column_transformer((StandardScaler(), NUMBERS), remainder="drop")
    early = LogisticRegression(max_iter=2, C=1e4, solver="newton-cg", tol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fits = [make_pipeline(clone(steps), early).fit(rows.drop(columns="late"), rows.late)
                for rows in (private, private.drop(index=3))]  # fmt: skip
    result = undelete.audit(*fits, public, target="late")
    assert any(check.name == "End of the fits" and check.ok is False for check in result.diagnostics)
    assert result.verdict.word == "EXPOSED"
    steady = [make_pipeline(clone(steps), Ridge()).fit(rows.drop(columns="late"), rows.age * 1.0 + rows.pay)
              for rows in (private, private.drop(index=3))]  # fmt: skip
    told = undelete.audit(*steady, public.assign(sum=public.age + public.pay), target="sum")
    assert told.verdict.word == "EXPOSED"
    assert "give all columns of this record away by themselves" in told.verdict.sentence


def of_one_town(numbers, *, sparse=False):
    """Audit the deletion of the only person of a town, which a model without a penalty knows by heart."""
    private, public = people()
    private, public = (t.assign(wage=t.pay * 0.1 + t.hours).drop(columns="late") for t in (private, public))
    private.loc[3, "town"] = "island"
    private["wage"] += np.random.default_rng(1).normal(size=N)
    rest = private.drop(index=3)
    steps = make_column_transformer((numbers, NUMBERS), (OneHotEncoder(sparse_output=sparse), WORDS))
    fits = [make_pipeline(clone(steps), LinearRegression()) for _ in range(2)]
    fits = [fit.fit(rows[NUMBERS + WORDS], rows.wage) for fit, rows in zip(fits, (private, rest), strict=True)]
    return undelete.audit(*fits, public, target="wage", attacks=("hrec+",), n=N)


def test_a_model_that_stayed_the_same_hides_nothing_that_the_files_give(tmp_path):
    result = of_one_town("passthrough")
    assert result.found["hrec+"].status == ("given",)
    assert result.verdict.word == "PARTLY EXPOSED"
    assert "lacks a category" in result.verdict.reason
    shown = result.records.iloc[0]
    assert shown.town == "island"
    assert shown[["age", "pay", "trade"]].isna().all()
    result.to_html(tmp_path / "report.html")
    assert "the files give away by themselves" in (tmp_path / "report.html").read_text()


def test_a_town_that_is_gone_leaves_a_fit_by_lsqr_that_is_not_the_optimum():
    result = of_one_town("passthrough", sparse=True)
    assert result.records.loc[0, "town"] == "island"
    assert np.nanmax(np.delete(result.found["hrec+"].probability[0], 3)) < 0.6


def test_all_columns_that_the_files_give_are_shown_and_stop_a_gate():
    private, public = people()
    private, public = (t[[*NUMBERS, "town"]].assign(wage=t.pay + t.hours**2) for t in (private, public))
    private.loc[3, "town"] = "island"
    steps = make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["town"]))
    fits = [make_pipeline(steps, LinearRegression()) for _ in range(2)]
    fits = [clone(fit).fit(rows.drop(columns="wage"), rows.wage)
            for fit, rows in zip(fits, (private, private.drop(index=3)), strict=True)]  # fmt: skip
    result = undelete.audit(*fits, public, target="wage", attacks=("hrec+",), n=N)
    assert result.records.loc[0, [*NUMBERS, "town"]].tolist() == pytest.approx(
        private.loc[3, [*NUMBERS, "town"]].tolist()
    )
    assert result.verdict.word == "EXPOSED"
    assert result.gate(0.9)


def test_two_who_left_and_one_who_joined_are_not_one_record():
    private, public = people()
    rows = [private, private.drop(index=[3, 8])]
    rows[1] = pd.concat([rows[1], public.iloc[[0]]])
    model = pipeline(StandardScaler())
    fits = [clone(model).fit(part.drop(columns="late"), part.late) for part in rows]
    result = undelete.audit(*fits, public[1:], target="late")
    assert result.verdict.word == "NOT DECIDABLE"
    assert result.release.given is None
    assert "do not differ as by one record" in result.verdict.reason


def test_a_model_that_stores_its_records_is_refused_with_where_they_are():
    private, public = people()
    fits = [make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(rows[NUMBERS], rows.late)
            for rows in (private, private.drop(index=3))]  # fmt: skip
    with pytest.raises(InputError, match=r"stores 500 records as they stand, and undelete scan lists them"):
        undelete.audit(*fits, public, target="late")


def continuous_pair(seed, scaled):
    """Return two ridge models with and without record 0, of four continuous columns that hang together."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N + M, 4)) @ (np.eye(4) + 0.5 * rng.normal(size=(4, 4))) + [5.0, 50.0, 0.0, -3.0]
    table = pd.DataFrame(X, columns=list("abcd")).assign(y=X @ [1.0, 0.2, -1.0, 0.5] + rng.normal(size=N + M))
    private, public = table[:N].reset_index(drop=True), table[N:].reset_index(drop=True)
    steps = make_column_transformer((StandardScaler(), list(scaled)), remainder="passthrough")
    fits = [make_pipeline(clone(steps), Ridge(solver="cholesky")).fit(rows[list("abcd")], rows.y)
            for rows in (private, private.drop(index=0))]  # fmt: skip
    return undelete.audit(*fits, public, target="y", truth=private.loc[[0]], attacks=("hrec+",), n=N)


def test_continuous_columns_are_decoded_given_those_that_the_files_give():
    off, width = {True: [], False: []}, {True: [], False: []}
    for seed in range(6):
        result = continuous_pair(seed, "ab")
        assert np.isfinite(result.release.given).sum() == 2
        free = [[c.name for c in result.release.columns].index(name) for name in "cd"]
        for given in (True, False):
            seen = result.release if given else dataclasses.replace(result.release, given=None)
            found = hrec_plus(seen, np.random.default_rng(0))
            miss = (found.values - result.truth.values)[0, free]
            off[given] += (miss / found.error[0, free]).tolist()
            width[given] += found.error[0, free].tolist()
    assert np.mean(width[True]) < 0.9 * np.mean(width[False])
    assert np.sqrt(np.mean(np.square(off[True]))) < 2


def test_a_record_that_the_files_give_wholly_is_exact_in_the_models_space_too():
    result = continuous_pair(1, "abcd")
    assert np.allclose(result.found["hrec+"].X, result.truth.X, rtol=1e-7)
    assert result.verdict.word == "EXPOSED"


def test_missing_cells_are_no_values_that_a_mean_cannot_have():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"hours": rng.integers(20, 60, 800), "grade": rng.integers(1, 9, 800)}, dtype=float)
    y = (table.hours + 5 * table.grade + rng.normal(0, 10, 800) > 62).astype(int)
    table.loc[rng.random(800) < 0.1, "hours"] = np.nan
    private, public = table[:400], table[400:].assign(stays=y[400:])
    steps = make_pipeline(SimpleImputer(), StandardScaler(), PCA(1), LogisticRegression())
    who = int(private.hours.first_valid_index())
    models = [clone(steps).fit(part, y[part.index]) for part in (private, private.drop(who))]
    result = undelete.audit(*models, public, target="stays", attacks=["hrec+"])
    means = next(check for check in result.diagnostics if check.name == "Means of the scalers")
    assert means.ok
    assert result.records.iloc[0]["hours"] == private.hours[who]


@pytest.mark.parametrize("column", ["town", "children"])
def test_the_only_missing_cell_is_told_as_missing(column):
    private, public = people()
    for table in (private, public):
        table["children"] = np.random.default_rng(len(table)).integers(0, 4, len(table)).astype(float)
        table["town"] = table.town.astype(object)
    private.loc[3, column] = np.nan
    steps = make_column_transformer(("passthrough", ["hours"]), (OneHotEncoder(), ["town", "children"]))
    fits = [make_pipeline(clone(steps), Ridge()).fit(rows.drop(columns="late"), rows.hours + (rows.late == "yes"))
            for rows in (private, private.drop(index=3))]  # fmt: skip
    public["score"] = public.hours + (public.late == "yes")
    truth = private.loc[[3]].assign(score=lambda t: t.hours + (t.late == "yes"))
    result = undelete.audit(*fits, public, target="score", truth=truth, attacks=("hrec+",), n=N)
    cell = next(cell for cell in result.document()["records"][0]["columns"] if cell["name"] == column)
    assert (cell["recovered"], cell["probability"], cell["true"], cell["right"]) == ("missing", 1.0, "missing", True)


def test_the_only_missing_cell_behind_an_imputer_with_indicators_is_told_as_missing():
    private, public = people()
    private["hours"] = private.hours.astype(float)
    private.loc[3, "hours"] = np.nan
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    result, _ = audited(numbers, 3, private=private, public=public)
    cell = next(cell for cell in result.document()["records"][0]["columns"] if cell["name"] == "hours")
    assert (cell["recovered"], cell["probability"], cell["right"]) == ("missing", 1.0, True)
    assert any("has no indicator of missing cells any more" in text for text in result.warnings)


@pytest.mark.parametrize("own", ["zz", "AA"], ids=["an indicator", "the one without"])
def test_of_models_without_an_encoder_a_category_that_left_is_told_where_no_public_record_has_it(own, tmp_path):
    """As R and formulas write them: where the first category left, another lost its indicator, and is not told."""
    private, public = people()
    private["town"] = private.town.where(private.index != 3, own)
    for table in (private, public):
        table["score"] = table.hours + (table.late == "yes")
    files = []
    for rows in (private, private.drop(index=3)):
        words = sorted(set(rows.town))[1:]
        X = np.column_stack([rows.hours, *(rows.town == word for word in words), np.ones(len(rows))])
        w = np.linalg.lstsq(X, rows.score, rcond=None)[0]
        model = {"loss": "squared", "l2": 0, "n": len(rows), "coef": w[:-1].tolist(), "intercept": w[-1],
                 "feature_names": ["hours", *(f"town={word}" for word in words)]}  # fmt: skip
        files.append(tmp_path / f"{len(rows)}.json")
        files[-1].write_text(json.dumps(model))
    result = undelete.audit(*files, public, target="score", attacks=("hrec+",))
    place = [column.name for column in result.release.columns].index("town")
    sure = result.found["hrec+"].probability[0, place] > 0.95
    if own == "zz":
        assert (result.records.town[0], result.verdict.word, sure) == ("zz", "PARTLY EXPOSED", True)
    else:
        assert not sure
        assert not any("no indicator" in text for text in result.warnings)
        assert any("the only one of the old reference" in text for text in result.warnings)


@pytest.mark.parametrize("own", ["zz", "AA"], ids=["an indicator", "the one without"])
def test_without_an_intercept_a_reference_that_left_makes_another_function_of_the_columns(own, tmp_path):
    private, public = people()
    private["town"] = private.town.where(private.index != 3, own)
    files = []
    for rows in (private, private.drop(index=3)):
        words = sorted(set(rows.town))[1:]
        X = np.column_stack([rows.hours, *(rows.town == word for word in words)])
        w = np.linalg.lstsq(X, rows.hours + (rows.late == "yes"), rcond=None)[0]
        model = {"loss": "squared", "l2": 0, "n": len(rows), "coef": w.tolist(), "intercept": None,
                 "feature_names": ["hours", *(f"town={word}" for word in words)]}  # fmt: skip
        files.append(tmp_path / f"{len(rows)}.json")
        files[-1].write_text(json.dumps(model))
    public["score"] = public.hours + (public.late == "yes")
    if own == "zz":  # the one that has its coefficient left: nobody else's
        assert undelete.audit(*files, public, target="score", attacks=("hrec+",)).records.town[0] == "zz"
    else:
        with pytest.raises(InputError, match="it is the new model's reference, and without an intercept"):
            undelete.audit(*files, public, target="score", attacks=("hrec+",))


@pytest.mark.parametrize("column", ["children", "hours"])
def test_a_mark_of_missing_cells_that_left_with_the_record_says_that_its_cell_was_missing(column):
    """Of few whole numbers the missing cell has a code; of a continuous column it is told all the same."""
    private, public = people()
    for table in (private, public):
        table["children"] = np.random.default_rng(len(table)).integers(0, 4, len(table)).astype(float)
        table["hours"] = table.hours + np.random.default_rng(len(table)).random(len(table))
        table["score"] = 2 * table.children + (table.town == "a") + table.hours + (table.late == "yes")
    private.loc[3, column] = np.nan
    columns = ["hours", "children", "trade"]
    filled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    steps = make_column_transformer((filled, columns[:2]), (OneHotEncoder(handle_unknown="ignore"), ["trade"]))
    fits = [make_pipeline(clone(steps), Ridge()).fit(rows[columns], rows.score)
            for rows in (private, private.drop(index=3))]  # fmt: skip
    result = undelete.audit(
        *fits, public[[*columns, "score"]], target="score", truth=private.loc[[3]], attacks=("hrec+",), n=N
    )
    cell = next(cell for cell in result.document()["records"][0]["columns"] if cell["name"] == column)
    assert (cell["recovered"], cell["probability"], cell["true"], cell["right"]) == ("missing", 1.0, "missing", True)
    assert any("no indicator of missing cells any more" in text for text in [*result.warnings, result.verdict.reason])


def test_what_the_files_give_is_shown_though_nothing_else_came_back():
    """Who is alone in a category of an unpenalised fit moves nothing but its coefficient."""
    private, public = people()
    private.loc[4, "town"] = "nowhere"
    steps = make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(drop="first"), ["town"]))
    pair = [
        clone(make_pipeline(steps, LinearRegression())).fit(rows[[*NUMBERS, "town"]], rows[["hours", "pay"]].to_numpy())
        for rows in (private, private.drop(index=4))
    ]
    both = public[[*NUMBERS, "town"]].assign(first=public.hours, second=public.pay)
    result = undelete.audit(*pair, both, target=["first", "second"])
    assert result.verdict.word == "EXPOSED"
    shown = "\n".join(lines(result))
    assert "town                nowhere" in shown
    assert f"age                 {private.age[4]} " in shown
    assert all(f"\n  {name} " in shown for name in ("first", "second"))
    assert "holds for a record of weight one" not in shown


def test_where_folds_keep_an_attack_out_the_files_are_pointed_to():
    from sklearn.calibration import CalibratedClassifierCV

    private, public = people()
    model = pipeline(StandardScaler(), CalibratedClassifierCV(LogisticRegression(max_iter=2000), cv=3))
    pair = [clone(model).fit(rows.drop(columns="late"), rows.late) for rows in (private, private.drop(index=4))]
    with pytest.raises(InputError, match=r"ensemble=False.*give 'age', 'hours', 'pay'.*undelete scan"):
        undelete.audit(*pair, public, target="late")


def test_the_attack_knows_on_which_side_of_an_edge_that_moved_the_record_lies():
    columns = ["age", "hours", "kin", "late"]
    private, public = (part[columns].astype({"age": float, "hours": float}) for part in people())
    private.loc[[2, 3], "hours"] = np.nan
    edges = make_pipeline(SimpleImputer(strategy="median"), KBinsDiscretizer(4, encode="onehot-dense", subsample=None))
    steps = make_column_transformer((edges, columns[:2]), (OneHotEncoder(), ["kin"]))
    model, told = make_pipeline(steps, LogisticRegression(tol=1e-10, max_iter=2000)), 0
    for gone in (0, 2):
        fits = [clone(model).fit(part.drop(columns="late"), part.late) for part in (private, private.drop(index=gone))]
        result = undelete.audit(*fits, public, target="late", attacks=("hrec+",), n=N)
        assert result.release.within is not None
        for j, column in enumerate(result.release.columns):
            low, high = result.release.within[0, j]
            if np.isnan(low):
                continue
            told += 1
            assert low <= private[column.name].fillna(private.hours.median())[gone] <= high
            assert any(f"{column.name!r} from" in text for text in result.warnings)
            kept = result.found["hrec+"].candidates[0, j]
            values = column.values[kept[kept >= 0]].astype(float)
            assert ((values >= low) & (values <= high)).all()
    assert told >= 2
