"""How sure a record is that was traced back through an embedding, and whether it was one record at all.

The recovered embedding t has the error of maths (10). It gives the record behind it an error of its own, and t lies off
the record's embedding by as much as its own error says; by much more, if the two models differ by something else than
one record.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from undelete.attacker.embedding.inversion import nearest_embedding, public_records
from undelete.attacker.gradient.estimate import Estimate
from undelete.maths.arrays import Flags, Floats, Indices, blocks
from undelete.maths.objective import gram
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

TRACED = 256  # inputs of an embedding up to which each record's Jacobian is inverted for its error bars


_RIDGE = 1e-4  # of the error's mean variance, added to each direction, as `posterior` has it
_SAMPLE = 200  # public records off which the error's shape is read
_DOUBTFUL = 0.05  # probability of a distance under which the nearest embedding of all is looked for
_BLOCK = 32  # deletions at a time


def input_error(release: Release, found: Reconstruction) -> Floats:
    """Return the standard error (b, d0) of each input of the traced records; NaN where it is not known.

    That of the most probable record, to first order: the covariance (J' C^-1 J + S^-1)^-1, with J the Jacobian at the
    record, C its embedding's covariance by maths (10), S that of the public records. Not for more than 256 inputs.

    Parameters
    ----------
    release : Release
        With an embedding.
    found : Reconstruction
        HRec+'s result on it. HRec, which weighs every direction alike, may err by more.

    Notes
    -----
    Cost a deletion m D^2 + D^3 flops for m public records and D features.
    """
    assert found.inputs is not None
    phi, public, F = public_records(release)
    error = np.full(found.inputs.shape, np.nan)
    if phi.inputs > TRACED:
        return error
    offset = public - public.mean(axis=0)
    values, vectors = np.linalg.eigh(offset.T @ offset / len(offset))
    root = vectors * np.sqrt(np.maximum(values, 0.0))  # of S, which may be singular
    for i in np.flatnonzero(_identified(found)):
        own, x = np.array([i]), found.inputs[i]
        view, estimate = release.take(own), Estimate.of(found).part(own)
        C = gram(F - phi.transform(x[None]), estimate.weights(view)[:, 0]) * estimate.scatter(view)
        diagonal = np.arange(len(C))
        C[diagonal, diagonal] += _RIDGE * float(np.trace(C)) / len(C)
        J = phi.jacobian(x) @ root
        left = np.linalg.inv(J.T @ np.linalg.solve(C, J) + np.eye(phi.inputs))
        error[i] = np.sqrt(((root @ left) * root).sum(axis=1))
    return error


def misfit(release: Release, found: Reconstruction) -> tuple[Floats, Floats]:
    """Return how far each recovered embedding is from that of its record, and how probable so much is (b,), (b,).

    The squared distance is given relative to its expectation under maths (10), the trace of the error's covariance.
    Its distribution is taken for a chi-squared one of tr^2 / tr(covariance^2) degrees of freedom (Satterthwaite), read
    off a sample of public records. Where that is improbable the embedding nearest of all, paper Eq. (6), is looked for:
    it is nearer than the deleted record's own, so the probability errs on the side of one record.

    Parameters
    ----------
    release : Release
        With an embedding.
    found : Reconstruction
        HRec's result on it. NaN where it has no record.
    """
    ratio, probability = np.full(len(found.X), np.nan), np.full(len(found.X), np.nan)
    if found.inputs is None:
        return ratio, probability
    phi, rows = public_records(release)[0], np.flatnonzero(_identified(found))
    ratio[rows], probability[rows] = _distance(release.take(rows), found, rows, found.inputs[rows])
    doubtful = rows[probability[rows] < _DOUBTFUL]
    if doubtful.size:
        nearest = nearest_embedding(release.take(doubtful), found.X[doubtful, : phi.features])
        again = _distance(release.take(doubtful), found, doubtful, nearest.inputs)
        better = again[1] > probability[doubtful]
        for array, other in zip((ratio, probability), again, strict=True):
            array[doubtful] = np.where(better, other, array[doubtful])
    return ratio, probability


def _distance(release: Release, found: Reconstruction, rows: Indices, inputs: Floats) -> tuple[Floats, Floats]:
    """Return `misfit` of the embeddings recovered in some rows (b,) to those of some records (b, d0).

    The error is about the record's own embedding: one that was recovered far from all embeddings excuses itself.
    """
    m = len(release.X_public)
    centres = found.X[rows].copy()
    centres[:, : public_records(release)[0].features] = public_records(release)[0].transform(inputs)
    square = ((found.X[rows] - centres) ** 2).sum(axis=1)
    expected, terms = np.empty(len(rows)), np.empty(len(rows))
    lengths = np.einsum("ij,ij->i", release.X_public, release.X_public)  # no copy of them
    chosen = np.unique(np.linspace(0, m - 1, min(m, _SAMPLE)).astype(int))
    for part in blocks(len(rows), _BLOCK):
        view, estimate, X = release.take(part), Estimate.of(found).part(rows[part]), centres[part]
        t = estimate.weights(view)  # (m, b)
        off = lengths[:, None] - 2 * release.X_public @ X.T + (X**2).sum(axis=1)
        expected[part] = (t**2 * off).sum(axis=0) * estimate.scatter(view)
        for i, own in enumerate(X):
            s = t[chosen, i, None] * (release.X_public[chosen] - own)
            gram = s @ s.T
            diagonal, other = np.trace(gram) / len(s), (gram**2).sum() - (np.diagonal(gram) ** 2).sum()
            terms[part.start + i] = max(1.0, diagonal**2 / (other / (len(s) * (len(s) - 1))))
    return square / expected, chi2.sf(square / expected * terms, terms)


def _identified(found: Reconstruction) -> Flags:
    return np.array([status == "ok" for status in found.status], dtype=bool)


def input_covariance(release: Release, estimate: Estimate, X: Floats, inputs: Floats) -> Floats | None:
    """Return the covariance (b, d0, d0) of records that were traced back through an embedding.

    To first order x - x* = (J'J)^-1 J' error, J the Jacobian at x, for the nearest embedding of maths (7), and the
    embedding's error is that of maths (10). None for records of many inputs, whose Jacobians are dear to invert.

    Parameters
    ----------
    release : Release
        The deletions' own, with an embedding.
    estimate : Estimate
        Where the embeddings came from.
    X : array (b, d)
        The recovered embeddings, with the constant.
    inputs : array (b, d0)
        The records they were traced back to.

    Notes
    -----
    Cost a deletion 2 m d0 (d + d0) flops for m public records.
    """
    phi = release.embedding
    if phi is None or phi.inputs > TRACED:
        return None
    t2 = estimate.weights(release) ** 2
    found = np.empty((len(inputs), phi.inputs, phi.inputs))
    for i, x in enumerate(inputs):
        back = np.zeros((X.shape[1], phi.inputs))
        back[: phi.features] = np.linalg.pinv(phi.jacobian(x)).T
        off = release.X_public @ back - X[i] @ back
        found[i] = off.T @ (off * t2[:, i, None])
    return found * estimate.scatter(release)[:, None, None]
