"""False verdicts by fault: two models between which something else happened than the deletion of one record.

Each table of `research_tables.py` is split, its model fitted with and without one record, then spoilt in one of the
ways below, and audited without the true record. Only afterwards the record shown is compared with the true one. Even
deletions refit the whole pipeline, as people do: its scaler then says how many records there were, and gives the
number columns away. Odd ones keep the preprocessing, so that the coefficients are all there is.

A verdict is a *false EXPOSED* when what it promises is not the deleted person's: EXPOSED, and fewer than half of the
columns are right, or they lead what the most common values would get by less than 0.10; PARTLY EXPOSED, and what the
sentence names ("above all X") is not the person's, or with nothing named the centred cosine is under 0.8. A number that
the model predicts counts as the person's within 0.1 of the public deviation. Where two left either is the deleted one.
It is a *false NOT EXPOSED* when the same audit with the true record says EXPOSED or PARTLY EXPOSED. What was refused in
one line (InputError) stands beside.

    python benchmarks/verdicts.py [--quick] [--seeds N] [--faults NAME ...]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

import undelete
from research_tables import Pair, pairs
from undelete.adapters.leaks import exact_values
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.auditing.thresholds import CLEAR, COLUMN, MOST, NEAR
from undelete.auditing.truths import true_record
from undelete.release.reconstruction import TARGET_NEAR
from undelete.scoring.intervals import wilson
from undelete.scoring.table import columns_right, score

ATTACKS = ("hrec+", "hrec")
EXACT: dict[str, dict[str, Any]] = {
    "LogisticRegression": {"tol": 1e-10, "max_iter": 1000, "solver": "newton-cholesky"},
    "LinearSVC": {"tol": 1e-10, "max_iter": 100_000, "dual": False, "random_state": 0},
}
MOST_RECORDS = 1500  # private and public each, so that a thousand audits take minutes


@dataclass(frozen=True)
class Fit:
    """What one fault is applied to: a table's records, n private ones and one more; the model; who leaves."""

    pair: Pair
    X: pd.DataFrame
    y: pd.Series[Any]
    X_public: pd.DataFrame
    y_public: pd.Series[Any]
    gone: int
    other: int
    kept: bool
    rng: np.random.Generator

    @property
    def n(self) -> int:
        """How many are private."""
        return len(self.X) - 1

    def on(self, rows: Any, **settings: Any) -> Any:
        """Return the pipeline fitted on some records, to convergence unless the settings say otherwise."""
        model = clone(self.pair.estimator())
        final = model.steps[-1][1]
        wanted = EXACT.get(type(final).__name__, {}) | settings
        if type(final).__name__ == "Ridge":
            wanted["solver"] = "cholesky"
        final.set_params(**{name: value for name, value in wanted.items() if name in final.get_params()})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not self.kept:
                return model.fit(self.X.iloc[rows], self.y.iloc[rows])
            first = clone(model[:-1]).fit(self.X[: self.n])
            model.steps = [*first.steps, (model.steps[-1][0], final)]
            final.fit(first.transform(self.X.iloc[rows]), self.y.iloc[rows])
            return model

    @property
    def every(self) -> Any:
        """All rows."""
        return np.arange(self.n)

    @property
    def rest(self) -> Any:
        """All rows but the one who leaves."""
        return np.delete(self.every, self.gone)


Spoilt = tuple[Any, Any, pd.DataFrame, "pd.Series[Any]"]


def nothing(fit: Fit) -> Spoilt:
    """Return the two models as they should be."""
    return fit.on(fit.every), fit.on(fit.rest), fit.X_public, fit.y_public


def defaults(fit: Fit) -> Spoilt:
    """Fit both as scikit-learn does by default, which stops early."""
    kept = {"tol": 1e-4, "solver": "lbfgs", "max_iter": 1000}
    return fit.on(fit.every, **kept), fit.on(fit.rest, **kept), fit.X_public, fit.y_public


def other_state(fit: Fit) -> Spoilt:
    """Fit with another solver, or another random state, after the deletion."""
    after = fit.on(fit.rest, solver="lbfgs", tol=1e-6, random_state=7)
    return fit.on(fit.every), after, fit.X_public, fit.y_public


def other_penalty(fit: Fit) -> Spoilt:
    """Fit with another penalty after the deletion, and a file that says the old one."""
    after = fit.on(fit.rest, alpha=1.02, C=fit.pair.estimator().steps[-1][1].get_params().get("C", 1.0) * 1.02)
    final = after.steps[-1][1]
    said = fit.pair.estimator().steps[-1][1].get_params()
    final.set_params(**{name: said[name] for name in ("alpha", "C") if name in said})
    return fit.on(fit.every), after, fit.X_public, fit.y_public


