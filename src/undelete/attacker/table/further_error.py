"""What the error of an estimated gradient holds beside sampling, as far as the release shows it: maths (13).

Three things leave their mark there. *Strangers*: the public records' mean gradient at the old model differs from the
private ones', which is known to be minus the penalty's, by sampling alone where both are samples of one population; how
much more it differs, for whatever reason, is by how much the error of (10), a mean over the same records, is widened.
*Digits*: parameters written with few digits, or in single precision, are off by a part of the last one. *Early stops*:
an iterative solver leaves a gradient of its tolerance over, at both models.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, erfinv
from scipy.stats import chi2

from undelete.attacker.gradient.estimate import Estimate
from undelete.maths.arrays import Flags, Floats
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

LEFT = 0.5  # of the solver's tolerance, by which the gradients that two fits leave over may differ
LEFT_AT_LEAST = 0.02  # and by which they do
_DROWNED = 1.0  # errors from zero under which a scale may as well have the other sign
UNLIKELY = 1e-3  # probability of the public gradient's size under which it counts as more than sampling
_OUTPUTS, _FEATURES = 16, 1024  # whose gradients are compared, evenly taken where there are more
_NULL = 1e-9  # of the largest eigenvalue: directions in which the gradients do not vary
_DIGITS = 12  # significant ones from which parameters count as written in full
_SINGLE = 2.0**-23  # spacing of numbers in single precision, relative to them


def strangers(release: Release) -> float:
    """Return by what the covariance of maths (10) is multiplied, at least 1.

    With g_i the public records' gradients at W_before and e their mean less the private records', e' Cov(e)^-1 e is
    about chi-squared with as many degrees of freedom as Cov(e) has directions; the factor is its mean over these, where
    that is unlikely to be sampling, or what the old model's file shows of it (`Release.unlike`), if that is more. The
    latter alone where targets or the penalty are not known. Of many outputs and features some are compared: the mean is
    over fewer directions. Where few public records have a residual to speak of, Cov(e) rests on as many: `of_few`.

    Notes
    -----
    Cost (2 m + 20 d) d^2 k flops, of at most 1,024 features and 16 outputs.
    """
    square, degrees = public_misfit(release)
    own = square / degrees if degrees and chi2.sf(square, degrees) < UNLIKELY else 1.0
    return max(own, release.unlike)


def public_misfit(release: Release) -> tuple[float, int]:
    """Return e' Cov(e)^-1 e of the public records' gradient, as `strangers` has it, and its degrees of freedom.

    Zero of both where targets or the penalty are not known.
    """
    private = release.private_gradient
    if release.Y_public is None or private is None:
        return 0.0, 0
    X, W = release.X_public, release.W_before
    m, n = len(X), release.n or len(X)
    residual = release.loss.residual(release.Y_public, release.predictions(W))
    features, outputs = (_some(size, most) for size, most in zip(W.shape, (_FEATURES, _OUTPUTS), strict=True))
    X, private = X[:, features], private[features]
    square, degrees = 0.0, 0
    for j in outputs:
        g = X * residual[:, [j]]
        e = g.mean(axis=0) - private[:, j] / n
        unit = g.std(axis=0)  # dollars beside indicators: each feature in its own units
        unit[unit == 0] = 1.0
        e, g = e / unit, g / unit
        squares, scaled = residual[:, [j]] ** 2, X / unit
        at_large = squares.mean() * scaled.T @ scaled / m
        C = of_few(np.atleast_2d(np.cov(g.T, bias=True))[None], at_large[None], squares, len(e))[0]
        values, vectors = np.linalg.eigh(C * (1 / m + 1 / n))
        kept = values > _NULL * values[-1]
        square += float((((e @ vectors)[kept]) ** 2 / values[kept]).sum())
        degrees += int(kept.sum())
    return square, degrees


def _some(size: int, most: int) -> NDArray[np.int64]:
    """Return so many places at most, evenly spaced, the last among them."""
    return np.unique(np.linspace(size - 1, 0, min(size, most)).astype(np.int64))


def drowned(release: Release, found: Reconstruction, wider: float, left: float = LEFT_AT_LEAST) -> Flags:
    """Return which deletions' scale (b,) is within its error of zero once all of its error is counted, maths (13).

    `wider` is what `strangers` says, `left` the share of the tolerance by which two fits that stop early differ. Where
    a deletion moves the answers of few public records, as of classes that are told apart nearly always, the error of
    (10) rests on as many, as in `likelihood`; and early stops leave something at the constant too. Of two classes the
    label is the sign of the scale, and the prior rests on the label: a scale that may be nothing says neither. No
    deletion of other targets is.
    """
    ok = np.array([status == "ok" for status in found.status])
    signed = release.target_kind == "class" and release.loss.separable
    if not signed or release.constant is None or found.scale is None or found.way == "exact" or not ok.any():
        return np.zeros(release.deletions, dtype=np.bool_)
    estimate = Estimate.of(found)
    square = estimate.scale_error(release) ** 2
    t2 = estimate.weights(release) ** 2
    d, n = release.X_public.shape[1], release.n or len(release.X_public)
    at_large = t2.mean(axis=0) * release.scatter
    over = n * (release.tolerance or 0.0) * left if release.tolerance != np.inf else 0.0
    few = _few(t2, d)  # here both count in full: how large the scale's error is rests on these few records alone
    square = wider * (square + few * (square + at_large)) + over**2 * float(release.constant @ release.constant)
    return np.asarray(ok & (np.abs(found.scale) < _DROWNED * np.sqrt(square)), dtype=np.bool_)


def of_few(C: Floats, at_large: Floats, squares: Floats, entries: int) -> Floats:
    """Return covariances (b, ...) that allow for having been estimated, from squared weights (m, b), maths (13).

    Where a deletion moves the answers of few public records, as of a rare category, C rests on as many: on
    v = (sum t^2)^2 / sum t^4. What the same weights would give on records at large is known from all of them, and
    counts as much as p further records would: (v C + p C_0) / (v + p).

    Parameters
    ----------
    C, at_large : arrays (b, ...)
        As estimated, and C_0.
    squares : array (m, b)
        The squares t^2 of the weights that public records have in C.
    entries : int
        p, of the gradient.
    """
    few = _few(squares, entries).reshape(-1, *(1,) * (C.ndim - 1))
    return np.asarray((C + few * at_large) / (1 + few))


def _few(squares: Floats, entries: int) -> Floats:
    """Return p / v (b,)."""
    # the least normal number stands for models that are the same, whose weights are all zero
    total = np.maximum(squares.sum(axis=0) ** 2, np.finfo(float).tiny)
    return np.asarray(entries * (squares**2).sum(axis=0) / total)


def widened(release: Release, found: Reconstruction, wider: float) -> Reconstruction:
    """Return records without a lattice with the error bars that strangers and few public records call for."""
    if found.error is None or found.probability is None or found.codes is None:
        return found
    factor = np.sqrt(wider) * _of_few_columns(release, found)
    own = np.isfinite(factor)
    factor = np.where(own, factor, np.sqrt(wider))
    return dataclasses.replace(
        found,
        error=found.error * factor,
        probability=erf(erfinv(found.probability) / factor),
        target_error=None if found.target_error is None else found.target_error * float(np.sqrt(wider)),
    )


def _of_few_columns(release: Release, found: Reconstruction) -> Floats:
    """Return by what the columns' error bars (b, c) grow where few public records tell them, by their first terms."""
    estimate, none = Estimate.of(found), np.zeros(release.X_public.shape[1])
    one = [column.projection[:, 0] if column.projection.shape[1] else none for column in release.columns]
    P = np.column_stack(one)
    t2, centre, Q = estimate.weights(release) ** 2, found.X @ P, release.X_public @ P
    C = estimate.covariance(release, t2, P, centre, dense=False)
    around = Q.var(axis=0) + (Q.mean(axis=0) - centre) ** 2
    at_large = (t2.sum(axis=0) * estimate.scatter(release))[:, None] * around
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(of_few(C, at_large, t2, release.X_public.shape[1]) / C))


