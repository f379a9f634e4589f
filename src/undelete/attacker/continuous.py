"""HRec+ for records that have no lattice, such as images: maths (11), (12).

All outputs' gradients are weighed together, the scale is the constant's entry or what a record's usual length says,
and the record is the most probable one behind an embedding, or one inside the public range.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from undelete.attacker.embedding.class_map import as_class
from undelete.attacker.embedding.posterior import behind_gradient
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.attacker.image.bounded import bounded
from undelete.attacker.image.outputs import best_mix
from undelete.maths.arrays import Flags, Floats, Indices
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release


def continuous(release: Release, difference: Difference, attack: str) -> Reconstruction:
    """Reconstruct records without raw columns.

    Parameters
    ----------
    release : Release
        Its `columns` are not looked at.
    difference : Difference
        Minus the deleted records' gradients.
    attack : str
        In whose name.
    """
    G = difference.gradient
    mix = label = None
    if not release.loss.separable and release.constant is not None:
        mix, label = best_mix(release, G)
    same = unchanged(release)
    # what lies behind an embedding is found here, from the gradient before it is divided
    bare = release.without_columns()
    found = from_gradient(bare, difference, same, attack=attack, mix=mix)
    if label is not None:
        target = np.where(same[:, None], np.nan, np.eye(G.shape[2])[label])
        found = dataclasses.replace(found, output=label, target=target)
    if release.embedding is not None:
        return _traced(release, G, found, same)
    return found if release.constant is None else _in_range(release, G, found, same)


def _gradients(G: Floats, estimate: Estimate) -> Floats:
    """Return the gradients (b, d) that an estimate reads: one output's, or the mixed ones."""
    if estimate.mix is not None:
        return np.asarray(np.einsum("bdk,bk->bd", G, estimate.mix))
    return G[np.arange(len(G)), :, estimate.output]


def _traced(release: Release, G: Floats, found: Reconstruction, same: Flags) -> Reconstruction:
    """Return the same with the records behind the embedding."""
    assert release.embedding is not None
    inputs, distance = np.full((len(G), release.embedding.inputs), np.nan), np.full(len(G), np.nan)
    rows = np.flatnonzero(~same)
    if release.constant is None or not rows.size:
        return dataclasses.replace(found, inputs=inputs, distance=distance)
    estimate = Estimate.of(found).part(rows)
    classes = None
    if release.target_kind == "class" and found.target is not None:
        classes = np.where(np.isfinite(found.target[rows]).all(axis=1), as_class(found.target[rows]), -1)
    traced = behind_gradient(release.take(rows), _gradients(G[rows], estimate), estimate, classes)
    inputs[rows], distance[rows] = traced.inputs, traced.distance
    status = np.where(same, "unchanged", "ok").tolist()
    return dataclasses.replace(
        found, inputs=inputs, distance=distance, status=status, record_error=_placed(traced.error, rows, same),
        features=_placed(traced.features, rows, same), features_error=_placed(traced.features_error, rows, same),
    )  # fmt: skip


def _placed(array: Floats | None, rows: Indices, same: Flags) -> Floats | None:
    """Return what is known of some deletions (a, p) in an array of all (b, p)."""
    if array is None:
        return None
    found = np.full((len(same), array.shape[1]), np.nan)
    found[rows] = array
    return found


def _in_range(release: Release, G: Floats, found: Reconstruction, same: Flags) -> Reconstruction:
    """Return the same with records inside the public range, wherever the sign of the scale is known."""
    known = ~same if found.mix is not None else np.array([status == "ok" for status in found.status])
    rows = np.flatnonzero(known)
    if not rows.size:
        return found
    estimate = Estimate.of(found).part(rows)
    sign = np.where(estimate.scale < 0, -1.0, 1.0) if found.mix is None else np.ones(len(rows))
    g = _gradients(G[rows], estimate) * sign[:, None]
    X, status = np.array(found.X), np.array(found.status)
    X[rows] = bounded(release.take(rows), g, dataclasses.replace(estimate, scale=estimate.scale * sign))
    status[rows] = "ok"
    return dataclasses.replace(found, X=X, status=status.tolist())
