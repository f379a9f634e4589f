"""Several who left, or joined, at once: who they were, as far as the change and the files say it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import undelete
from undelete import cli
from undelete.attacker.groups import group
from undelete.auditing.document_records import _range
from undelete.auditing.matching import matched
from undelete.command.terminal import lines
from undelete.errors import InputError

N = 600
NUMBERS = ["age", "rooms", "pay", "kids"]


@pytest.fixture(scope="module")
def halves():
    rng = np.random.default_rng(8)
    rows = 3600
    table = pd.DataFrame({"age": rng.integers(18, 90, rows), "rooms": rng.integers(1, 9, rows)})
    table["pay"] = rng.lognormal(8, 0.4, rows).round(2)
    table["kids"] = rng.poisson(1.2, rows)
    table["town"] = rng.choice(list("abc"), rows)
    score = 0.04 * (table.age - 50) - 0.2 * (table.rooms - 4) + rng.logistic(size=rows)
    return table.assign(late=np.where(score > 0, "yes", "no"), cost=score + 10)


def audited(table, gone, model, target, *, came=(), turned=False, columns=NUMBERS, **options):
    private, public = table[:N], table[N:].reset_index(drop=True)
    numbers = [name for name in columns if name != "town"]
    parts = [(StandardScaler(), numbers)] + ([(OneHotEncoder(), ["town"])] if "town" in columns else [])
    whole = make_pipeline(make_column_transformer(*parts), model)
    rows = [private.drop(index=list(came)), private.drop(index=gone)]
    fits = [clone(whole).fit(t[columns], t[target]) for t in (rows[::-1] if turned else rows)]
    truth = options.pop("truth", private.loc[[*gone, *came], [*columns, target]])
    return undelete.audit(*fits, public[[*columns, target]], target=target, truth=truth, **options)


MODELS = [(LogisticRegression(tol=1e-10, max_iter=1000), "late"), (Ridge(1.0), "cost")]


@pytest.fixture(autouse=True)
def few_guesses(monkeypatch):
    monkeypatch.setattr("undelete.attacker.groups.search.GUESSES", 64)


@pytest.mark.parametrize(
    ("model", "target", "turned"), [(*MODELS[0], False), (*MODELS[1], True)], ids=["class", "number"]
)
def test_both_come_back_as_surely_as_is_said(halves, model, target, turned):
    right, sure = [], []
    for k in range(2):
        result = audited(halves, [2 * k, 2 * k + 1], model, target, turned=turned)
        assert result.setting.joined is turned
        for name in NUMBERS:  # exact in every column, whoever it belongs to
            assert sorted(result.records[name]) == pytest.approx(sorted(halves.loc[[2 * k, 2 * k + 1], name]), rel=1e-6)
        right.append(result.right["group"].all())
        sure.append(result.confidence[0])
        assert next(c for c in result.diagnostics if c.name == "Fits these people").ok
        assert result.verdict.word == "EXPOSED"
    assert abs(np.mean(right) - np.mean(sure)) < 0.5
    assert np.mean(right) > 0.5  # by chance one in eight


def test_three_with_a_category_that_no_scaler_sees(halves):
    model, target = MODELS[0]
    result = audited(halves, [2, 3, 4], model, target, columns=["age", "rooms", "kids", "town"], truth=None)
    assert len(result.records) == 3
    assert result.setting.text.startswith("Between these two models 3 people left")
    for name in ("age", "kids"):  # the files' sums
        for power in (1, 2):
            assert (result.records[name] ** power).sum() == (halves.loc[[2, 3, 4], name] ** power).sum()
    assert any("sum of squares" in text for text in result.warnings)
    document = result.document()
    assert document["question"]["people"] == 3
    assert document["exposure"] == pytest.approx(result.exposure.max())  # of the most exposed


def test_what_only_those_who_left_had_is_given_to_one_of_them(halves):
    """A category of their own, which the new encoder lacks, and an age beyond everybody's, which its scaler lacks."""
    table = halves.assign(
        town=halves.town.where(halves.index != 2, "own"), age=halves.age.where(halves.index != 3, 120)
    )
    private, public, columns = table[:N], table[N:].reset_index(drop=True), ["age", "kids", "town"]
    steps = make_column_transformer((MinMaxScaler(), ["age"]), (OneHotEncoder(), ["town"]), remainder="passthrough")
    before, after = (
        make_pipeline(clone(steps), Ridge(1.0)).fit(rows[columns], rows.cost)
        for rows in (private, private.drop(index=[2, 3]))
    )
    result = undelete.audit(before, after, public[[*columns, "cost"]], target="cost", n=N, deleted=2)
    probability = result.found["group"].probability
    for place, value in ((0, 120), (2, "own")):
        has = (result.records[columns[place]] == value).to_numpy()
        assert has.any()
        assert probability[has, place].sum() >= 0.99  # one of the two has it; who does may not be told
    assert probability[(result.records.town != "own").to_numpy(), 2].max(initial=0) < 0.99


