"""What fitted files store of single records, against the records themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import CategoricalNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)

from undelete.adapters.sklearn.stored import stored_in
from undelete.adapters.stored.change import Change
from undelete.adapters.stored.compare import compare, differ
from undelete.adapters.stored.feature import Feature
from undelete.adapters.stored.given import document_frequencies, or_missing, within
from undelete.adapters.stored.leaving import leaving, refilled
from undelete.adapters.stored.ranks import quantiles
from undelete.adapters.stored.statistic import Frequencies, Known, Moments, Quantiles

N = 400
GONE = 17


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 90, N),
            "income": rng.lognormal(10, 0.6, N).round(2),
            "town": rng.choice(["Ham", "Rye", "Ely", "Ware"], N, p=[0.5, 0.3, 0.15, 0.05]),
            "code": rng.integers(0, 6, N),
        }
    )
    return table, (table.age + rng.normal(0, 20, N) > 50).astype(int)


def changed(model, table, y, gone=(GONE,), came=()):
    """Return what two fits say: one without `came`, the next without `gone`."""
    rows = np.arange(len(table))
    fits = []
    for left in (came, gone):
        keep = ~np.isin(rows, left)
        fits.append(clone(model).fit(table[keep], y[keep]))
    return compare(*(stored_in(fit) for fit in fits))


def exact(change):
    return {row.column: row.value for row in change.own if row.exact and row.kind != "count"}


NUMBERS, WORDS = ["age", "income"], ["town", "code"]
TARGETS = make_column_transformer((StandardScaler(), ["age"]), (TargetEncoder(smooth=5.0), WORDS))
SEARCH = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2)
FITS = {
    "scaler": (StandardScaler(), NUMBERS),
    "scaled indicators": (make_pipeline(OneHotEncoder(), StandardScaler(with_mean=False)), WORDS),
    "scaled codes": (make_pipeline(OrdinalEncoder(), StandardScaler()), WORDS),
    "two scalers": (make_pipeline(MinMaxScaler(), StandardScaler(), PCA()), NUMBERS),
    "naive Bayes": (make_pipeline(MinMaxScaler(), GaussianNB()), NUMBERS),
    "discriminant": (LinearDiscriminantAnalysis(), NUMBERS),
    "quadratic": (QuadraticDiscriminantAnalysis(), NUMBERS),
    "counts": (make_pipeline(OneHotEncoder(), MultinomialNB()), WORDS),
    "categories": (make_pipeline(OrdinalEncoder(), CategoricalNB()), WORDS),
    "target encoder": (TARGETS, ["age", *WORDS]),
    "target encoder that smooths by itself": (TargetEncoder(), WORDS),
    "mean of what is there": (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
    "search": (SEARCH, NUMBERS),
    "union": (make_union(StandardScaler(), MinMaxScaler()), NUMBERS),
    "products": (make_pipeline(PolynomialFeatures(2), StandardScaler()), NUMBERS),
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
def test_two_fits_give_the_record_exactly_whoever_left_or_joined(people, name):
    model, columns = FITS[name]
    table, y = people
    left = changed(model, table[columns], y)
    joined = changed(model, table[columns], y, gone=(), came=(GONE,))
    for change in (left, joined):
        found = exact(change)
        assert change.one is not False, change.notes
        assert {name: found.get(name) for name in columns} == pytest.approx(table.loc[GONE, columns].to_dict())
        if "(target)" in found:
            assert int(found["(target)"]) == y[GONE]
    assert joined.joined
    assert not left.joined


def test_many_records_are_found_within_their_own_error_bars():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(2000, 0.3, 3000), rng.exponential(1e6, 3000), rng.integers(0, 2, 3000)]
    for kind in (np.float64, np.float32):
        Y = X.astype(kind)
        for row in range(20):
            change = changed(StandardScaler(), Y, np.zeros(3000), gone=(row,))
            values = [r for r in change.own if r.kind == "value"]
            assert all(r.low <= float(v) <= r.high for r, v in zip(values, Y[row], strict=True))
            assert len(values) == 3


@pytest.mark.parametrize("smooth", ["auto", 2.0])
def test_target_encodings_say_everybody_s_categories_and_class(people, smooth):
    table, y = people
    several = np.where(table.age < 40, "young", np.where(table.income > 30_000, "rich", "other"))
    for target in (y, pd.Series(several)):
        for who in range(25):
            found = exact(changed(TargetEncoder(smooth=smooth), table[WORDS], target, gone=(who,)))
            assert found == {"(target)": str(target[who]), **table.loc[who, WORDS].to_dict()}


@pytest.mark.parametrize("model", [GaussianNB(), LinearDiscriminantAnalysis(), MultinomialNB()])
def test_of_two_values_the_one_without_an_indicator_is_told_too(people, model):
    table, y = people
    two = pd.DataFrame({"sex": np.where(table.code < 3, "f", "m"), "home": np.where(table.age % 2, "own", "let")})
    for who in (1, 2, 3, GONE):
        found = exact(changed(make_pipeline(OneHotEncoder(drop="if_binary", sparse_output=False), model), two, y,
                              gone=(who,)))  # fmt: skip
        assert {name: found[name] for name in two} == two.loc[who].to_dict()


@pytest.mark.parametrize(("gone", "came"), [((3, 9), (40,)), ((3,), (9,)), ((1, 2, 3), (5, 6))])
def test_target_encodings_of_several_who_changed_give_nobody(people, gone, came):
    table, y = people
    for smooth in ("auto", 2.0):
        found = exact(changed(TargetEncoder(smooth=smooth), table[WORDS], y, gone=gone, came=came))
        assert not {*WORDS} & found.keys()


@pytest.mark.parametrize(("gone", "came"), [((3, 9), (40,)), ((3,), (9,)), ((1, 2, 3), ())])
def test_other_changes_than_one_record_give_no_record(people, gone, came):
    table, y = people
    change = changed(make_pipeline(StandardScaler(), GaussianNB()), table[NUMBERS], y, gone=gone, came=came)
    assert change.one is False
    assert exact(change) == {}
    assert not any(row.exact for row in change.rows if row.kind == "value")


def test_two_people_are_an_unordered_pair_in_each_column(people):
    table, y = people
    change = changed(StandardScaler(), table[NUMBERS], y, gone=(3, 9))
    for column in NUMBERS:
        found = sorted(row.value for row in change.rows if row.column == column and row.kind == "one of two")
        assert found == pytest.approx(sorted(table.loc[[3, 9], column]), rel=1e-6)


@pytest.mark.parametrize(
    "shorten", [lambda a: a.astype(np.float32), lambda a: a.round(3), lambda a: a.astype(np.float32).round(2)]
)
def test_rounded_and_single_precision_files_say_how_little_they_say(people, shorten):
    table, y = people
    fits = [StandardScaler().fit(table[NUMBERS][keep]) for keep in (y >= 0, table.index != GONE)]
    for fit in fits:
        for name in ("mean_", "var_", "scale_"):
            setattr(fit, name, shorten(getattr(fit, name)))
    change = compare(*(stored_in(fit) for fit in fits))
    rows = {row.column: row for row in change.rows if row.kind == "value"}
    for name in NUMBERS:
        assert rows[name].low <= table[name][GONE] <= rows[name].high
        assert not rows[name].exact
    assert change.one is not False


def test_a_scaler_that_went_on_fitting_and_one_with_weights(people):
    X = people[0][NUMBERS].to_numpy(dtype=float)
    parts = [StandardScaler().partial_fit(X[keep][:150]).partial_fit(X[keep][150:])
             for keep in (np.arange(N) >= 0, np.arange(N) != GONE)]  # fmt: skip
    assert list(exact(compare(*map(stored_in, parts))).values()) == pytest.approx(X[GONE].tolist())
    weights = np.random.default_rng(1).uniform(0.5, 2, N)
    heavy = [StandardScaler().fit(X[keep], sample_weight=weights[keep])
             for keep in (np.arange(N) >= 0, np.arange(N) != GONE)]  # fmt: skip
    change = compare(*map(stored_in, heavy))
    found = [row.value for row in change.own if row.kind == "value"]
    assert found == pytest.approx(X[GONE].tolist(), rel=1e-6)


def test_a_missing_cell_shows_and_a_filled_one_is_no_value(people):
    table, y = people
    gaps = table[NUMBERS].astype(float)
    gaps.loc[::5, "age"] = np.nan
    assert {r.column: r.kind for r in changed(StandardScaler(), gaps, y, gone=(5,)).own}["age"] == "missing"
    filled = make_pipeline(SimpleImputer(), StandardScaler())
    assert "age" not in exact(changed(filled, gaps, y, gone=(5,)))
    assert exact(changed(filled, gaps, y, gone=(6,)))["age"] == table.age[6]
    steady = make_pipeline(SimpleImputer(strategy="constant", fill_value=33), StandardScaler())
    assert "age" not in exact(changed(steady, gaps.assign(age=33.0), y, gone=(6,)))


@pytest.mark.parametrize(("strategy", "column"), [("median", "age"), ("median", "income"), ("most_frequent", "income")])
def test_a_value_shows_though_what_missing_cells_are_filled_with_moves(people, strategy, column):
    gaps, y = people[0][[column]].astype(float).head(40), people[1].head(40)
    gaps.loc[::7, column] = np.nan
    fill = SimpleImputer(strategy=strategy)
    held = gaps.index[gaps[column].notna()]
    moved = [i for i in held if fill.fit(gaps.drop(index=i)).statistics_ != fill.fit(gaps).statistics_]
    assert moved
    for i in moved:
        change = changed(make_pipeline(fill, StandardScaler()), gaps, y, gone=(i,))
        own = next(row for row in change.rows if row.column == column)
        assert own.value == pytest.approx(gaps[column][i], rel=1e-9)
        assert own.exact or own.kind == "value or missing"
        assert change.one


@pytest.mark.parametrize("seed", range(10))
def test_how_many_cells_were_filled_comes_of_the_sums_and_of_no_others(seed):
    rng = np.random.default_rng(seed)
    cells = rng.lognormal(10, 1, 200)
    cells[1:31] = np.nan

    def moments(values):
        fill = np.nanmedian(values)
        whole = np.where(np.isnan(values), fill, values)
        return Moments("scaler", Feature("x", "x"), len(values), whole.mean(), whole.var()), fill

    (old, fill), (new, later) = moments(cells), moments(cells[1:])
    value, error, count = refilled(old, new, 200, fill, later)
    assert count == 30
    assert abs(value - cells[0]) <= error < 1e-6 * cells[0]
    assert refilled(old, new, 200, fill, later + 0.37 * (later - fill)) is None


FILLED = {  # what two files say of a person's only missing cell
    "category or missing": make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder()),
    "value or missing": make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
    "range or missing": make_pipeline(SimpleImputer(strategy="median"), QuantileTransformer(n_quantiles=20)),
    "extreme or missing": make_pipeline(SimpleImputer(strategy="constant", fill_value=-1), MinMaxScaler()),
}


@pytest.mark.parametrize("kind", FILLED)
def test_what_an_imputer_wrote_is_never_an_exact_value(people, kind):
    table, y = people
    column = "town" if kind.startswith("category") else "income"
    gaps = table[["age", column]].astype({column: object if column == "town" else float})
    gaps.loc[GONE, column] = np.nan
    steps = make_column_transformer((StandardScaler(), ["age"]), (FILLED[kind], [column]))  # which counts the records
    rows = [row for row in changed(steps, gaps, y).rows if row.column == column]
    assert [(row.kind, row.exact) for row in rows if row.kind.endswith(" or missing")] == [(kind, False)]
    assert not any(row.exact for row in rows)


def test_of_two_who_left_a_filled_cell_is_no_value_and_products_with_one_are_none(people):
    table, y = people
    gaps = table[NUMBERS].astype(float)
    gaps.loc[GONE, "income"] = np.nan
    steady = make_pipeline(SimpleImputer(strategy="constant", fill_value=20000), StandardScaler())
    told = {r.value: r for r in changed(steady, gaps, y, gone=(GONE, 3)).rows if r.column == "income"}
    assert sorted((one.kind, one.exact) for one in told.values()) == [
        ("one of two", True),
        ("one of two or missing", False),
    ]
    assert next(one.value for one in told.values() if one.exact) == pytest.approx(table.income[3])
    products = make_pipeline(SimpleImputer(strategy="median"), PolynomialFeatures(2), StandardScaler())
    assert not any("*" in row.column for row in changed(products, gaps, y).own)


@pytest.mark.parametrize("model", [LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis])
def test_with_given_priors_the_class_is_told_and_no_value_of_an_unknown_number_of_records(people, model):
    """Two of one class move its means as one other person would: without counts nothing tells one from two."""
    table, y = people
    kind = np.where(y == 0, "a", np.where(table.age % 2, "b", "c"))
    given = model(priors=[0.2, 0.3, 0.5])
    two, other = (np.flatnonzero((kind == kind[GONE]) == same)[:2] for same in (True, False))
    for gone in ((GONE,), tuple(two)):
        alone = changed(given, table[NUMBERS], kind, gone=gone)
        assert exact(alone) == {"(target)": kind[GONE]}
        assert alone.one is not True
    assert exact(changed(given, table[NUMBERS], kind, gone=(two[0], other[0]))) == {}
    scaled = make_pipeline(StandardScaler(), given)
    change = changed(scaled, table[NUMBERS], kind)
    assert exact(change) == pytest.approx({**table.loc[GONE, NUMBERS].to_dict(), "(target)": kind[GONE]}, rel=1e-9)
    assert not changed(scaled, table[NUMBERS], kind, gone=tuple(two)).own


def test_means_too_short_to_count_name_no_category(people):
    """The means of a hundred records end after two digits by themselves, as those of a rounded file do."""
    table, _ = people
    grade = pd.Series(np.repeat(["a", "b", "c"], [100, 110, 190]))
    model = make_pipeline(OneHotEncoder(sparse_output=False), LinearDiscriminantAnalysis())
    change = changed(model, table[["town"]], grade)
    told = [row.value for row in change.own if row.column == "town" and row.exact]
    assert told in ([], [table.town[GONE]])


def test_an_extreme_value_is_no_sign_of_other_changes_in_the_other_columns(people):
    """A decomposition, and naive Bayes, have the round-off of the largest variance in every column's."""
    table, y = people
    for model in (PCA(), GaussianNB()):
        wild = table[NUMBERS].astype(float)
        wild.loc[GONE, "income"] = 1e10
        change = changed(model, wild, y)
        assert change.one is not False, change.notes
        assert "age" not in exact(change) or exact(change)["age"] == pytest.approx(table.age[GONE])


