"""Which words did a deleted document have? A linear model on sparse features, never made dense: maths (35).

G of (19) is a x + error, feature by feature, with a the residual of the document and x its features, most of them zero.
Public documents say how often each word is used, how large its feature is then, and how large the error is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from scipy.special import logsumexp

from undelete.attacker.word_errors import Noise, solvers_share, variance_of, widened
from undelete.attacker.word_sizes import Sizes
from undelete.maths.arrays import Flags, Floats

_SCALES = 25  # of a document tried
_PROBABLE, _FEW = 1e-3, 8  # scales beside the most probable one that count, and how many of them are few
_CLASS = 5.0  # documents of all classes that count in a word's frequency within one
_TWICE = 2.0  # by which factor a tenth of the variances are raised, from which a solver's errors count
_LEFT = 2.0  # of the largest gradient left over, in units of a feature's root mean square: nine tenths are within 2.3
_SURE, _SEVERAL = 0.9, 3  # words by which a pull is told
_UNSIZED = 0.1  # about how well sizes of features are known at all
_PULLS = 24  # of public documents tried where the intercept does not tell the deleted one's
_CLEAR = 4.0  # standard errors of the pull from which it does


@dataclass(frozen=True, eq=False)
class Change:
    """What two models and the public documents say, for one hypothesis of what else changed.

    Parameters
    ----------
    moves : array (m, k)
        By how much each public document pulls less on the old model than on the new one.
    share : array (d, k)
        The penalty's share in minus the deleted gradient.
    constant : array (k,) or None
        That of the intercept; None without one.
    pulls : array (m, k)
        Minus the public documents' own residuals at the old model.
    known : array (d,) of bool
        Whether a feature's gradient is known: not where an l1 penalty holds it at zero.
    left : float
        About the largest gradient per record that the solvers left over.
    """

    moves: Floats
    share: Floats
    constant: Floats | None
    pulls: Floats
    known: Flags
    left: float = 0.0


@dataclass(frozen=True, eq=False)
class Seen:
    """What is seen of a deleted document, along the direction of the outputs in which it pulled.

    Parameters
    ----------
    y : array (d,)
        Its pull times its features, with errors.
    noise : Noise
        These.
    pull : array (k,), or (0,) without an intercept
        The intercept's entry.
    error : float
        Standard error of each of its numbers.
    direction : array (k,)
        Of length one.
    """

    y: Floats
    noise: Noise
    pull: Floats
    error: float
    direction: Floats


@dataclass(frozen=True, eq=False)
class Words:
    """What is said of a document's words.

    Parameters
    ----------
    probability : array (d,)
        That the document has it.
    evidence : float
        Logarithm of the density of all that was seen.
    weight : array (s,)
        How probable each of some pulls is.
    pulls : array (s,)
        These, along `direction`.
    direction : array (k,)
        Of the outputs, in which it pulled.
    unsized : float
        How much the logarithm of a document's features varies beside what its words say: by as much is a pull unknown
        that these alone tell.
    """

    probability: Floats
    evidence: float
    weight: Floats
    pulls: Floats
    direction: Floats
    unsized: float = 0.0

    @property
    def several(self) -> bool:
        """Whether several words are sure, so that they tell more than themselves: the pull, and what else changed."""
        return bool((self.probability >= _SURE).sum() >= _SEVERAL)

    @property
    def pull(self) -> tuple[float, float]:
        """The pull along `direction` as words tell it, and its standard error: infinite where few words are sure."""
        mean = float(self.weight @ self.pulls)
        if not self.several:
            return mean, np.inf
        return mean, float(np.hypot(np.sqrt(self.weight @ (self.pulls - mean) ** 2), self.unsized * mean))


def words(X: sp.csr_array, change: Change, n: int, frequency: Floats, sizes: Sizes) -> Words:
    """Return how probable each feature is to be in the deleted document.

    Parameters
    ----------
    X : sparse array (m, d)
        Public documents.
    change : Change
        What the models say.
    n : int
        Training documents before the deletion.
    frequency : array (d,)
        How often each feature is in a document like the deleted one.
    sizes : Sizes
        How large features are.

    Notes
    -----
    Cost a few passes over the entries of X that are not zero, and some 2000 d flops; memory of a few of X.
    """
    seen = seen_of(X, change, n, sizes)
    scale, log_prior = _scales(seen.pull, seen.direction, seen.error, change.pulls, sizes)
    found = _posterior(seen.y * sizes.sign, seen.noise, frequency, sizes, scale, log_prior, seen.direction)
    finer = _finer(found.weight, scale)
    if finer is None:
        return found
    level = np.zeros(len(finer))
    again = _posterior(seen.y * sizes.sign, seen.noise, frequency, sizes, finer, level, seen.direction)
    return replace(again, evidence=found.evidence)


def seen_of(X: sp.csr_array, change: Change, n: int, sizes: Sizes) -> Seen:
    """Return minus the deleted document's gradient, and its errors; parameters as of `words`."""
    m = X.shape[0]
    G = (n - 1) / m * (X.T @ change.moves) + change.share
    pull = np.zeros(0)
    if change.constant is not None:
        pull = (n - 1) / m * change.moves.sum(axis=0) + change.constant
    direction = _direction(G, pull, change.known, sizes)
    t = change.moves @ direction
    factor = float(n) ** 2 * (1 / m + 1 / n)
    y = G @ direction
    variance = variance_of(X, t, factor, sizes.word + float(np.mean(sizes.document)))
    known = change.known & np.isfinite(y)
    square = np.asarray(X.multiply(X).mean(axis=0)).ravel() + np.exp(2 * sizes.word) / m
    left = max(solvers_share(y, variance, square, known), (_LEFT * n * change.left) ** 2)
    raised = variance + left * square
    wider = widened((y * sizes.sign)[known] / np.sqrt(raised[known]))
    heavy = bool(known.any() and wider * np.quantile(raised[known] / variance[known], 0.9) > _TWICE)
    raised, error = wider * raised, float(np.sqrt(wider * (factor * t.var() + left)))
    return Seen(y, Noise(np.where(known, raised, np.inf), heavy), pull, error, direction)


