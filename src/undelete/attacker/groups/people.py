"""Many guesses of who some people are, all moved at once: one value of one person at a time, as likely as it is.

Each guess is a whole group. A move keeps the posterior of the group as it is (Gibbs' and Metropolis's), so that any
number of them may be made; the likelihood counts to a power, from 0 (only the prior) to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.groups.lattice import GroupLattice
from undelete.attacker.groups.likelihood import SumLikelihood
from undelete.maths.arrays import Floats, Indices

_LEAST = 1e-12  # of a precision's trace, added to each of its directions: a matrix that can be inverted


class People:
    """Guesses of t people in c columns: R groups.

    Parameters
    ----------
    known : SumLikelihood
        What the change says.
    lattice : GroupLattice
        What people can be.
    signs : array (t,)
        1 for who left, -1 for who joined.
    codes : array (R, t, c) of int
        Where to begin.
    labels : array (R, t) of int
        The classes; zeros for numbers.
    rng : numpy.random.Generator
        Draws the moves.
    """

    def __init__(
        self, known: SumLikelihood, lattice: GroupLattice, signs: Floats, codes: Indices, labels: Indices,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.known, self.lattice, self.signs, self.rng = known, lattice, signs, rng
        self.side = (signs < 0).astype(np.int64)
        # the target is the last column, if the prior knows it
        self.codes = np.concatenate([codes, labels[:, :, None]], axis=2)
        self.power = 0.0
        self.every = np.arange(len(codes))
        self._place()

    def _place(self) -> None:
        """Compute everything that follows from the codes."""
        known, (R, t, c) = self.known, self.codes.shape
        self.white = np.broadcast_to(known.constant, (R, t, *known.constant.shape)).copy()  # (R, t, k, r)
        self.score = known.offset[self.side][None].repeat(R, axis=0)  # (R, t, k)
        for j in range(c - 1):
            self.white += known.terms[j].transpose(1, 0, 2)[self.codes[:, :, j]]
            self.score += np.stack([known.scores[j][s][self.codes[:, i, j]] for i, s in enumerate(self.side)], axis=1)
        if known.labels is None:
            self.rho = self.rng.standard_normal(self.score.shape) * known.spread
        else:
            self.rho = self.pull(self.score, known.labels[self.codes[:, :, -1]], self.signs[:, None])
        self._sum()

    def _sum(self) -> None:
        self.total = np.einsum("itk,itkr->ir", self.rho, self.white)

    def take(self, kept: Indices) -> None:
        """Keep some of the guesses, some several times."""
        for name in ("codes", "white", "score", "rho", "total"):
            setattr(self, name, getattr(self, name)[kept])

    @property
    def explained(self) -> Floats:
        """The log-likelihood of each guess (R,), up to a constant."""
        return np.asarray(-0.5 * ((self.known.seen - self.total) ** 2).sum(axis=1))

    def move(self, i: int, j: int, *, stay: NDArray[np.bool_] | None = None) -> None:
        """Draw person i's value in column j, given all else; in the guesses that `stay` (R,) it stays as it is."""
        known, now = self.known, self.codes[:, i, j]
        terms, scores = known.terms[j], known.scores[j][self.side[i]]  # (k, V, r), (V, k)
        (k, V, r), R = terms.shape, len(now)
        base = self.white[:, i] - terms[:, now].transpose(1, 0, 2)  # (R, k, r)
        flat = terms.reshape(k * V, r)
        e = known.seen - self.total + np.einsum("ik,ikr->ir", self.rho[:, i], self.white[:, i])
        cross = (base.reshape(R * k, r) @ flat.T).reshape(R, k, k, V)
        square = np.einsum("iar,ibr->iab", base, base)[..., None] + cross + cross.transpose(0, 2, 1, 3)
        square = square + np.einsum("avr,bvr->abv", terms, terms)
        along = np.einsum("ikr,ir->ik", base, e)[..., None] + (e @ flat.T).reshape(R, k, V)
        square, along = square.transpose(0, 3, 1, 2), along.transpose(0, 2, 1)  # (R, V, k, k), (R, V, k)
        prior = self.lattice.given_others(self.codes[:, i], j)
        z = (self.score[:, i] - scores[now])[:, None] + scores
        if known.labels is None:
            score = prior + self.free(along, square)
        else:
            rho = self.pull(z, known.labels[self.codes[:, i, -1]][:, None], self.signs[i])
            fit = (rho * along).sum(axis=2) - 0.5 * np.einsum("iva,ivab,ivb->iv", rho, square, rho)
            score = prior + self.power * fit
        new = drawn(score, self.rng)
        new = new if stay is None else np.where(stay, now, new)
        self.total -= np.einsum("ik,ikr->ir", self.rho[:, i], self.white[:, i])
        self.white[:, i] = base + terms[:, new].transpose(1, 0, 2)
        self.score[:, i], self.codes[:, i, j] = z[self.every, new], new
        if known.labels is None:
            self.rho[:, i] = self.some(along[self.every, new], square[self.every, new])
        else:
            self.rho[:, i] = rho[self.every, new]
        self.total += np.einsum("ik,ikr->ir", self.rho[:, i], self.white[:, i])

    def relabel(self, i: int) -> None:
        """Draw person i's class, given all else."""
        labels = self.known.labels
        assert labels is not None
        rho = self.pull(self.score[:, i][:, None].repeat(len(labels), axis=1), labels[None], self.signs[i])  # (R, L, k)
        white = self.white[:, i]
        e = self.known.seen - self.total + np.einsum("ik,ikr->ir", self.rho[:, i], white)
        along, square = np.einsum("ikr,ir->ik", white, e), np.einsum("iar,ibr->iab", white, white)
        fit = np.einsum("ilk,ik->il", rho, along) - 0.5 * np.einsum("ila,iab,ilb->il", rho, square, rho)
        prior = np.zeros(fit.shape)
        for other, table in self.lattice.tables[-1]:
            prior += table[self.codes[:, i, other]][:, : fit.shape[1]] if table.shape[1] > 1 else 0.0
        new = drawn(prior + self.power * fit, self.rng)
        self.total += np.einsum("ik,ikr->ir", rho[self.every, new] - self.rho[:, i], white)
        self.rho[:, i], self.codes[:, i, -1] = rho[self.every, new], new

    def put(self, who: Sequence[int], j: int, values: Indices, sooner: Floats | float = 0.0) -> None:
        """Try to give people (p of them) other values (R, p) in column j, by Metropolis's rule.

        `sooner` is by how much more the way back would be tried, in its logarithm.
        """
        known, who = self.known, list(who)
        now = self.codes[:, who, j]
        terms = known.terms[j].transpose(1, 0, 2)  # (V, k, r)
        white = self.white[:, who] + terms[values] - terms[now]
        z = self.score[:, who] + np.stack(
            [known.scores[j][self.side[i]][values[:, p]] - known.scores[j][self.side[i]][now[:, p]]
             for p, i in enumerate(who)], axis=1,
        )  # fmt: skip
        codes = np.array(self.codes[:, who])
        codes[:, :, j] = values
        gain = np.zeros(len(now)) + sooner
        for p, i in enumerate(who):
            own = self.lattice.given_others(self.codes[:, i], j)
            gain += own[self.every, values[:, p]] - own[self.every, now[:, p]]
        rest = self.rest(who)
        if known.labels is None:
            sides = [self.together(rest, one) for one in (self.white[:, who], white)]
            gain += sides[1][0] - sides[0][0]
            rho = self.rho[:, who]
        else:
            rho = self.pull(z, known.labels[codes[:, :, -1]], self.signs[who][:, None])
            before, after = (
                -0.5 * ((rest - np.einsum("itk,itkr->ir", one, w)) ** 2).sum(axis=1)
                for one, w in ((self.rho[:, who], self.white[:, who]), (rho, white))
            )
            gain += self.power * (after - before)
        taken = np.flatnonzero(np.log(self.rng.random(len(gain))) < gain)
        for place, i in enumerate(who):
            self.white[taken, i], self.score[taken, i] = white[taken, place], z[taken, place]
            self.rho[taken, i], self.codes[taken, i, j] = rho[taken, place], values[taken, place]
        self.resume(who, rest)

    def with_values(self, i: int, j: int, values: Indices | slice) -> tuple[Floats, Floats, Floats]:
        """Return what person i is with some values (R, V) of column j: white (R, V, k, r), scores (R, V, k) and sizes.

        slice(None) stands for all of them.
        """
        known, now, side = self.known, self.codes[:, i, j], self.side[i]
        terms = known.terms[j].transpose(1, 0, 2)
        white = (self.white[:, i] - terms[now])[:, None] + terms[values]
        z = (self.score[:, i] - known.scores[j][side][now])[:, None] + known.scores[j][side][values]
        if known.labels is None:
            return white, z, np.broadcast_to(self.rho[:, i][:, None], z.shape)
        return white, z, self.pull(z, known.labels[self.codes[:, i, -1]][:, None], self.signs[i])

    def rest(self, who: Sequence[int]) -> Floats:
        """Return what all but some people leave of G (R, r)."""
        who = list(who)
        own = np.einsum("itk,itkr->ir", self.rho[:, who], self.white[:, who])
        return np.asarray(self.known.seen - self.total + own)

    def resume(self, who: Sequence[int], rest: Floats) -> None:
        """Take some people as they now are; what they explain is `rest`."""
        who = list(who)
        if self.known.labels is None:
            self.rho[:, who] = self.together(rest, self.white[:, who])[1]
        own = np.einsum("itk,itkr->ir", self.rho[:, who], self.white[:, who])
        self.total = np.asarray(self.known.seen - rest + own)

    def together(self, rest: Floats, white: Floats) -> tuple[Floats, Floats]:
        """Return the log-likelihood of people whose sizes are free, all of these integrated, and a draw of them."""
        R, p, k, r = white.shape
        flat = white.reshape(R, p * k, r)
        along, square = np.einsum("iar,ir->ia", flat, rest), np.einsum("iar,ibr->iab", flat, flat)
        spread = np.tile(self.known.spread, p)
        fit = self.free(along[:, None], square[:, None], spread)[:, 0]
        return fit, self.some(along, square, spread).reshape(R, p, k)

    def free(self, along: Floats, square: Floats, spread: Floats | None = None) -> Floats:
        """Return the log-likelihood over all sizes rho (R, V), each normal with its public deviation beforehand."""
        spread = self.known.spread if spread is None else spread
        A = self.precision(square, spread)
        b = self.power * along
        if A.shape[-1] == 1:
            return np.asarray(0.5 * b[..., 0] ** 2 / A[..., 0, 0] - 0.5 * np.log(A[..., 0, 0]))
        best = np.linalg.solve(A, b[..., None])[..., 0]
        return np.asarray(0.5 * (b * best).sum(axis=-1) - 0.5 * np.linalg.slogdet(A)[1])

    def some(self, along: Floats, square: Floats, spread: Floats | None = None) -> Floats:
        """Draw sizes rho (R, k) given all else."""
        spread = self.known.spread if spread is None else spread
        A = self.precision(square, spread)
        root = np.linalg.cholesky(A)
        noise = self.rng.standard_normal(along.shape)[..., None]
        best = np.linalg.solve(A, (self.power * along)[..., None])
        return np.asarray((best + np.linalg.solve(np.swapaxes(root, -1, -2), noise))[..., 0])

    def precision(self, square: Floats, spread: Floats) -> Floats:
        """Return the precision of sizes (..., a, a), regular where two are equal, of whom the sum is known."""
        A = self.power * square + np.diag(spread**-2.0)
        return np.asarray(A + _LEAST * np.trace(A, axis1=-2, axis2=-1)[..., None, None] * np.eye(A.shape[-1]))

    def pull(self, z: Floats, Y: Floats, sign: Floats) -> Floats:
        """Return the sizes rho of people with scores z (..., k) and targets Y, against who joined."""
        full = np.broadcast_to(Y, z.shape).reshape(-1, z.shape[-1])
        residual = np.asarray(self.known.loss.residual(full, z.reshape(-1, z.shape[-1])))
        return np.asarray(-sign * residual.reshape(z.shape))


def drawn(score: Floats, rng: np.random.Generator) -> Indices:
    """Draw one of the values of each row by its log-probability (R, V)."""
    total = np.cumsum(np.exp(score - score.max(axis=1, keepdims=True)), axis=1)
    return np.asarray((total > rng.random((len(score), 1)) * total[:, -1:]).argmax(axis=1))