def test_quantiles_hold_the_value_between_those_that_fell_and_those_that_rose(people):
    table, y = people
    numbers = table[NUMBERS]
    for model in (QuantileTransformer(n_quantiles=50), KBinsDiscretizer(n_bins=8)):
        whole = make_pipeline(StandardScaler(with_std=False), model)
        for row in range(40):
            for given in changed(whole, numbers, y, gone=(row,)).rows:
                if given.kind == "range":
                    assert given.low - 1e-6 <= numbers[given.column][row] <= given.high + 1e-6
    change = changed(QuantileTransformer(n_quantiles=50, subsample=100), numbers, y)
    assert not [row for row in change.rows if row.kind == "range"]  # other records were drawn in each fit


def test_words_of_a_document_come_back_through_document_frequencies():
    rng = np.random.default_rng(2)
    words = np.array([f"word{k}" for k in range(80)])
    share = 1 / np.arange(1, 81)
    texts = np.array([" ".join(rng.choice(words, 12, p=share / share.sum())) for _ in range(150)])
    for model in (
        TfidfVectorizer(),
        TfidfVectorizer(smooth_idf=False),
        make_pipeline(CountVectorizer(), MultinomialNB()),
    ):
        for gone in (0, 7, 31):
            change = changed(model, texts, np.arange(150) % 2, gone=(gone,))
            assert {row.value for row in change.own if row.kind == "word"} == set(texts[gone].split())