def test_one_who_left_and_one_who_joined_are_both_exact(halves):
    model, target = MODELS[0]
    result = audited(halves, [5], model, target, came=[7], deleted=1, joined=1)
    shown = result.records[NUMBERS].to_numpy(dtype=float)
    np.testing.assert_allclose(shown[0], halves.loc[5, NUMBERS].astype(float), rtol=1e-6)
    np.testing.assert_allclose(shown[1], halves.loc[7, NUMBERS].astype(float), rtol=1e-6)
    assert any("the second joined" in text for text in result.warnings)


def test_the_search_says_how_far_it_is(halves):
    said = []
    audited(halves, [5, 17], *MODELS[0], progress=lambda *far: said.append(far), deleted=2)
    done, total = (list(each) for each in zip(*said, strict=True))
    assert done == sorted(done)
    assert total == sorted(total)
    assert done[-1] == total[-1] >= 200  # at least two searches
    assert any(0 < d < 100 for d in done)


def test_a_preprocessing_that_was_kept_tells_nothing_of_who_left(halves):
    """Its means are the same in both files, whose differences are no sums over two people."""
    private, public = halves[:N], halves[N:].reset_index(drop=True)
    kept = FrozenEstimator(StandardScaler().fit(private[NUMBERS]))
    fits = [make_pipeline(kept, Ridge(1.0)).fit(t[NUMBERS], t.cost) for t in (private, private.drop(index=[2, 3]))]
    result = undelete.audit(*fits, public[[*NUMBERS, "cost"]], target="cost", n=N, deleted=2)
    assert not any("exactly" in text for text in result.warnings)
    assert (result.found["group"].probability[:, 0] < 0.9).all()


@pytest.mark.parametrize("gone", [[5], [5, 17, 20]], ids=len)
def test_a_stated_number_is_doubted_where_one_person_explains_the_change(halves, gone):
    private, public = halves[:N], halves[N:].reset_index(drop=True)
    kept = FrozenEstimator(StandardScaler().fit(private[["age", "rooms"]]))
    rests = (private, private.drop(index=gone))
    fits = [make_pipeline(kept, Ridge(1.0)).fit(t[["age", "rooms"]], t.cost) for t in rests]
    result = undelete.audit(*fits, public[["age", "rooms", "cost"]], target="cost", n=N, deleted=3)
    assert any("one person alone explains" in text for text in result.warnings) is (len(gone) == 1)


def test_where_other_people_changed_too_nothing_is_said_to_be_sure(halves):
    columns = ["age", "rooms", "kids", "town"]
    private, public = halves[:N], halves[N:].reset_index(drop=True)
    steps = make_column_transformer((StandardScaler(), columns[:3]), (OneHotEncoder(), ["town"])).fit(private[columns])
    fits = [
        make_pipeline(FrozenEstimator(steps), Ridge(1.0)).fit(t[columns], t.cost)
        for t in (private, private.drop(index=range(2, 40)))
    ]
    result = undelete.audit(*fits, public[[*columns, "cost"]], target="cost", n=N, deleted=2)
    assert not next(c for c in result.diagnostics if c.name == "Fits these people").ok
    assert np.isnan(result.found["group"].probability).all()
    assert result.verdict.word == "NOT DECIDABLE"


def test_two_people_between_models_that_are_the_same_are_not_looked_for(halves):
    private, public = halves[:N], halves[N:].reset_index(drop=True)
    model = make_pipeline(FrozenEstimator(StandardScaler().fit(private[NUMBERS])), Ridge(1.0))
    one = clone(model).fit(private[NUMBERS], private.cost)
    same = undelete.audit(one, one, public[[*NUMBERS, "cost"]], target="cost", n=N, deleted=2)
    assert "the two models are the same" in next(c.text for c in same.diagnostics if c.name == "Fits these people")
    assert same.verdict.word == "NOT DECIDABLE"


def test_a_value_that_only_one_of_them_had_is_said_as_such(halves):
    table = halves.assign(town=halves.town.where(halves.index != 2, "own"))
    result = audited(table, [2, 3], Ridge(1.0), "cost", columns=["age", "town"], truth=None)
    assert "Of 'town' the files give a value that nobody else has: one of these people's, exactly." in result.warnings


