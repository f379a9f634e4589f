"""An attacker who has the public table and everything that a redacted command left behind, but not the models."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import undelete
from undelete import cli
from undelete.redaction import redacted

N = 40  # deletions
WHO = 11
COLUMNS = ["age", "wage", "town", "member"]


def people(rng, n):
    """Two columns of numbers, a town, a column of two values; wages are told from one another by their digits."""
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "wage": rng.normal(3000, 700, n).round(3),
            "town": rng.choice(["Elmira", "Fargo", "Gary"], n, p=[0.5, 0.3, 0.2]),
            "member": rng.choice(["yes", "no"], n, p=[0.7, 0.3]),
        }
    )
    table["rent"] = 0.3 * table["wage"] + 9 * table["age"] + 40 * (table["town"] == "Gary") + rng.normal(0, 60, n)
    table["moved"] = np.where(table["rent"] + rng.normal(0, 150, n) > 1350, "left", "stayed")
    return table


def pipeline(last):
    steps = [("n", StandardScaler(), ["age", "wage"]), ("c", OneHotEncoder(drop="first"), ["town", "member"])]
    return make_pipeline(ColumnTransformer(steps), last)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redaction")
    rng = np.random.default_rng(5)
    train, public = people(rng, 500), people(rng, 1500)
    for target, last in (("rent", Ridge()), ("moved", LogisticRegression(tol=1e-10, max_iter=10_000))):
        for name, rows in (("before", train), ("after", train.drop(index=WHO))):
            model = pipeline(last).fit(rows[COLUMNS], rows[target])
            undelete.save_model(model, folder / f"{name}-{target}.skops")
    train.to_csv(folder / "train.csv", index=False)
    public.to_csv(folder / "public.csv", index=False)
    train.iloc[[WHO]].to_csv(folder / "truth.csv", index=False)
    pd.concat([train.iloc[[WHO]], public.iloc[:30]]).to_csv(folder / "people.csv", index=False)
    return folder


def simulated(place, target, out, *more):
    words = ["simulate", place / f"before-{target}.skops", "--train", place / "train.csv", "--target", target]
    more = ["--public", place / "public.csv", "--deletions", N, "--out", out, *more]
    return cli.main([*map(str, [*words, *more])])


def computed_labels(document, public, target):
    """Return the labels that follow from what the file says of a guess that anybody can repeat."""
    common, other = public[target].value_counts().index[:2]
    right = {row["deletion"]: row.get("label") for row in document["scores"] if row["attack"] == "avg"}
    known = {i: common if hit else other for i, hit in right.items() if hit is not None}
    group = next((row.get("label") for row in document["summary"] if row["attack"] == "avg"), None)
    if group in (0.0, 1.0):
        known |= dict.fromkeys(range(N), common if group else other)
    return known


def computed_targets(document, public, target):
    """Return the numbers that follow from two distances to values that anybody can compute, up to the side."""
    rows = {row["deletion"]: row.get("target_error") for row in document["scores"] if row["attack"] == "avg"}
    centre = public[target].mean()
    return {i: (centre - error, centre + error) for i, error in rows.items() if error is not None}


def computed_cells(document, public):
    """Return the cells that a common value's being right or wrong gives away, where a column has two values."""
    known = {}
    for record in document["records"]:
        for cell in record["columns"]:
            values = public[cell["name"]].value_counts().index
            if cell["right"] is not None and len(values) == 2 and cell["guess"] is not None:
                known[record["deletion"], cell["name"]] = cell["guess"]
    shares = {row["column"]: row["avg"] for row in document["per_column"] if "avg" in row}
    return known | {name: share for name, share in shares.items() if public[name].nunique() == 2}


@pytest.mark.parametrize(("target", "attack"), [("moved", computed_labels), ("rent", computed_targets)])
def test_no_label_or_number_can_be_computed_from_a_redacted_simulation(place, tmp_path, capsys, target, attack):
    public, train = pd.read_csv(place / "public.csv"), pd.read_csv(place / "train.csv")
    assert simulated(place, target, tmp_path / "open") == 0
    opened = json.loads((tmp_path / "open" / "audit.json").read_text())
    rows = {record["deletion"]: record["row"] for record in opened["records"]}
    found = attack(opened, public, target)
    true = {i: train[target].iloc[rows[i]] for i in found}
    if target == "moved":  # the attack is a real one: it gets all of them from an open file
        assert found == true
    else:
        assert all(min(abs(guess - true[i]) for guess in found[i]) < 1 for i in found)
    assert len(found) == N
    assert computed_cells(opened, public)
    assert simulated(place, target, tmp_path / "out", "--redact") == 0
    closed = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert attack(closed, public, target) == {}
    assert computed_cells(closed, public) == {}


def numbers(document):
    """Return every number that a document says of one deletion, by deletion."""
    said = {}
    for row in [*document["scores"], *document["records"]]:
        kept = {key: value for key, value in row.items() if key not in ("attack", "deletion", "row", "status")}
        said.setdefault(row["deletion"], []).append(kept)
    return said


