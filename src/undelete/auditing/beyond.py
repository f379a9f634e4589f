"""Whole numbers beyond all public ones, where the linear estimate leaves the deleted records that much room."""

from __future__ import annotations

import dataclasses

import numpy as np

from undelete.attacker.hrec import hrec
from undelete.release.reach import reaching
from undelete.release.release import Release


def reached(release: Release) -> Release:
    """Return a release whose columns of whole numbers go as far as the estimates of maths (12) of its deletions do."""
    codes = release.public_codes
    if codes is None or release.embedding is not None:
        return release
    if all(column.kind != "discrete" for column in release.columns):
        return release
    found = hrec(release, np.random.default_rng(0))
    rows = [i for i, status in enumerate(found.status) if status == "ok"]
    if found.values is None or found.error is None or not rows:
        return release
    values, errors = found.values[rows].T.tolist(), found.error[rows].T.tolist()
    each = {j: list(zip(*told, strict=True)) for j, told in enumerate(zip(values, errors, strict=True))}
    longer = reaching(release.columns, codes, each)
    return release if longer is None else dataclasses.replace(release, columns=longer[0], public_codes=longer[1])