def _direction(G: Floats, pull: Floats, known: Flags, sizes: Sizes) -> Floats:
    """Return in which direction of the outputs (k,) the document pulled, of length one."""
    if G.shape[1] == 1:
        return np.ones(1)
    if pull.size and np.linalg.norm(pull) > 0:
        return np.asarray(pull / np.linalg.norm(pull))
    found = np.linalg.svd(G[known], full_matrices=False)[2][0]
    return np.asarray(found * (np.sign((G[known] @ found * sizes.sign[known]).sum()) or 1.0))


def _scales(pull: Floats, direction: Floats, error: float, pulls: Floats, sizes: Sizes) -> tuple[Floats, Floats]:
    """Return how large features may be in G beside what their words say (s,), with a sign, and how probable that is.

    The pull times the document's scale: the pull as the intercept has it, or where that is lost in its error, as the
    public documents' own are, given the intercept.
    """
    middle, spread = float(sizes.document.mean()), float(sizes.document.std())
    seen = float(pull @ direction) if pull.size else 0.0
    if pull.size and abs(seen) > _CLEAR * error:
        steps = np.linspace(-3, 3, _SCALES)
        width = np.hypot(spread, error / abs(seen))
        return np.sign(seen) * np.exp(np.log(abs(seen)) + middle + width * steps), -0.5 * steps**2
    own = np.quantile(pulls @ direction, (np.arange(_PULLS) + 0.5) / _PULLS)
    log_prior = -0.5 * ((seen - own) / error) ** 2 if pull.size else np.zeros(_PULLS)
    steps = np.array([-1.2, 0.0, 1.2])
    scale = (own[:, None] * np.exp(middle + spread * steps)).ravel()
    return scale, np.repeat(log_prior, len(steps))


def _finer(weight: Floats, scale: Floats) -> Floats | None:
    """Return scales between those that are probable (s,), where few of them are; None where many are, or of both signs.

    What was seen says more there than any prior, which is level among them.
    """
    some = np.flatnonzero(weight > _PROBABLE * weight.max())
    if len(some) > _FEW or len(set(np.sign(scale[some]))) > 1:
        return None
    order = np.argsort(np.abs(scale))
    at = np.flatnonzero(np.isin(order, some))
    low, high = np.log(np.abs(scale[order[[max(at[0] - 1, 0), min(at[-1] + 1, len(scale) - 1)]]]))
    return np.asarray(np.sign(scale[some[0]]) * np.exp(np.linspace(low, high, _SCALES)))


def _posterior(
    y: Floats, noise: Noise, frequency: Floats, sizes: Sizes, scale: Floats, log_prior: Floats, direction: Floats
) -> Words:
    """Sum over the document's scale and the sizes of its features."""
    noisy, shape = noise.log_density(y), np.exp(sizes.word[:, None] + sizes.rest)  # (d, q)
    log_present, log_absent = np.log(frequency), np.log1p(-frequency)
    total, present = np.empty(len(scale)), []
    for at, s in enumerate(scale):
        here = logsumexp(noise.log_density(y[:, None] - s * shape), axis=1) - np.log(len(sizes.rest))
        absent = np.logaddexp(noisy, noise.of_companions(y, s * shape[:, -1], frequency))
        both = np.logaddexp(log_absent + absent, log_present + here)
        total[at] = log_prior[at] + both.sum()
        present.append(np.exp(log_present + here - both))
    weight = np.exp(total - logsumexp(total))
    evidence = float(logsumexp(total) - logsumexp(log_prior))
    spread = np.where(noise.known, np.log(np.where(noise.known, noise.variance, 1.0)), 0.0).sum()
    middle = np.exp(float(sizes.document.mean()))
    unsized = float(np.hypot(sizes.document.std(), _UNSIZED))
    return Words(weight @ np.stack(present), evidence - 0.5 * float(spread), weight, scale / middle, direction, unsized)


def frequencies(X: sp.csr_array, own: Flags | None = None) -> Floats:
    """Return how often each feature is in a document (d,), of those of one class where it is told (m,)."""
    there = (X != 0).astype(np.float64)
    overall: Floats = (np.asarray(there.sum(axis=0)).ravel() + 0.5) / (X.shape[0] + 1)
    if own is None:
        return overall
    count = there.T @ own.astype(np.float64)
    return np.asarray((count + _CLASS * overall) / (own.sum() + _CLASS))
