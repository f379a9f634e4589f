"""What people bring besides a plain table and one target: names like ours, several targets, sparse matrices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import undelete
from undelete.auditing.inputs import target_columns
from undelete.errors import InputError

N = 400


@pytest.fixture(scope="module")
def flats():
    draw = np.random.default_rng(11)
    table = pd.DataFrame({"rooms": draw.integers(1, 9, 2 * N), "floor": draw.integers(0, 30, 2 * N)})
    table["kind"] = draw.integers(0, 4, 2 * N)
    table["rent"] = 90 * table.rooms + 4 * table.floor + 30 * table.kind + draw.normal(0, 60, 2 * N)
    table["heat"] = 12 * table.rooms - table.floor + draw.normal(0, 9, 2 * N)
    return table


FEATURES = ["rooms", "floor", "kind"]
BOTH = ["rent", "heat"]


def halves(table):
    return table[:N], table[N:].reset_index(drop=True)


@pytest.mark.parametrize("names", [["0", "1", "2"], ["rooms", "1", "1#2"], ["target", "missing", "phi0"]])
def test_what_columns_are_called_does_not_matter(names, flats):
    def told(table, features):
        private, public = halves(table)
        before = Ridge(1.0).fit(private[features], private.rent)
        after = Ridge(1.0).fit(private[features].drop(index=7), private.rent.drop(index=7))
        audit = undelete.audit(before, after, public, target="rent", n=N)
        ranked = undelete.who_was_deleted(before, after, public, private, target="rent", n=N)
        simulated = undelete.simulate(
            Ridge(1.0), private[features], private.rent, public[features], public.rent, deletions=5, attacks=["hrec+"]
        )
        return (
            audit.verdict.word,
            audit.records[features].to_numpy().tolist(),
            ranked.index[0],
            simulated.records[features].to_numpy().tolist(),
        )

    table = flats.drop(columns="heat")
    assert told(table.rename(columns=dict(zip(FEATURES, names, strict=True))), names) == told(table, FEATURES)


def test_columns_numbered_by_whole_numbers_are_read(flats):
    private, public = halves(flats.drop(columns="heat"))
    bare = [part.set_axis(range(4), axis=1) for part in (private, public)]
    before = Ridge(1.0).fit(bare[0][[0, 1, 2]], bare[0][3])
    after = Ridge(1.0).fit(bare[0][[0, 1, 2]].drop(index=7), bare[0][3].drop(index=7))
    named = undelete.audit(
        Ridge(1.0).fit(private[FEATURES], private.rent),
        Ridge(1.0).fit(private[FEATURES].drop(index=7), private.rent.drop(index=7)),
        public,
        target="rent",
        n=N,
    )
    numbered = undelete.audit(before, after, bare[1], target="3", n=N, truth=bare[0].iloc[[7]])
    assert numbered.records.to_numpy().tolist() == named.records.to_numpy().tolist()


def test_several_targets_come_back_each_under_its_name(flats):
    private, public = halves(flats)
    before = Ridge(1.0).fit(private[FEATURES], private[BOTH])
    after = Ridge(1.0).fit(private[FEATURES].drop(index=5), private[BOTH].drop(index=5))
    truth = private.iloc[[5]]
    for target in (BOTH, "rent, heat"):
        audit = undelete.audit(before, after, public, target=target, n=N, truth=truth)
        assert list(audit.records.columns) == [*FEATURES, *BOTH]
        assert audit.records[BOTH].to_numpy() == pytest.approx(truth[BOTH].to_numpy(), abs=20)
        assert audit.true_records[BOTH].to_numpy().tolist() == truth[BOTH].to_numpy().tolist()
    ranked = undelete.who_was_deleted(before, after, public, private, target=BOTH, n=N)
    assert 5 in ranked.index[:3]
    with pytest.raises(InputError, match="has 1 column and the model predicts 2: give as many"):
        undelete.audit(before, after, public, target="rent", n=N)


@pytest.mark.parametrize("form", [pd.DataFrame, np.asarray])
def test_targets_of_two_columns_are_simulated_and_played_for_membership(form, flats):
    private, public = halves(flats)
    audit = undelete.simulate(
        Ridge(1.0), private[FEATURES], form(private[BOTH]), public[FEATURES], form(public[BOTH]), deletions=4,
        attacks=["hrec+"],
    )  # fmt: skip
    assert audit.scored["hrec+"]["target_error"].shape == (4,)
    found = undelete.membership(
        Ridge(1.0), private[FEATURES][:200], form(private[BOTH][:200]), private[FEATURES][200:],
        form(private[BOTH][200:]), public[FEATURES], form(public[BOTH]), shadows=3,
    )  # fmt: skip
    assert 0 <= found.auc <= 1


def test_a_frame_of_one_target_is_that_target(flats):
    private, public = halves(flats)
    found = [
        undelete.simulate(
            Ridge(1.0), private[FEATURES], private[y], public[FEATURES], public[y], deletions=4, attacks=["hrec+"]
        ).records
        for y in ("rent", ["rent"])
    ]
    pd.testing.assert_frame_equal(found[0], found[1], rtol=1e-6)


def test_two_columns_of_labels_are_refused_in_words(flats):
    private, public = halves(flats)
    labels = (flats[BOTH] > flats[BOTH].median()).astype(int)
    model = LogisticRegression(tol=1e-8).fit(private[FEATURES], labels.rent[:N])
    with pytest.raises(InputError, match="2 columns and the model tells classes apart"):
        undelete.simulate(model, private[FEATURES], labels[:N], public[FEATURES], labels[N:], deletions=2)


def test_the_named_target_must_be_there(flats):
    with pytest.raises(InputError, match="no target column 'price'"):
        target_columns(flats, ["rent", "price"])
    assert target_columns(flats.rename(columns={"rent": "a,b"}), "a,b") == ("a,b",)


@pytest.mark.parametrize("name", [4, 4.5, ("rent", 2)])
def test_a_column_named_otherwise_than_by_text_is_a_target_too(name):
    """A frame of an array has numbers for names, one of two rows of names has pairs."""
    g = np.random.default_rng(0)
    table = pd.DataFrame(g.normal(size=(300, 3)), columns=["a", "b", str(name)])
    before, after = (Ridge().fit(part[["a", "b"]], part[str(name)]) for part in (table[:150], table[1:150]))
    public = table[150:].set_axis(pd.Index(["a", "b", name], tupleize_cols=False), axis=1)
    assert undelete.audit(before, after, public, target=name, n=150).records.columns[-1] == str(name)
    people = table[:150].set_axis(public.columns, axis=1)
    assert undelete.who_was_deleted(before, after, public, people, target=name, n=150).index[0] == 0


def test_sparse_matrices_and_sparse_columns_are_read_as_dense_ones(flats):
    private, public = halves(flats)
    X = [part[FEATURES].to_numpy(dtype=float) for part in (private, public)]
    dense, sparse = (
        undelete.simulate(
            Ridge(1.0), form(X[0]), private.rent, form(X[1]), public.rent, deletions=4, attacks=["hrec+"]
        ).records
        for form in (np.asarray, sp.csr_array)
    )
    pd.testing.assert_frame_equal(dense, sparse)
    row = undelete.leave_one_out(Ridge(1.0), sp.csr_array(X[0]), private.rent, [3])
    assert row.coef == pytest.approx(undelete.leave_one_out(Ridge(1.0), X[0], private.rent, [3]).coef)
    wide = pd.get_dummies(flats.assign(kind=flats.kind.map(str)), columns=["kind"], sparse=True)
    columns = [name for name in wide if name not in BOTH]
    seen = wide[columns].astype(float)[:N]
    before, after = Ridge(1.0).fit(seen, wide.rent[:N]), Ridge(1.0).fit(seen.drop(index=7), wide.rent[:N].drop(index=7))
    audit = undelete.audit(before, after, wide[N:].drop(columns="heat"), target="rent", n=N)
    assert set(audit.records) == {*columns, "rent"}
    with pytest.raises(InputError, match="thousand million cells"):
        undelete.simulate(Ridge(1.0), sp.csr_array((100_000, 90_000)), [0.0] * 100_000, X[1], public.rent)


def test_a_column_of_ones_is_the_constant_of_a_model_without_an_intercept(flats):
    def told(model, table, columns):
        private, public = halves(table.drop(columns="heat"))
        before, after = (model().fit(rows[columns], rows.rent) for rows in (private, private.drop(index=9)))
        return undelete.audit(before, after, public, target="rent", n=N)

    own = told(LinearRegression, flats, FEATURES)
    ones = told(lambda: LinearRegression(fit_intercept=False), flats.assign(ones=1.0), ["ones", *FEATURES])
    twos = told(lambda: LinearRegression(fit_intercept=False), flats.assign(ones=2.0), ["ones", *FEATURES])
    for audit in (ones, twos):
        assert audit.verdict.word == own.verdict.word != "NOT DECIDABLE"
        assert audit.records[FEATURES].to_numpy().tolist() == own.records[FEATURES].to_numpy().tolist()
        assert audit.records.rent[0] == pytest.approx(own.records.rent[0], rel=1e-6)
        assert audit.confidence[0] == pytest.approx(own.confidence[0], rel=1e-4)  # the record is whole without the ones
        assert any("column 'ones' is the same in every public record" in text for text in audit.warnings)


def test_a_column_that_all_public_records_agree_in_leaves_the_record_s_probability(flats):
    def told(make, table):
        private, public = halves(table.drop(columns="heat"))
        before, after = (make().fit(rows.drop(columns="rent"), rows.rent) for rows in (private, private.drop(index=9)))
        return undelete.audit(before, after, public, target="rent", n=N)

    words, own = (OneHotEncoder(sparse_output=False), ["town"]), told(lambda: Ridge(1.0), flats)
    for scale, said in ((StandardScaler(), 1.0), ("passthrough", own.confidence[0])):  # given by the files, and not

        def make(scale=scale):
            return make_pipeline(make_column_transformer((scale, FEATURES), words), Ridge(1.0))

        assert told(make, flats.assign(town="Bath")).confidence[0] == pytest.approx(said, rel=0.01)


KINDS = {
    "pandas' own types": lambda table: table.convert_dtypes(),
    "Arrow types in pandas": lambda table: table.convert_dtypes(dtype_backend="pyarrow"),
    "an Arrow table": lambda table: pa.Table.from_pandas(table, preserve_index=False),
    "polars": pl.from_pandas,
    "bytes, as of ARFF, and decimals": lambda table: table.assign(
        place=table.place.str.encode("utf-8"), floor=table.floor.map(lambda floor: Decimal(str(floor)))
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_tables_of_other_kinds_are_read_as_the_same_frame(kind, flats):
    rng = np.random.default_rng(4)
    table = flats.assign(lift=rng.random(len(flats)) < 0.5, place=rng.choice(["north", "south"], len(flats)))
    table.loc[rng.random(len(table)) < 0.1, "rooms"] = None
    own, public = halves(table.drop(columns=["kind", "heat"]))
    X = [name for name in own if name != "rent"]
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["floor", "rooms", "lift"]), (OneHotEncoder(), ["place"])
    )
    before = make_pipeline(steps, Ridge(1.0)).fit(own[X], own.rent)
    after = clone(before).fit(own[X].drop(index=own.index[3]), own.rent.drop(index=own.index[3]))
    as_kind = KINDS[kind]

    def found(change):
        truth = change(own.iloc[[3]])
        return undelete.audit(before, after, change(public), target="rent", truth=truth, attacks=["hrec+"])

    one, other = found(lambda frame: frame), found(as_kind)
    assert one.verdict.word == other.verdict.word == "EXPOSED"
    assert one.right["hrec+"].all()
    assert other.right["hrec+"].all()
    assert one.records.to_dict("list") == other.records.to_dict("list")
    played = [
        undelete.simulate(
            clone(before), change(own[X]), change(own)["rent"], change(public[X]), change(public)["rent"], deletions=3,
            attacks=["hrec+"],
        )
        for change in (lambda frame: frame, as_kind)
    ]  # fmt: skip
    first, second = (one.records.to_dict("list").values() for one in played)  # an Arrow column has no name
    assert list(first) == list(second)


def test_files_whose_names_have_blanks_around_them_are_read_all_the_same(flats, tmp_path):
    own, public = halves(flats)
    fits = [Ridge(1.0).fit(part[FEATURES], part.rent) for part in (own, own.drop(index=own.index[3]))]
    for name, part in (("public", public), ("truth", own.iloc[[3]]), ("people", own.iloc[:9])):
        part.rename(columns=lambda column: f" {column}").to_csv(tmp_path / f"{name}.csv", index=False)
    found = undelete.audit(*fits, tmp_path / "public.csv", target="rent", truth=tmp_path / "truth.csv", n=N)
    assert found.records.columns.tolist() == [*FEATURES, "rent"]
    assert found.true_records.rooms.tolist() == [own.rooms.iloc[3]]
    ranked = undelete.who_was_deleted(*fits, tmp_path / "public.csv", tmp_path / "people.csv", target="rent", n=N)
    assert ranked.index[0] == 3


def test_cells_of_a_type_that_no_encoder_reads_are_refused_by_name(flats):
    own, public = halves(flats)
    words = make_column_transformer((StandardScaler(), ["floor"]), (OneHotEncoder(), ["kind"]))
    fits = [make_pipeline(words, Ridge(1.0)).fit(part, part.rent) for part in (own, own.drop(index=own.index[3]))]
    with pytest.raises(InputError, match="column 'kind' has a cell of type date: only numbers and text"):
        undelete.audit(*fits, public.assign(kind=date(2020, 1, 1)), target="rent", n=N)


def test_a_plan_of_a_table_is_told_from_a_table(flats):
    with pytest.raises(InputError, match=r"LazyFrame is a plan of a table, not one: give it after \.collect\(\)"):
        undelete.leave_one_out(Ridge(), pl.from_pandas(flats[["floor"]]).lazy(), flats.rent)


def test_whom_the_steps_refuse_nobody_was_trained_on(flats):
    """A default encoder refuses a category of its own making; who has it was not among the training records."""
    own, public = halves(flats.drop(columns="heat").assign(place=np.where(flats.floor > 14, "north", "south")))
    public.loc[:6, "place"], public.loc[7, "rooms"] = "east", np.nan
    X = [*FEATURES, "place"]
    steps = make_column_transformer((StandardScaler(), FEATURES), (OneHotEncoder(), ["place"]))
    before = make_pipeline(steps, Ridge(1.0)).fit(own[X], own.rent)
    after = clone(before).fit(own[X].drop(index=own.index[3]), own.rent.drop(index=own.index[3]))
    found = undelete.audit(before, after, public, target="rent", truth=own.iloc[[3]], attacks=["hrec+"])
    assert "8 of 400 public records are left out" in found.warnings[0]
    assert "category that the model's encoder does not know" in found.warnings[0]
    assert found.right["hrec+"].all()
    arguments = clone(before), own[X], own.rent
    assert "8 of 400" in undelete.simulate(*arguments, public[X], public.rent, deletions=2).warnings[0]
    people = own.assign(place=own.place.where(own.index != 5, "east"))
    ranked = undelete.who_was_deleted(before, after, public, people, target="rent")
    assert (ranked.index[0], ranked.index[-1]) == (3, 5)
    assert ranked.probability[5] == 0
    halved = (part for rows in (slice(0, 200), slice(200, N)) for part in (own[X][rows], own.rent[rows]))
    assert undelete.membership(clone(before), *halved, public[X], public.rent, shadows=4).auc > 0.3
    many = public.assign(place=np.where(public.index % 2 > 0, "east", public.place))
    with pytest.raises(InputError, match="column 'place' has 'east' in row 0, a category"):
        undelete.audit(before, after, many, target="rent")


def test_public_records_of_another_class_or_case_are_left_out_or_read_and_told(flats):
    table = flats.assign(place=np.where(flats.floor > 14, "north", "south"))
    table["dear"] = np.where(flats.rent > flats.rent.median(), "yes", "no")
    own, public = halves(table.drop(columns=BOTH))
    X = [*FEATURES, "place"]
    encoder = OneHotEncoder(handle_unknown="ignore")
    steps = make_column_transformer((StandardScaler(), FEATURES), (encoder, ["place"]))
    before = make_pipeline(steps, LogisticRegression(tol=1e-10, max_iter=1000)).fit(own[X], own.dear)
    after = clone(before).fit(own[X][1:], own.dear[1:])
    public["place"] = public.place.str.upper()
    public.loc[:5, "dear"] = "maybe"
    said = undelete.audit(before, after, public, target="dear", attacks=["hrec"]).warnings
    left = "6 of 400 public records are left out, whose target is no class of the model"
    read = "Column 'place' is read without regard to case: 'NORTH' as 'north', 'SOUTH' as 'south'."
    assert any(left in line for line in said)
    assert read in said
    public.loc[10:12, "dear"] = None
    said = undelete.audit(before, after, public, target="dear", attacks=["hrec"]).warnings
    assert "3 of 400 public records are left out, whose target is empty." in said
    assert any(left.replace("400", "397") in line for line in said)
    public.loc[10:12, "dear"] = "no"
    played = undelete.simulate(clone(before), own[X], own.dear, public[X], public.dear, deletions=2, attacks=["hrec"])
    assert any(left in line for line in played.warnings)
    assert read in played.warnings
    told = undelete.protect(
        before, own[X], own.dear, public[X], public.dear, deletions=2, defences=["rounding"]
    ).warnings
    seen = undelete.membership(before, own[X], own.dear, own[X], own.dear, public[X], public.dear, shadows=2).warnings
    assert all(read in lines and any(left in line for line in lines) for lines in (told, seen))
    public.loc[:99, "dear"] = "maybe"
    with pytest.raises(InputError, match="'maybe' in row 0, which is no class of the model"):
        undelete.audit(before, after, public, target="dear")