@pytest.mark.parametrize(("columns", "most"), [(["age", "rooms", "town"], 10), (["age", "town", "pay"], 5)])
def test_of_many_only_who_stands_out_is_looked_for(halves, columns, most):
    """Up to ten where the files sum most columns; of pay, which is no whole number, they sum it too."""
    fits = MODELS[0]
    result = audited(halves, list(range(most + 1)), *fits, truth=None, columns=columns)
    assert result.verdict.word == "NOT DECIDABLE"
    assert f"more than {most} people" in result.verdict.reason
    assert len(result.records) == most + 1


def test_seven_are_told_apart_no_more_surely_than_they_are(halves):
    columns = ["rooms", "kids", "town"]
    result = audited(halves, list(range(20, 27)), *MODELS[0], columns=columns)
    right, said = result.right["group"], result.found["group"].probability
    assert (len(result.records), result.verdict.word) == (7, "EXPOSED")
    assert "need not add up to them" in result.warnings[0]
    assert right.mean() > said.mean() - 0.1
    assert right[said > 0.95].all()
    assert right.mean() > 0.6  # by chance a quarter


def test_of_seven_no_search_is_believed_that_no_other_agrees_with(halves, monkeypatch):
    monkeypatch.setattr(group, "_agree", lambda runs: False)
    result = audited(halves, list(range(20, 27)), *MODELS[0], columns=["rooms", "kids"], truth=None)
    assert result.verdict.word == "NOT DECIDABLE"
    assert "each search for 7 people found others" in result.verdict.reason


@pytest.mark.parametrize("worse", [False, True])
def test_values_beyond_the_public_ones_do_not_join_where_who_has_them_fits_worse(halves, monkeypatch, worse):
    real = group._searched

    def searched(release, signs, left, told, extra, *more):
        found = real(release, signs, left, told, extra, *more)
        density = -1e3 if extra and worse else found.both.log_evidence
        return dataclasses.replace(found, both=dataclasses.replace(found.both, log_evidence=density))

    monkeypatch.setattr(group, "_searched", searched)
    monkeypatch.setattr(group, "beyond", lambda columns, found, known: {0: np.array([9.0])})
    monkeypatch.setattr(group, "adds", lambda *_: True)
    result = audited(halves, [2, 3, 4], *MODELS[1], columns=["rooms", "kids"], truth=None, deleted=3)
    assert (9.0 in result.release.columns[0].values) is not worse


def test_a_search_that_would_take_hours_is_not_begun(halves, monkeypatch):
    monkeypatch.setattr("undelete.attacker.groups.group._WORK", 1e3)
    result = audited(halves, [2, 3], *MODELS[0], truth=None)
    assert result.verdict.word == "NOT DECIDABLE"
    assert "times 1 outputs are more than a search for 2 people goes through" in result.verdict.reason
    assert len(result.records) == 2


def test_numbers_that_contradict_the_files_are_refused(halves):
    model, target = MODELS[0]
    with pytest.raises(InputError, match="deleted=3 and joined=0 are given, but the files count 600 records before"):
        audited(halves, [2, 3], model, target, truth=None, deleted=3)
    with pytest.raises(InputError, match="the truth has 1 record, and 2 left or joined between the two models"):
        audited(halves, [2, 3], model, target, truth=halves.loc[[2]])
    with pytest.raises(InputError, match="nobody left and nobody joined"):
        audited(halves, [2, 3], model, target, truth=None, deleted=0)


def test_groups_are_played_and_scored_as_they_match_best(halves):
    private, public = halves[:N], halves[N:]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(private[NUMBERS], private.late)
    given = {"deletions": 3, "group": 2, "joined": 1}
    played = undelete.simulate(model, private[NUMBERS], private.late, public[NUMBERS], public.late, **given)
    assert (len(played.records), played.truth.rows.shape) == (9, (9,))
    assert played.right["group"].mean() > played.right["avg"].mean()
    assert "2 people leave and 1 person joins" in played.setting.text
    assert played.found["group"].probability[:, [0, 1, 3]].mean() == pytest.approx(
        played.right["group"][:, [0, 1, 3]].mean(), abs=0.3
    )
    truth, turned = played.truth, [1, 0, 2, *range(3, 9)]  # two people in the wrong order, but for what is guessed
    codes, values = np.where([1, 0, 0, 0], truth.codes[turned], truth.codes), np.array(truth.values)
    values[:, 0] = truth.values[turned, 0]
    told = dataclasses.replace(played.found["group"], codes=codes, values=values, X=truth.X[turned],
                               probability=np.tile([0.9, 0.2, 0.2, 0.2], (9, 1)))  # fmt: skip
    ordered = matched(played.release, truth, told, np.array([1.0, 1.0, -1.0]))
    np.testing.assert_array_equal(ordered.values[:, 0], truth.values[:, 0])
    rows = truth.rows.reshape(3, 3)
    again = undelete.simulate(
        model, private[NUMBERS], private.late, public[NUMBERS], public.late, **given | {"deletions": rows}
    )
    assert (again.truth.rows == played.truth.rows).all()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"group": 0}, "nobody leaves and nobody joins"),
        ({"group": 2, "additions": True}, "additions plays single people who join"),
        ({"group": 400}, "choose fewer people"),
        ({"group": 2, "deletions": [1, 2]}, "2 whole numbers a group"),
        ({"group": 1, "joined": 1, "deletions": [[1, 2], [2, 1]]}, "nobody of them can leave with another"),
        ({"group": -1}, "it is a number of people"),
    ],
)
def test_groups_that_cannot_be_played(halves, options, text):
    private, public = halves[:N], halves[N:]
    model = make_pipeline(StandardScaler(), Ridge()).fit(private[NUMBERS], private.cost)
    with pytest.raises(InputError, match=text):
        undelete.simulate(model, private[NUMBERS], private.cost, public[NUMBERS], public.cost, **options)