def test_nothing_is_said_of_one_deletion_but_how_sure_the_attack_is(place, tmp_path, capsys):
    assert simulated(place, "rent", tmp_path / "out", "--redact") == 0
    for said in numbers(json.loads((tmp_path / "out" / "audit.json").read_text())).values():
        for row in said:
            for key, value in row.items():
                if key == "confidence":
                    assert value is None or value == round(value, 2)
                elif key == "columns":
                    assert all(set(cell.values()) == {cell["name"], None} for cell in value)
                else:
                    assert value is None or set(value.values()) == {None}


def secrets(place):
    """Return the deleted records' cells that nobody could name by chance."""
    train = pd.read_csv(place / "train.csv")
    return [f"{value:.{digits}f}" for name in ("wage", "rent") for value in train[name] for digits in (3, 2)]


def everything(folder, said):
    files = "".join(path.read_text() for path in folder.rglob("*") if path.is_file()) if folder.exists() else ""
    return files + said.out + said.err


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_cell_is_in_any_output_of_any_command(place, tmp_path, capsys, form):
    pair = [place / "before-rent.skops", place / "after-rent.skops", "--public", place / "public.csv"]
    more = ["--target", "rent", "--truth", place / "truth.csv", "--candidates", place / "people.csv"]
    for i, words in enumerate((["audit", *pair, *more], ["audit", *pair], ["demo", "--deletions", "30"])):
        assert cli.main([*map(str, [*words, "--redact", *form, "--out", tmp_path / f"out{i}"])]) == 0
    assert simulated(place, "rent", tmp_path / "played", "--redact", *form) == 0
    text = everything(tmp_path, capsys.readouterr())
    public = pd.read_csv(place / "public.csv")
    known = {f"{value:.3f}" for value in public["wage"]}
    assert not [secret for secret in secrets(place) if secret not in known and secret in text]
    assert not list(tmp_path.rglob("candidates.csv"))


def test_candidates_are_counted_and_not_named(place, tmp_path, capsys):
    words = ["audit", place / "before-rent.skops", place / "after-rent.skops", "--public", place / "public.csv"]
    more = ["--target", "rent", "--candidates", place / "people.csv", "--out", tmp_path / "out", "--redact"]
    assert cli.main([*map(str, [*words, *more])]) == 0
    out = capsys.readouterr().out
    assert "31 candidates" in out
    assert "one has probability 1.00; who is left out" in out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["audit.json", "report.html"]


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("town", "Zanesville", "'town' has ... in line 2 of truth.csv"),
        ("age", "forty-one", "'age' has ... in line 2 of "),
    ],
)
def test_errors_quote_no_cell(place, tmp_path, capsys, column, cell, words):
    record = pd.read_csv(place / "truth.csv").astype(object)
    record.loc[0, column] = cell
    record.to_csv(tmp_path / "truth.csv", index=False)
    pair = [place / "before-rent.skops", place / "after-rent.skops", "--public", place / "public.csv"]
    line = [*map(str, ["audit", *pair, "--truth", tmp_path / "truth.csv", "--out", tmp_path / "out"])]
    assert cli.main(line) == 2
    assert cell in capsys.readouterr().err
    assert cli.main([*line, "--redact"]) == 2
    err = capsys.readouterr().err
    assert cell not in err
    assert words in err


def test_export_is_refused(place, tmp_path, capsys):
    assert simulated(place, "rent", tmp_path / "out", "--redact", "--export", tmp_path / "apart") == 2
    assert "--export writes the deleted records themselves" in capsys.readouterr().err
    assert not (tmp_path / "apart").exists()


def test_of_few_deletions_no_score_of_the_truth_stays(place, tmp_path, capsys):
    words = ["audit", place / "before-rent.skops", place / "after-rent.skops", "--public", place / "public.csv"]
    more = ["--target", "rent", "--truth", place / "truth.csv", "--out", tmp_path / "out", "--redact", "--json"]
    assert cli.main([*map(str, [*words, *more])]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"]["word"] == "EXPOSED"
    assert document["verdict"]["rule"] == {}
    assert "left out" in document["verdict"]["reason"]
    assert document["lift"] is None
    assert document["per_column"] == []
    for row in document["summary"]:
        assert {key for key, value in row.items() if value is not None} == {"attack", "n"}
    assert redacted(document) == document


def test_what_is_not_known_to_be_harmless_is_left_out(place, tmp_path, capsys):
    assert simulated(place, "rent", tmp_path / "out") == 0
    document = json.loads((tmp_path / "out" / "audit.json").read_text())
    document["news"] = "secret"
    for part in (document["scores"][0], document["records"][0], document["records"][0]["columns"][0]):
        part["news"] = "secret"
    assert "secret" not in json.dumps(redacted(document))


def test_a_guess_that_is_always_right_is_not_said_to_be(place):
    row = {"attack": "avg", "n": 50, "recovered": 50, "exact_columns": 0.61, "exact_columns_low": 0.5, "label": 1.0}
    document = {
        "question": {"deletions": 50}, "attacks": [{"name": "avg", "label": "Avg", "role": "baseline"}],
        "summary": [row], "redacted": False, "verdict": {"reason": "why"}, "exposure": 0.5, "diagnostics": [],
        "lift": None, "columns": [], "per_column": [], "scores": [], "records": [],
    }  # fmt: skip
    kept = redacted(document)["summary"][0]
    assert (kept["exact_columns"], kept["exact_columns_low"], kept["label"]) == (0.61, 0.5, None)
