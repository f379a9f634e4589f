"""Which of scikit-learn's linear estimators and steps are read, and why the others are not: docs/models.md.

    python benchmarks/what_is_read.py [--write]

Estimators are listed from the code. Of each step, a pipeline with it is fitted twice, with a record and without, and
read: what becomes of it is what the page says.
"""

from __future__ import annotations

import argparse
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.feature_selection import f_regression
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils import all_estimators

from undelete import InputError
from undelete.adapters.design.probed import Probed
from undelete.adapters.sklearn.estimators import READERS
from undelete.adapters.sklearn.refused import NOT_READ, SCANNED
from undelete.adapters.sklearn.text import VECTORISERS
from undelete.adapters.sklearn.wrapped import OPENERS
from undelete.auditing.released import read_pair
from undelete.paper.pages.markdown import table

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
ROOMS = ("linear_model", "svm", "discriminant_analysis", "naive_bayes", "kernel_ridge")  # where linear ones live
STEPS = (
    "compose", "decomposition", "feature_extraction", "feature_selection", "impute", "kernel_approximation",
    "preprocessing", "random_projection",
)  # fmt: skip
HEADER = ("estimator", "read by", "why not, and what to do")
NO_STEPS = ("LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer", "PatchExtractor", "DictVectorizer",
            "FeatureHasher", "KernelCenterer", "SparseCoder", "ColumnTransformer", "CountVectorizer",
            "HashingVectorizer", "TfidfVectorizer", "MissingIndicator")  # fmt: skip


def rows() -> list[tuple[str, str, str]]:
    """Return a row an estimator: those that predict, of scikit-learn's linear modules, and all that are read."""
    read = {kind.__name__ for kind in (*READERS, *OPENERS)}
    names = {
        name
        for name, kind in all_estimators()
        if kind.__module__.split(".")[1] in ROOMS and hasattr(kind, "predict") and not inspect.isabstract(kind)
    }
    found = []
    for name in sorted(names | read):
        why = "" if name in read else NOT_READ.get(name, "")
        by = "audit" if name in read else "scan" if why in SCANNED else "no"
        found.append((f"`{name}`", by, why))
    return found


def estimators() -> list[str]:
    """Return the lines on estimators."""
    found = rows()
    own = [row for row in found if row[2] == "" and row[1] != "audit"]
    if own:
        raise SystemExit(f"no reason is given for {', '.join(row[0] for row in own)}: add it to refused.py")
    count = {by: sum(row[1] == by for row in found) for by in ("audit", "scan", "no")}
    share = 100 * (count["audit"] + count["scan"]) / len(found)
    return [
        "# Which of scikit-learn's models are read",
        "",
        f"Written by `python benchmarks/what_is_read.py --write` with scikit-learn {sklearn.__version__}. Of "
        f"{len(found)} estimators, those of its linear modules that predict and what is read besides, "
        f"{count['audit']} are audited, {count['scan']} give the record away by what they store, which `undelete scan` "
        f"says ({share:.0f} % together), and {count['no']} are refused. A search saved whole (`GridSearchCV` and its "
        "like) is read as its `best_estimator_`, a `TransformedTargetRegressor` as what it holds; of a vote, a stack, "
        "a chain or several outputs one part is audited, and the report says which.",
        "",
        *table(HEADER, found),
        "",
    ]


def people(n: int = 500) -> pd.DataFrame:
    """Return made-up records of numbers that every step takes."""
    rng = np.random.default_rng(0)
    made = pd.DataFrame(np.abs(rng.normal(size=(n, 4))).round(3), columns=list("abcd"))
    return made.assign(y=made.a - made.b + made.c / 2 + rng.normal(size=n))


def steps() -> Iterator[tuple[str, str, str]]:
    """Yield a row a step: read, asked, or why not."""
    records = people()
    for name, kind in all_estimators(type_filter="transformer"):
        if kind.__module__.split(".")[1] not in STEPS or name in NO_STEPS:
            continue
        try:
            before, after = (_fitted(name, kind, part) for part in (records, records.drop(index=3)))
        except (TypeError, ValueError) as error:
            yield f"`{name}`", "no", f"not tried: {str(error).splitlines()[0][:80]}"
            continue
        try:
            pair = read_pair(before, after, _public(name, records), target="y", n=len(records))
        except InputError as error:
            yield f"`{name}`", "no", str(error).split(":")[0]
            continue
        yield f"`{name}`", "asked" if isinstance(pair.old.design, Probed) else "read", ""


def _fitted(name: str, kind: Any, records: pd.DataFrame) -> Any:
    given = {key: 0 for key in ("random_state",) if key in inspect.signature(kind).parameters}
    if "n_components" in inspect.signature(kind).parameters:
        given["n_components"] = 2
    if "estimator" in inspect.signature(kind).parameters and name != "IterativeImputer":
        given["estimator"] = Ridge()
    if "score_func" in inspect.signature(kind).parameters:
        given["score_func"] = f_regression
    return make_pipeline(kind(**given), Ridge()).fit(_public(name, records)[list("abcd")], records.y)


def _public(name: str, records: pd.DataFrame) -> pd.DataFrame:
    """Return records, rounded where a step has a feature for each value."""
    return records.round(0) if name in ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder") else records


def step_lines() -> list[str]:
    """Return the lines on steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(steps())
    yes = sum(row[1] != "no" for row in found)
    return [
        "## Steps",
        "",
        f"{yes} of {len(found)} ({100 * yes / len(found):.0f} %) of its transformers of a table, each with its own "
        "defaults before a `Ridge`, fitted on records and again without one. *Read*: its features are polynomials of "
        "the raw columns, and the record comes back in these; *asked*: by its `transform`, what it makes of each "
        "value.",
        "",
        *table(("step", "how", "why not"), found),
        "",
    ]


def text_lines() -> list[str]:
    """Return the section on vectorisers of text."""
    names = ", ".join(f"`{kind.__name__}`" for kind in VECTORISERS)
    where = "in a `ColumnTransformer` beside other columns by `undelete audit` ([how](model-files.md))"
    return ["## Text", "", f"Vectorisers, {names}: alone before a linear model by `undelete words`, and {where}.", ""]


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write docs/models.md")
    written = "\n".join([*estimators(), *step_lines(), *text_lines()])
    if parser.parse_args().write:
        PAGE.write_text(written)
    print(written)


if __name__ == "__main__":
    main()
