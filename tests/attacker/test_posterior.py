"""The most probable record behind an embedding: its error's covariance, and that it beats Eq. (6)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from tests.attacker.test_inversion import play_embedded
from undelete.attacker.embedding.free_scale import LEAST, FreeScale
from undelete.attacker.embedding.posterior import _shape, _variance
from undelete.attacker.embedding.prior import Priors, Tracer
from undelete.attacker.embedding.search import Search
from undelete.attacker.embedding.signed import Signed
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.gradient.scale import GradientError, Size, probable_scale
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.maintainer.fit import fit
from undelete.maintainer.game import play
from undelete.maths.embeddings import RandomFourierFeatures, embed
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.scoring.scores import cosine

RNG = np.random.default_rng


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_given_the_scale_the_error_is_that_of_maths_10_given_the_constants(loss):
    """The covariance of all entries but the constant's, given the constant's, by the full covariance of G's column."""
    release, _, _, _ = play_embedded(loss, deletions=3)
    found = hrec(release, RNG(0))
    estimate = Estimate.of(found)
    error, X = GradientError.of(release, estimate), release.X_public
    m, n = len(X), release.n
    t2 = estimate.weights(release) ** 2
    for i in range(3):
        full = n**2 * (1 / m + 1 / n) / m * (X * t2[:, [i]]).T @ X
        given = full[:-1, :-1] - np.outer(full[:-1, -1], full[-1, :-1]) / full[-1, -1]
        one = error.part(np.array([i]))
        shape = _shape(X[:, :-1], one.weights) * one.total
        np.testing.assert_allclose(one.total, full[-1, -1])
        np.testing.assert_allclose(one.middle[0], full[-1] / full[-1, -1])
        off = shape - given
        np.testing.assert_allclose(off, np.diag(np.diag(off)), atol=1e-9 * np.abs(given).max())
        assert np.diag(off).max() < 2e-4 * np.trace(given) / 24  # what keeps it regular
        np.testing.assert_allclose(one.total * _variance(X[:, :-1], one.weights, one.middle[:, :-1]), np.trace(given))


def test_the_scale_follows_the_entry_where_it_is_sure_and_the_length_where_not():
    rng = RNG(0)
    lengths = np.exp(0.1 * rng.normal(size=500)) * 4.0  # records are about 2 long
    scale = np.array([0.5, 3.0, 7.0])
    sure = probable_scale(scale, np.full(3, 1e-4), Size.plain(9 * scale**2), np.zeros(3), lengths)
    np.testing.assert_allclose(sure, scale, rtol=0.02)
    unsure = probable_scale(np.zeros(3), np.full(3, 1e4), Size.plain(4.1 * scale**2), 0.1 * scale**2, lengths)
    np.testing.assert_allclose(unsure, scale, rtol=0.05)


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_it_beats_the_papers_decoder(loss):
    better = []
    for seed in range(3):
        release, truth, _, _ = play_embedded(loss, n=800, m=800, deletions=20, seed=seed)
        one, other = (cosine(truth.inputs, attack(release, RNG(0)).inputs) for attack in (hrec_plus, hrec))
        better.append(np.nanmean(one) - np.nanmean(other))
    assert np.mean(better) > 0


def test_the_sign_is_that_of_the_more_probable_record():
    """Of errors larger than the embedding's variance; what an integrated search leaves without it told another."""
    n, right = 600, []
    for seed in range(3):
        rng = RNG(seed)
        X = rng.normal(size=(2 * n, 40)) * np.exp(-np.arange(40) / 10)
        phi = RandomFourierFeatures(0.7 / np.sqrt(40) * rng.normal(size=(40, 300)), rng.uniform(0, 2 * np.pi, 300))
        Z = np.eye(3)[(X[:, :3] + 0.3 * rng.normal(size=(2 * n, 3))).argmax(axis=1)]
        objective = Objective(embed(phi, X[:n]), Z[:n], LOSSES["softmax"], np.append(np.full(300, 1e-4), 0.0))
        public = {
            "X_public": embed(phi, X[n:]), "Y_public": Z[n:], "inputs_public": X[n:], "embedding": phi,
            "constant": np.eye(301)[-1], "target_kind": "class",
        }  # fmt: skip
        release, _ = play(objective, fit(objective, tol=1e-10).W, np.arange(30), public)
        right.append(cosine(X[:30], hrec_plus(release, RNG(0)).inputs))
    assert np.mean(right) > 0.94