def test_document_frequencies_of_one_file_are_whole_numbers():
    n, counts = 57.0, np.array([1.0, 3.0, 57.0, 20.0])
    idf = np.log((1 + n) / (1 + counts)) + 1
    np.testing.assert_array_equal(document_frequencies(Frequencies("", list("abcd"), idf, True)), counts)
    np.testing.assert_array_equal(document_frequencies(Frequencies("", list("abcd"), idf, True), n), counts)
    assert document_frequencies(Frequencies("", list("abcd"), idf, True), n + 1) is None


@pytest.mark.parametrize("size", [1.0, 1e-6, 1e9])
def test_mean_and_variance_tell_one_record_from_two_that_share_its_mean(size):
    rng = np.random.default_rng(3)
    X = size * rng.normal(5, 1, 500)

    def of(values):
        return Moments("", Feature("x", "x"), len(values), values.mean(), values.var())

    one = leaving(of(X), of(X[1:]), 500, 499)
    assert one.one is True
    assert one.mean == pytest.approx(X[0])
    swapped = np.append(X[2:], X[0] + X[1] - X[2] + size)  # two left and one joined
    two = leaving(of(X), of(np.append(X[2:], size * 5.0)), 500, 499)
    assert two.one is False
    pair = leaving(of(X), of(X[2:]), 500, 498)
    assert pair.pair is not None
    assert pair.pair[:2] == pytest.approx(sorted(X[:2]))
    assert leaving(of(X), of(swapped), 500, 499).one is False


