"""What the parts of hrec+ are worth, measured on people of Texas; prints two tables.

    python benchmarks/decoder.py --data DIR

The settings of the decoder were chosen here: none of these people is in docs/results/better.md. The first table has
the bits that a prior leaves of a held-out record, the second games on several splits with the scale tied to the
target and without (docs/maths.md (13)).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest import mock

import numpy as np

from undelete.attacker.hrec_plus import hrec_plus
from undelete.attacker.table import observed
from undelete.attacker.table.prior import learn
from undelete.lab.models import LOGISTIC, RIDGE
from undelete.paper.better_tables import Played, income
from undelete.scoring.calibration import calibration_error
from undelete.scoring.intervals import nested_interval


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the ACS data (default: $UNDELETE_DATA)")
    parser.add_argument("--splits", type=int, default=8, help="splits of the games (default: 8)")
    parser.add_argument("--deletions", type=int, default=150, help="deletions on each (default: 150)")
    options = parser.parse_args()
    priors(income("TX", RIDGE, options.data, 1, 0))
    print(f"\n{'game':<28}{'exact':>8}{'95 %':>18}{'confidence':>12}{'calibration':>13}{'bits':>7}")
    for model in (RIDGE, LOGISTIC):
        games = [income("TX", model, options.data, options.deletions, seed) for seed in range(options.splits)]
        decoded(f"{model.key}, tied", games)
        with mock.patch.object(observed, "_FITS", 0.0):  # nothing fits
            decoded(f"{model.key}, not tied", games)


def priors(played: Played) -> None:
    """Print the bits that each prior leaves of a record's columns and of those hardest to tell, given the target."""
    release = played.release
    assert release.public_codes is not None
    assert release.Y_public is not None
    codes = np.c_[release.public_codes, release.Y_public[:, 0] > 0].astype(int)
    sizes = [len(column.values) for column in release.columns] + [2]
    order = sorted(range(len(release.columns)), key=lambda j: sizes[j])
    shown = [[column.name for column in release.columns].index(name) for name in ("AGEP", "WKHP", "POBP", "OCCP")]
    variants = {
        "each column by itself": {j: learn(codes, sizes, [j])[j].bits for j in order},
        "lifts as counted": {j: one.bits for j, one in learn(codes, sizes, order, [len(order)]).items()},
        "and spread (as used)": {j: one.bits for j, one in learn(codes, sizes, order, [len(order)], order).items()},
    }
    print(f"{'prior':<28}{'record':>8}" + "".join(f"{release.columns[j].name:>8}" for j in shown))
    for name, bits in variants.items():
        print(f"{name:<28}{sum(bits.values()):>8.2f}" + "".join(f"{bits[j]:>8.2f}" for j in shown))


def decoded(name: str, games: list[Played]) -> None:
    """Print what hrec+ reaches in some games."""
    rows, bits = [], []
    for game in games:
        found = hrec_plus(game.release, np.random.default_rng(0))
        assert found.codes is not None
        assert found.bits is not None
        rows.append(np.c_[(found.codes == game.truth.codes).all(axis=1), found.confidence])
        bits.append(found.bits)
    pooled = np.concatenate(rows)
    low, high = nested_interval(rows, lambda some: some.mean(axis=0), np.random.default_rng(0))
    print(
        f"{name:<28}{pooled[:, 0].mean():>8.3f}{f'{low[0]:.3f} to {high[0]:.3f}':>18}{pooled[:, 1].mean():>12.3f}"
        f"{calibration_error(pooled[:, 1], pooled[:, 0]):>13.3f}{np.median(np.concatenate(bits)):>7.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