def test_it_returns_the_prior_where_nothing_is_known():
    release, _, _, _ = play_embedded(deletions=3)
    prior = Priors.of(release)
    root = prior.axes * np.sqrt(prior.variance)
    search = Search(release.embedding, prior.mean, root, np.ones(4), prior=True)
    found = search.run(release.X_public[:3, :-1], release.inputs_public[:3], np.full(3, 1e9))
    np.testing.assert_allclose(found.inputs, np.tile(prior.mean, (3, 1)), atol=1e-3)


def test_of_an_embedding_that_is_mostly_noise_no_record_is_found_that_is_worse_than_the_mean():
    release, _, _, _ = play_embedded(deletions=3)
    F, inputs = release.X_public[:, :-1], release.inputs_public
    shape, prior = np.cov(F.T), Priors.of(release)
    noise = np.full(200, 30.0)
    targets = F[:200] + np.sqrt(noise[0]) * RNG(0).multivariate_normal(np.zeros(len(shape)), shape, size=200)
    off = targets - release.embedding.transform(prior.mean[None])
    of_mean = np.einsum("bi,ij,bj->b", off, np.linalg.inv(shape), off) / 2 / noise
    known = FreeScale(np.broadcast_to(F.mean(axis=0), F[:200].shape), np.ones(200), np.full(200, 1e-9))
    found = Tracer.of(release, shape).trace(Signed(targets, noise * np.trace(shape), None, known))
    assert (found.value <= of_mean + 1e-9).mean() > 0.99
    spread = np.linalg.norm(inputs - prior.mean, axis=1)
    assert np.median(np.linalg.norm(found.inputs - prior.mean, axis=1)) < np.median(spread)


def test_the_penalty_is_used_where_it_is_known():
    release, truth, _, _ = play_embedded(l2=30.0, n=3000, m=3000, deletions=30)
    blind = dataclasses.replace(release, l2=None)
    with_it, without = (cosine(truth.inputs, hrec_plus(seen, RNG(0)).inputs) for seen in (release, blind))
    assert np.nanmean(with_it) > np.nanmean(without)
    np.testing.assert_array_equal(hrec(release, RNG(0)).inputs, hrec(blind, RNG(0)).inputs)


def _tracer_of_classes(seed=0):
    """A tracer, and what an error of its shape makes of multiples of twenty public records' embeddings."""
    release, _, _, _ = play_embedded("softmax", deletions=3, seed=seed)
    F, rng = release.X_public[:, :-1], RNG(seed)
    shape = np.cov(F.T) + 1e-4 * np.eye(F.shape[1])
    middle = np.broadcast_to(F.mean(axis=0) + 0.1, (20, F.shape[1]))
    c, noise = np.exp(0.5 * rng.normal(size=20)), np.full(20, 1e-3)
    error = np.sqrt(noise)[:, None] * rng.multivariate_normal(np.zeros(len(shape)), shape, size=20)
    tracer = Tracer.of(release, shape)
    targets = middle + c[:, None] * (F[:20] - middle) + error
    return tracer, Signed(targets, noise * tracer.size, None, FreeScale(middle, np.ones(20), np.full(20, 4.0))), c


def _traced(tracer, signed):
    """Where both searches end, one after the other."""
    return tracer.opened(signed, tracer.trace(signed))


