"""Is hrec+ right as often as it says, on tables it was not made on? Prints a table; writes it with a picture.

    python benchmarks/calibration.py --out results

Every pair of `research_tables` is played on a few splits: converged models, the preprocessing frozen, one deletion at a
time, n known. Of each column that is on a lattice what was said and whether it was right; of each number whether its
95 % range holds it, of each numeric target too; of each record whether all of it is right. Beside it how many of plain
hrec's ranges hold the same numbers, and of both the median centred cosine with the true record. A deletion whose scale
was not identified counts in none.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

import undelete
from research_tables import Pair, pairs
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.maths.arrays import Floats
from undelete.paper.pages.markdown import table
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.calibration import calibration_error, reliability
from undelete.scoring.scores import centred_cosine
from undelete.scoring.table import columns_right
from undelete.scoring.truth import Truth

Flags = NDArray[np.bool_]
SURE = (0.95, 0.99)
HEADER = ("table, model", "n", "m", "columns", "said", "right", "error", "p > .95", "right", "p > .99", "right",
          "ranges say", "hold", "hold of .95", "hrec's", "targets", "whole said", "right", "error",
          "cosine", "hrec's", "ms")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Told:
    """What was told of some deletions, and what was so: arrays without order."""

    said: Floats  # of each cell on a lattice, its probability
    right: Floats  # 1 where it was
    ranges: Floats  # of each number, with what probability its 95 % range holds it
    held: Floats  # 1 where it does
    plain: Floats  # the same of hrec's ranges
    targets: Floats  # of each numeric target
    sure: Floats  # of each record, its confidence
    whole: Floats  # 1 where all of it was right
    cosine: Floats  # of each record, about the public mean
    plain_cosine: Floats  # hrec's

    @classmethod
    def joined(cls, parts: Sequence[Told]) -> Told:
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def main() -> None:
    """Play every pair, print a line for each, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=2, help="splits of each table (default: 2)")
    parser.add_argument("--deletions", type=int, default=40, help="deletions on each (default: 40)")
    parser.add_argument("--only", default="", help="pairs whose name holds this")
    parser.add_argument("--out", type=Path, help="folder for calibration.md, calibration.svg and calibration.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # unscaled fits warn; they are refitted to convergence
    rows, every = [], []
    print(" | ".join(HEADER))
    for pair in pairs():
        if options.only in pair.name:
            told, begun, size = [], time.perf_counter(), 0
            for seed in range(options.splits):
                release, truth = played(pair, options.deletions, seed)
                begun = time.perf_counter() if seed == 0 else begun
                told.append(compared(release, truth))
                size = len(release.columns)
            every.append(Told.joined(told))
            milliseconds = 1000 * (time.perf_counter() - begun) / (options.splits * options.deletions)
            rows.append(line(pair.name, every[-1], (pair.n, pair.m, size), milliseconds))
            print(" | ".join(rows[-1]), flush=True)
    pooled = Told.joined(every)
    rows.append(line("all", pooled, ("", "", ""), float("nan")))
    print(" | ".join(rows[-1]))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "calibration.md").write_text("\n".join(table(HEADER, rows)) + "\n")
        (options.out / "calibration.json").write_text(json.dumps({"header": HEADER, "rows": rows}, indent=1) + "\n")
        draw(pooled, options.out / "calibration.svg")


def played(pair: Pair, deletions: int, seed: int) -> tuple[Release, Truth]:
    """Return what the attacker sees of one split's deletions, and the truth."""
    X, y, X_public, y_public = pair.split(seed)
    audit = undelete.simulate(
        pair.estimator(), X, y, X_public, y_public, deletions=deletions, attacks=("avg",), rng=seed
    )
    assert audit.truth is not None
    assert isinstance(audit.release, Release)
    return audit.release, audit.truth