def rounded(digits: int) -> Callable[[Fit], Spoilt]:
    """Return the fault of coefficients that were rounded to some digits."""

    def spoil(fit: Fit) -> Spoilt:
        before, after = fit.on(fit.every), fit.on(fit.rest)
        for model in (before, after):
            final = model.steps[-1][1]
            for name in ("coef_", "intercept_"):
                numbers = np.atleast_1d(getattr(final, name))
                size = np.floor(np.log10(np.where(numbers == 0, 1.0, np.abs(numbers))))
                unit = 10.0 ** (size - digits + 1)
                short = np.round(numbers / unit) * unit
                setattr(final, name, short.reshape(np.shape(getattr(final, name))))
        return before, after, fit.X_public, fit.y_public

    return spoil


def single(fit: Fit) -> Spoilt:
    """Keep the coefficients in single precision."""
    before, after = fit.on(fit.every), fit.on(fit.rest)
    for model in (before, after):
        model.steps[-1][1].coef_ = model.steps[-1][1].coef_.astype(np.float32)
    return before, after, fit.X_public, fit.y_public


def two_deleted(fit: Fit) -> Spoilt:
    """Delete another one too."""
    return fit.on(fit.every), fit.on(fit.rest[fit.rest != fit.other]), fit.X_public, fit.y_public


def swapped(fit: Fit) -> Spoilt:
    """Let another join, of those who were neither private nor public."""
    return fit.on(fit.every), fit.on(np.append(fit.rest, fit.n)), fit.X_public, fit.y_public


def stopped(fit: Fit) -> Spoilt:
    """Stop both fits after a few steps."""
    few = {"solver": "lbfgs", "max_iter": 8, "tol": 1e-12}
    return fit.on(fit.every, **few), fit.on(fit.rest, **few), fit.X_public, fit.y_public


def other_population(fit: Fit) -> Spoilt:
    """Take public records of which the first number is larger by half a deviation, and the targets mixed."""
    X = fit.X_public.copy()
    for name in X.select_dtypes("number").columns[:3]:
        X[name] = (X[name] + np.ceil(0.5 * X[name].std())).astype(X[name].dtype)
    return fit.on(fit.every), fit.on(fit.rest), X, fit.y_public


def noised(fit: Fit) -> Spoilt:
    """Add noise to the new model, as large as a third of the change."""
    before, after = fit.on(fit.every), fit.on(fit.rest)
    old, new = before.steps[-1][1], after.steps[-1][1]
    change = np.sqrt(np.mean((old.coef_ - new.coef_) ** 2))
    new.coef_ = new.coef_ + 0.33 * change * fit.rng.normal(size=new.coef_.shape)
    return before, after, fit.X_public, fit.y_public


FAULTS: dict[str, Callable[[Fit], Spoilt]] = {
    "none": nothing,
    "scikit-learn's defaults": defaults,
    "another solver or state": other_state,
    "another penalty": other_penalty,
    **{f"rounded to {digits} digits": rounded(digits) for digits in (3, 4, 5, 6, 8)},
    "single precision": single,
    "two deleted": two_deleted,
    "one left, one joined": swapped,
    "stopped early": stopped,
    "another population": other_population,
    "noise": noised,
}


@dataclass(frozen=True)
class Outcome:
    """One audit: its fault, its table, its word, and whether that word is false."""

    fault: str
    pair: str
    word: str
    false: bool
    reason: str = ""


def audits(seeds: Sequence[int], faults: Sequence[str]) -> Iterator[Outcome]:
    """Play every fault on every table, one deletion a seed."""
    for place, pair in enumerate(pairs()):
        for seed in seeds:
            X, y, X_public, y_public = pair.split(seed)
            X, y = X[: MOST_RECORDS + 1].reset_index(drop=True), y[: MOST_RECORDS + 1].reset_index(drop=True)
            X_public, y_public = X_public[:MOST_RECORDS], y_public[:MOST_RECORDS]
            for fault in faults:
                rng = np.random.default_rng([seed, place, list(FAULTS).index(fault)])
                gone, other = rng.choice(len(X) - 1, 2, replace=False)
                yield judged(Fit(pair, X, y, X_public, y_public, int(gone), int(other), bool(seed % 2), rng), fault)


def judged(fit: Fit, fault: str) -> Outcome:
    """Return what one audit says and whether it is false."""
    target, name = fit.pair.target, f"{fit.pair.name}{', kept' if fit.kept else ''}"
    people = [fit.gone, fit.other] if fault == "two deleted" else [fit.gone]
    truths = [fit.X.iloc[[i]].assign(**{target: fit.y.iloc[[i]]}) for i in people]
    try:
        before, after, X_public, y_public = FAULTS[fault](fit)
        public = X_public.assign(**{target: y_public}).reset_index(drop=True)
        n = None if len(fit.X.select_dtypes("number").columns) else fit.n
        found = undelete.audit(before, after, public, attacks=ATTACKS, target=target, n=n)
        word, false = found.verdict.word, False
        if word == "NOT EXPOSED":
            known = undelete.audit(before, after, public, attacks=ATTACKS, target=target, n=n, truth=truths[0])
            false = known.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
        elif word != "NOT DECIDABLE":
            old, new = (from_sklearn(model, public, target) for model in (before, after))
            false = not any(kept_promise(found, old, new, truth) for truth in truths)
    except undelete.InputError as error:
        return Outcome(fault, name, "refused", False, str(error))
    return Outcome(fault, name, word, false, found.verdict.reason)