@pytest.mark.parametrize("integrated", [False, True], ids=["most probable", "integrated"])
@pytest.mark.parametrize("known", [False, True], ids=["of all", "of its class"])
def test_records_and_scales_are_those_of_a_plain_search_for_both(known, integrated):
    """Maths (11), (52): by a library's search over x and a, from the truth."""
    tracer, signed, c = _tracer_of_classes()
    classes = tracer.priors.classes[:20] if known else None
    signed = dataclasses.replace(signed, classes=classes)
    most_probable = tracer.trace(signed)
    found = most_probable if not integrated else tracer.opened(signed, most_probable)
    targets, middle, noise = signed.targets, signed.free.middle, signed.variance / tracer.size
    phi, metric, records = tracer.search.embedding, tracer.search.metric, tracer.priors.records
    S, mean = np.cov(records.T, bias=True), records.mean(axis=0)
    close = 0
    for i in range(6):
        if known:
            own = records[tracer.priors.classes == classes[i]]
            b, mean = len(own) / (len(own) + 4), own.mean(axis=0)
            S_own = b * np.cov(own.T, bias=True) + (1 - b) * S
        precision = np.linalg.inv(S_own if known else S)

        def cost(at, i=i, mean=mean, precision=precision):
            off = targets[i] - middle[i] - at[4] * (phi.transform(at[None, :4])[0] - middle[i])
            prior = (at[:4] - mean) @ precision @ (at[:4] - mean)
            left_open = integrated * np.log1p(at[4] ** 2 * tracer.search.curvature / noise[i]).sum()
            return (off @ metric @ off / noise[i] + (at[4] - 1) ** 2 / 4 + prior + left_open) / 2

        plain = minimize(cost, np.append(records[i], c[i]), tol=1e-9)
        same = np.allclose(found.inputs[i], plain.x[:4], atol=0.02)
        close += same and np.isclose(found.scale[i], plain.x[4], rtol=0.02)
    assert close >= 5  # one may end in another minimum


def test_a_scale_that_was_misjudged_costs_no_record():
    """Fixed at one, as it was, where it is anything from a half to two, it makes up records."""
    tracer, signed, c = _tracer_of_classes()
    sure = dataclasses.replace(signed.free, variance=np.full(20, 1e-9))
    loose, fixed = (_traced(tracer, dataclasses.replace(signed, free=free)) for free in (signed.free, sure))
    records, mean = tracer.priors.records[:20], tracer.priors.mean
    free, bound = (cosine(records - mean, found.inputs - mean) for found in (loose, fixed))
    assert (free > 0.98).mean() > 0.8 > 0.6 > (bound > 0.98).mean()
    np.testing.assert_allclose(np.median(loose.scale / c), 1.0, atol=0.05)


def test_a_scale_that_goes_to_nothing_stays_the_most_probable_record_s():
    """A record left, so that none is not what explains it."""
    tracer, signed, _ = _tracer_of_classes()
    tracer = dataclasses.replace(tracer, search=dataclasses.replace(tracer.search, curvature=np.full(4, 1e6)))
    signed = dataclasses.replace(signed, variance=np.full(20, 100.0) * tracer.size)  # all is open
    integrated = dataclasses.replace(signed.free, integrated=True)
    assert (integrated.best(np.ones(20), np.ones(20), np.full((20, 4), 1e6)) == LEAST).all()
    found = tracer.trace(signed)
    kept = tracer.opened(signed, found)
    assert (found.scale > LEAST).all()
    np.testing.assert_array_equal(kept.scale, found.scale)
    np.testing.assert_array_equal(kept.inputs, found.inputs)


def test_a_class_says_where_its_records_are():
    """Of an embedding that is mostly noise, its mean is left; of few records nothing is said of a class."""
    tracer, signed, _ = _tracer_of_classes()
    classes = tracer.priors.classes[:20]
    found = _traced(tracer, dataclasses.replace(signed, classes=classes, variance=np.full(20, 1e6) * tracer.size))
    means = np.stack([tracer.priors.records[tracer.priors.classes == label].mean(axis=0) for label in classes])
    np.testing.assert_allclose(found.inputs, means, atol=0.05)
    few = dataclasses.replace(tracer.priors, classes=np.where(np.arange(1500) < 99, 7, 8))
    assert few.of_class(7) is None
    assert few.of_class(-1) is None
    assert few.of_class(8) is not None