def compared(release: Release, truth: Truth) -> Told:
    """Attack, and compare with the truth."""
    found, plain = hrec_plus(release, np.random.default_rng(0)), hrec(release, np.random.default_rng(0))
    ok = np.array([status == "ok" for status in found.status])
    right = columns_right(release, truth, found)
    assert right is not None
    assert found.probability is not None
    lattice = [j for j, c in enumerate(release.columns) if c.kind != "continuous" and c.projection.shape[1]]
    said = found.probability[ok][:, lattice].ravel()
    known = np.isfinite(said)
    targets = np.zeros(0)
    if release.target_kind == "number" and found.target is not None and found.target_error is not None:
        assert truth.Y is not None
        targets = np.abs(found.target - truth.Y)[ok, 0] <= 1.96 * found.target_error[ok, 0] + 1e-9
    sure = np.nan_to_num(found.confidence[ok])
    ranges, held = in_ranges(release, truth, found, ok)
    mean = release.X_public.mean(axis=0)
    return Told(
        said=said[known],
        right=right[ok][:, lattice].ravel()[known].astype(float),
        ranges=ranges,
        held=held,
        plain=in_ranges(release, truth, plain, ok)[1],
        targets=targets.astype(float),
        sure=sure,
        whole=right[ok].all(axis=1).astype(float),
        cosine=centred_cosine(truth.X, found.X, mean)[ok],
        plain_cosine=centred_cosine(truth.X, plain.X, mean)[ok],
    )


def in_ranges(release: Release, truth: Truth, found: Reconstruction, ok: Flags) -> tuple[Floats, Floats]:
    """Return of each number of the deletions marked what its 95 % range says that it holds, and whether it does."""
    assert found.ranges is not None
    assert truth.values is not None
    (low, high), true = (end[ok] for end in found.ranges), truth.values[ok]
    said = np.full(true.shape, 0.95)
    if found.range_probability is not None:
        said = np.where(np.isnan(found.range_probability[ok]), said, found.range_probability[ok])
    known = np.isfinite(true) & np.isfinite(low)
    return said[known], ((low - 1e-9 <= true) & (true <= high + 1e-9))[known].astype(float)


def line(name: str, told: Told, sizes: tuple[object, object, object], milliseconds: float) -> list[str]:
    """Return one pair's row."""
    cells = [name, *(f"{size:,}" if isinstance(size, int) else "" for size in sizes)]
    cells += [share(told.said), share(told.right), share(np.array([calibration_error(told.said, told.right)]))]
    for least in SURE:
        above = told.said > least
        cells += [f"{int(above.sum()):,}", share(told.right[above])]
    # of a range that holds more than it has to, as much is counted as would do: what a draw of it would hold
    cells += [share(told.ranges), share(told.held), share(told.held * 0.95 / np.maximum(told.ranges, 0.95))]
    cells += [share(told.plain), share(told.targets), share(told.sure), share(told.whole)]
    cells += [share(np.array([calibration_error(told.sure, told.whole)]))]
    cells += [f"{np.median(each):.4f}" if each.size else "" for each in (told.cosine, told.plain_cosine)]
    return [*cells, "" if np.isnan(milliseconds) else f"{milliseconds:,.0f}"]


def share(values: Floats) -> str:
    """Return a mean without the zero before the point; nothing for none."""
    return "" if not values.size or np.isnan(values).all() else f"{values.mean():.3f}".removeprefix("0")


def draw(told: Told, path: Path) -> None:
    """Draw what was right by what was said, of columns and of whole records."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for axes, said, right, what in zip(
        panels, (told.said, told.sure), (told.right, told.whole), ("columns", "whole records"), strict=True
    ):
        bins = reliability(said, right)
        axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
        axes.vlines([b.confidence for b in bins], [b.low for b in bins], [b.high for b in bins], color="C0")
        axes.plot([b.confidence for b in bins], [b.right for b in bins], "o", color="C0")
        for b in bins:
            axes.annotate(
                f"{b.n:,}", (b.confidence, b.low), (0, -11), textcoords="offset points", ha="center", fontsize=7
            )
        axes.set(xlabel=f"probability told, {what}", ylabel="share right", xlim=(-0.03, 1.03), ylim=(-0.06, 1.03))
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