def test_a_list_of_candidates_names_both(halves):
    private, public = halves[:N], halves[N:].reset_index(drop=True)
    whole = make_pipeline(StandardScaler(), MODELS[0][0])
    fits = [clone(whole).fit(t[NUMBERS], t.late) for t in (private, private.drop(index=[4, 9]))]
    columns = [*NUMBERS, "late"]
    ranked = undelete.who_was_deleted(*fits, public[columns], private.loc[:80, columns], target="late")
    assert set(ranked.index[:2]) == {4, 9}
    assert list(ranked.role[:3]) == ["left", "left", ""]
    came = undelete.who_was_deleted(*fits[::-1], public[columns], private.loc[:80, columns], target="late", joined=2)
    assert set(came.index[came.role == "joined"]) == {4, 9}


def test_what_refitted_files_sum_names_those_among_candidates(halves):
    private, public = halves[:N], halves[N:].reset_index(drop=True)
    gone = [4, 9, 30, 55, 71]
    whole = make_pipeline(make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(), ["town"])), Ridge(1.0))
    columns = [*NUMBERS, "town", "cost"]
    fits = [clone(whole).fit(t[columns[:-1]], t.cost) for t in (private, private.drop(index=gone))]
    ranked = undelete.who_was_deleted(*fits, public[columns], private.loc[:80, columns], target="cost")
    assert set(ranked.index[ranked.role == "left"]) == set(gone)
    assert ranked.probability.iloc[4] > 0.99
    others = private.loc[100:200, columns]  # none of whom left
    assert undelete.who_was_deleted(*fits, public[columns], others, target="cost").p_value.iloc[0] < 1e-6


@pytest.mark.parametrize("refitted", [True, False], ids=["refitted", "kept"])
def test_the_command_shows_how_sure_where_nobody_gives_the_truth(halves, tmp_path, capsys, refitted):
    private, public = halves[:N], halves[N:]
    rest = private.drop(index=[5, 17])
    old = make_pipeline(StandardScaler(), Ridge(1.0)).fit(private[NUMBERS], private.cost)
    scaler = StandardScaler().fit(rest[NUMBERS]) if refitted else old[0]
    new = make_pipeline(scaler, Ridge(1.0).fit(scaler.transform(rest[NUMBERS]), rest.cost))
    for name, model in (("before", old), ("after", new)):
        undelete.save_model(model, tmp_path / f"{name}.skops")
    public.to_csv(tmp_path / "public.csv", index=False)
    line = [
        *(str(tmp_path / f"{name}.skops") for name in ("before", "after")),
        "--public",
        str(tmp_path / "public.csv"),
    ]
    more = ["--target", "cost", "--deleted", "2", "--n", str(N), "--out", str(tmp_path / "out")]
    assert cli.main(["audit", *line, *more]) == 0
    shown = capsys.readouterr().out
    assert shown.count("recovered  ") == 2
    assert shown.count("     sure  ") == 2
    assert "true" not in shown.split("Verdict")[0]


def test_who_left_and_who_joined_are_told_apart_in_words(halves, tmp_path):
    model, target = MODELS[0]
    found = audited(halves, [5], model, target, came=[9], truth=None, deleted=1, joined=1)
    shown = "\n".join(lines(found))
    assert shown.count("who left  ") == 1
    assert shown.count("who joined  ") == 1
    found.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Person 1, who left" in page
    assert "Person 2, who joined" in page
    assert "recovered beside true" not in page
    kids = found.release.columns[NUMBERS.index("kids")]
    assert _range(kids, 0, -3.0, 2.0) == (0.0, 2.0)
