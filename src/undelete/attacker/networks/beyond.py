"""Whole numbers beyond all public ones, where a network's gradient leaves the deleted records that much room."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from undelete.attacker.networks.columns import Located
from undelete.attacker.networks.problem import Problem
from undelete.attacker.networks.record import Decoder
from undelete.attacker.networks.view import View
from undelete.attacker.table.columns import read_off
from undelete.release.networks import NetworkRelease
from undelete.release.reach import reaching


def reached(release: NetworkRelease, decoder: Decoder, located: Sequence[Located]) -> NetworkRelease:
    """Return a release whose columns of whole numbers go as far as what was found of its deletions does.

    What is known of a column beforehand needs no more values: its code stays the value's.
    """
    codes, counted = release.public_codes, countable(release)
    if codes is None or not counted:
        return release
    d = release.X_public.shape[1]
    each: dict[int, list[tuple[float, float]]] = {j: [] for j in counted}
    for one in located:
        best = one.found[0]
        view = View.about(decoder, Problem(release, one.estimate, best.label, decoder.prior), best.point, d)
        for j in counted:
            column = release.columns[j]
            terms = view.centre[:d] @ column.projection
            cov = column.projection.T @ view.covariance[:d, :d] @ column.projection
            value, error = read_off(column, terms[None], cov[None])
            each[j].append((float(value[0]), float(error[0])))
    longer = reaching(release.columns, codes, each)
    return release if longer is None else dataclasses.replace(release, columns=longer[0], public_codes=longer[1])


def countable(release: NetworkRelease) -> list[int]:
    """Return the columns of whole numbers that are not known beforehand."""
    given = release.given
    return [
        j for j, column in enumerate(release.columns)
        if len(column.counted) and column.projection.shape[1] and (given is None or np.isnan(given[:, j]).all())
    ]  # fmt: skip
