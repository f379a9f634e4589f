"""Continuous columns, and the single values on which many of their records lie: maths (13).

Time served, a debt, an income of some kind: mostly 0, and else any number. Such a value is an *atom*: it has a share of
the public records for itself, and how large it is may depend on the other columns. The others are as dense as a kernel
estimate of them says. What the gradient says of the number then weighs each atom against all else, and the record as a
whole by how well its number fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from undelete.attacker.table.prior import Conditional, learn
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column

SHARE = 0.02  # of the public records on one value that make it an atom
LEAST = 10  # and as many of them
_OTHERS = 500  # public values that stand for all that lie on no atom
_FLOOR = 1e-6  # of the public variance, added to the error's: tolerances of solvers, as of the terms


@dataclass(frozen=True, eq=False)
class Atoms:
    """One continuous column's atoms.

    Parameters
    ----------
    place : int
        The column's position among the release's.
    column : Column
        Which one; a line in its only term.
    values : array (a,)
        In the column's units.
    others : array (h,)
        Terms of public records off the atoms.
    width : float
        Of the kernel about each of them.
    floor : float
        Variance added to the error's.
    prior : Conditional
        Of the atom that a record lies on, a for none, given the columns on a lattice and the target.
    """

    place: int
    column: Column
    values: Floats
    others: Floats
    width: float
    floor: float
    prior: Conditional

    def chances(self, codes: Indices, points: Floats, left: Floats, scale: Floats) -> tuple[Floats, Floats]:
        """Return of records what their number adds to their log-posterior (r,), and the chance of each atom (r, a + 1).

        Parameters
        ----------
        codes : array (r, columns)
            Of all columns, as the prior knows them.
        points : array (r, p)
            Where they lie.
        left : array (p, p)
            Covariance of what is left of a point's error, times its squared scale.
        scale : array (r,)
            Of each.
        """
        direction = self.column.projection[:, 0]
        means = points @ direction
        error = np.sqrt(max(float(direction @ left @ direction), 0.0) / scale**2 + self.floor)
        on = norm.logpdf(self.terms, means[:, None], error[:, None])
        wide = np.sqrt(error**2 + self.width**2)
        off = np.log(norm.pdf(self.others, means[:, None], wide[:, None]).mean(axis=1) + np.finfo(float).tiny)
        score = self.prior.log_distribution(codes) + np.column_stack([on, off])
        top = score.max(axis=1, keepdims=True)
        weight = np.exp(score - top)
        total = weight.sum(axis=1, keepdims=True)
        # the density is of the number, and what was observed is the number times the scale
        return np.asarray((top + np.log(total))[:, 0] - np.log(np.abs(scale))), np.asarray(weight / total)

    @property
    def terms(self) -> Floats:
        """The atoms' terms (a,)."""
        return np.asarray((self.values - self.column.offset) / self.column.slope)


def find(columns: Sequence[Column], numbers: Floats, codes: Indices, given: Sequence[int]) -> list[Atoms]:
    """Return the atoms of every continuous column that has any.

    Parameters
    ----------
    columns : sequence of Column
        The release's.
    numbers : array (m, columns)
        Public values of the continuous ones.
    codes : array (m, columns + 1) of int
        Codes of the others, and of the target.
    given : sequence of int
        Those on which an atom's share may depend.
    """
    found = []
    for j, column in enumerate(columns):
        if column.kind != "continuous" or column.projection.shape[1] != 1 or len(column.values):
            continue
        value = numbers[:, j]
        distinct, place, counts = np.unique(value, return_inverse=True, return_counts=True)
        often = np.flatnonzero((counts >= max(LEAST, SHARE * len(value))) & np.isfinite(distinct))
        if not often.size:
            continue
        own = np.full(len(distinct), len(often))
        own[often] = np.arange(len(often))
        coded = codes.copy()
        coded[:, j] = own[place]
        listed = [len(other.values) for other in columns] + [0]  # a record may have values that no public one has
        sizes = [max(int(c.max()) + 1, count) for c, count in zip(coded.T, listed, strict=True)]
        sizes[j] = len(often) + 1
        terms = (value - column.offset) / column.slope
        others = np.sort(terms[(coded[:, j] == len(often)) & np.isfinite(value)])
        spread = float(np.nanstd(terms))
        width = 1.06 * min(spread, float(others.std()) or spread) * len(others) ** -0.2 if len(others) > 1 else spread
        few = others[:: -(-len(others) // _OTHERS)] if len(others) else np.array([float(np.nanmean(terms))])
        prior = learn(coded, sizes, [j], given=given)[j]
        found.append(Atoms(j, column, distinct[often], few, width, _FLOOR * spread**2, prior))
    return found