@pytest.mark.parametrize("hold", [tuple, list, lambda values: np.array(values, dtype=object)])
def test_missing_cells_are_the_same_in_two_files(hold):
    """Each file has not-a-numbers of its own, which equal nothing."""
    one, other, more = (Known("OneHotEncoder.categories_", "town", hold(values))
                        for values in (["a", float("nan")], ["a", float("nan")], ["a", "b"]))  # fmt: skip
    assert not differ([one], [other])
    assert differ([one], [more])


def test_a_quantile_that_moved_says_on_which_side_the_value_lies():
    """Of all records of many small tables: of few values and many, by several ways to interpolate, n known or not."""
    rng, feature, share, told = np.random.default_rng(0), Feature("x", "x"), [], 0
    for trial in range(600):
        n, q = int(rng.integers(12, 60)), int(rng.integers(3, 12))
        x = (rng.integers(0, 25, n) if trial % 2 else rng.normal(size=n)).astype(float)
        method = ("linear", "averaged_inverted_cdf", "hazen")[trial % 3]
        levels, gone = np.linspace(0, 1, q), int(rng.integers(n))
        two = [Quantiles("", feature, levels, np.quantile(part, levels, method=method), whole=True, method=method)
               for part in (x, np.delete(x, gone))]  # fmt: skip
        change = Change(n, n - 1, 1.0)
        ends = [row for row in quantiles(*two, (n, n - 1), change) if row.kind == "range"]
        assert change.one is not False
        assert all(row.low - 1e-9 <= x[gone] <= row.high + 1e-9 for row in ends)
        told += len(ends)
        share += [np.mean((x >= row.low) & (x <= row.high)) * (q - 1) for row in ends if method != "hazen"]
    assert told > 300
    assert np.mean(share) < 2  # about the records between two quantiles, and not between four


