"""Which of scikit-learn's linear estimators are read, and why the others are not: the table of docs/models.md.

python benchmarks/what_is_read.py [--write]
"""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path

import sklearn
from sklearn.utils import all_estimators

from undelete.adapters.sklearn.estimators import READERS
from undelete.adapters.sklearn.refused import NOT_READ
from undelete.paper.pages.markdown import table

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
ROOMS = ("linear_model", "svm", "discriminant_analysis", "naive_bayes", "kernel_ridge")  # where linear ones live
HEADER = ("estimator", "audited", "why not, and what to do")


def rows() -> list[tuple[str, str, str]]:
    """Return a row an estimator: those that predict, of scikit-learn's linear modules, and all that are read."""
    read = {kind.__name__ for kind in READERS}
    names = {
        name
        for name, kind in all_estimators()
        if kind.__module__.split(".")[1] in ROOMS and hasattr(kind, "predict") and not inspect.isabstract(kind)
    }
    found = []
    for name in sorted(names | read):
        why = "" if name in read else NOT_READ.get(name, "")
        found.append((f"`{name}`", "yes" if name in read else "no", why))
    return found


def page() -> str:
    """Return the page."""
    found = rows()
    yes = sum(row[1] == "yes" for row in found)
    own = [row for row in found if row[2] == "" and row[1] == "no"]
    text = [
        "# Which of scikit-learn's models are audited",
        "",
        f"Written by `python benchmarks/what_is_read.py --write` with scikit-learn {sklearn.__version__}: {yes} of "
        f"{len(found)}, the estimators of its linear modules that predict, and what is read besides. A search saved "
        "whole (`GridSearchCV` and its like) is read as its `best_estimator_`, a `TransformedTargetRegressor` as "
        "what it holds.",
        "",
        *table(HEADER, found),
        "",
    ]
    if own:
        raise SystemExit(f"no reason is given for {', '.join(row[0] for row in own)}: add it to refused.py")
    return "\n".join(text)


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write docs/models.md")
    written = page()
    if parser.parse_args().write:
        PAGE.write_text(written)
    print(written)


if __name__ == "__main__":
    main()