def kept_promise(found: undelete.Audit, old: LinearModel, new: LinearModel, truth: pd.DataFrame) -> bool:
    """Return whether what an EXPOSED or PARTLY EXPOSED promises is the deleted person's."""
    release, shown, verdict = found.release, found.found[found.main], found.verdict
    assert found.setting.target is not None
    target = found.setting.target
    true = true_record(truth, old, release, [target.name])
    cosine = float(score(release, true, shown)["centred_cosine"][0])
    flags = columns_right(release, true, shown)
    right = {column.name: bool(one) for column, one in zip(release.columns, flags[0], strict=True)} if (
        flags is not None) else {}  # fmt: skip
    lead = np.mean(list(right.values())) - np.mean([c.frequency.max(initial=0.0) for c in release.columns])
    if "mean_centred_cosine" in verdict.rule and verdict.word == "EXPOSED":
        return cosine >= NEAR
    if verdict.word == "EXPOSED":
        return bool(np.mean(list(right.values())) >= MOST and lead >= CLEAR) or all(right.values())
    named = verdict.sentence.partition("above all ")[2].removesuffix(".")
    if verdict.sentence.startswith("The preprocessing gives"):
        cells, true_cells = found.records.iloc[0], truth.iloc[0]
        return all(_equal(cells[name], true_cells[name]) for name in exact_values(old, new) if name in right)
    if verdict.rule["best_column_lift"] < COLUMN:
        return cosine >= NEAR if "though not exactly" in verdict.sentence else bool(lead > 0)
    if named in right:
        return right[named]
    assert true.Y is not None
    assert shown.target is not None
    if target.kind == "class":
        return bool((np.sign(true.Y - true.Y.mean() * (true.Y.shape[1] > 1)) == np.sign(
            shown.target - shown.target.mean() * (true.Y.shape[1] > 1))).all())  # fmt: skip
    assert release.Y_public is not None
    return bool(abs(true.Y - shown.target).item() <= TARGET_NEAR * release.Y_public.std())


def _equal(cell: Any, other: Any) -> bool:
    return str(cell) == str(other) if isinstance(other, str) else bool(np.isclose(float(cell), float(other)))


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the rates as a Markdown table, a row a fault and one for all."""
    head = ["fault", "audits", "EXPOSED", "PARTLY EXPOSED", "NOT EXPOSED", "NOT DECIDABLE", "refused"]
    head += ["false EXPOSED", "false NOT EXPOSED"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    names = [fault for fault in FAULTS if any(one.fault == fault for one in outcomes)]
    for name in [*names, "all"]:
        mine = [one for one in outcomes if name in (one.fault, "all")]
        words = [sum(one.word == word for one in mine) for word in ("EXPOSED", "PARTLY EXPOSED", "NOT EXPOSED")]
        words += [sum(one.word == word for one in mine) for word in ("NOT DECIDABLE", "refused")]
        rates = [
            _rate([one for one in mine if (one.word == "NOT EXPOSED") is safe], len(mine)) for safe in (False, True)
        ]
        lines.append(f"| {name} | {len(mine)} | {' | '.join(map(str, words))} | {' | '.join(rates)} |")
    return lines


def _rate(outcomes: Sequence[Outcome], trials: int) -> str:
    wrong = sum(one.false for one in outcomes)
    low, high = wilson(wrong, trials)
    return f"{wrong} = {100 * wrong / trials:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def main() -> None:
    """Play, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one deletion a table and fault, the preprocessing kept")
    parser.add_argument("--seeds", type=int, default=2, help="deletions a table and fault (default: 2)")
    parser.add_argument("--faults", nargs="+", choices=list(FAULTS), default=list(FAULTS), metavar="NAME", help="which")
    options = parser.parse_args()
    begun, outcomes = time.monotonic(), []
    seeds = [1] if options.quick else range(options.seeds)
    for outcome in audits(seeds, options.faults):
        outcomes.append(outcome)
        if outcome.false:
            print(f"false {outcome.word}: {outcome.fault}, {outcome.pair}: {outcome.reason}", flush=True)
    lines = table(outcomes)
    print("\n".join(lines))
    print(f"{len(outcomes):,} audits in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