def resolution(W: Floats) -> Floats | None:
    """Return the spacing of the numbers that W may have been rounded to, in its shape; None where written in full.

    Examples
    --------
    >>> resolution(np.array([[0.12], [-3.52]])).ravel().tolist()
    [0.01, 0.01]
    """
    given = W[W != 0]
    if not given.size:
        return None
    if (given == given.astype(np.float32)).all() and (given != np.round(given, 4)).any():
        return np.asarray(np.abs(W) * _SINGLE)
    size = np.floor(np.log10(np.abs(given)))
    after_the_point = (np.full(W.shape, 10.0**-places) for places in range(_DIGITS))
    significant = (10.0 ** (np.where(W != 0, _size(W), size.max()) - digits + 1) for digits in range(1, _DIGITS))
    found = [next((unit for unit in units if _whole(W / unit)), None) for units in (after_the_point, significant)]
    few = [unit for unit in found if unit is not None and (size - np.log10(unit[W != 0])).max() < _DIGITS]
    return max(few, key=lambda unit: float(np.log(unit).sum())) if few else None


def _size(W: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.floor(np.log10(np.abs(W))))


def _whole(numbers: Floats) -> bool:
    return bool(np.allclose(numbers, np.round(numbers), rtol=1e-15, atol=0))


def rounding(release: Release, outputs: NDArray[np.int64], basis: Floats) -> Floats | None:
    """Return the covariance (b, p, p) that rounded parameters give to gradients in some outputs (b,); None for none.

    G = n H D, and each of the two parameters behind an entry of D is off by up to half the spacing, evenly: the
    covariance is n^2 H diag(spacing^2 / 6) H, H the public Hessian of the output.
    """
    spacing = resolution(release.W_before)
    if spacing is None:
        return None
    X, n = release.X_public, release.n or len(release.X_public)
    Z = release.predictions(release.W_before)
    found = {}
    for j in np.unique(outputs):
        unit = np.zeros((len(X), Z.shape[1]))
        unit[:, j] = 1.0
        bent = release.loss.curvature_action(release.Y_public, Z, unit)[:, j]
        H = (X * bent[:, None]).T @ X / len(X)
        root = n * (basis.T @ H) * spacing[:, j] / np.sqrt(6)
        found[int(j)] = root @ root.T
    return np.stack([found[int(j)] for j in outputs])