def test_bins_say_on_which_side_a_value_lies_where_only_the_reader_knows_how_many_records_there_are(people):
    table, _ = people
    model, sides = KBinsDiscretizer(n_bins=4, quantile_method="averaged_inverted_cdf"), 0
    first = stored_in(clone(model).fit(table[NUMBERS]))
    for row in range(12):
        second = stored_in(clone(model).fit(table[NUMBERS].drop(index=row)))
        assert not [one for one in compare(first, second).rows if one.kind == "range"]
        ends = [one for one in compare(first, second, N).own if one.kind == "range"]
        assert all(one.low <= table[one.column][row] <= one.high for one in ends)
        sides += len(ends)
        few = [stored_in(KBinsDiscretizer(n_bins=4, subsample=N - 1, random_state=row).fit(part))
               for part in (table[NUMBERS], table[NUMBERS].drop(index=row))]  # fmt: skip
        assert not [one for one in compare(*few, N).rows if one.kind == "range"]  # of another draw in each file
    assert sides > 8


@pytest.mark.parametrize("ends", [(0.1, 0.3), (-0.7, 0.1), (0.1, np.inf), (-np.inf, 0.4)])
def test_a_range_that_an_imputers_filling_is_in_or_at_the_end_of_may_be_of_a_missing_cell(ends):
    assert or_missing(within("age", *ends, ""), (0.1,)).kind == "range or missing"
    assert or_missing(within("age", *ends, ""), (-1e9,)).kind == ("range or missing" if ends[0] < -1 else "range")


@pytest.mark.filterwarnings("ignore:Feature 0 is constant")
def test_of_a_column_of_one_value_bins_have_no_edges(people):
    table, y = people
    change = changed(KBinsDiscretizer(n_bins=4), table[NUMBERS].assign(age=30), y)
    assert not any(row.column == "age" for row in change.rows)
