"""The most probable record behind an embedding: its error's covariance, and that it beats Eq. (6)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.attacker.test_inversion import play_embedded
from undelete.attacker.decode import Estimate
from undelete.attacker.hrec import hrec
from undelete.attacker.inversion import Search
from undelete.attacker.lattice import hrec_plus
from undelete.attacker.posterior import _gaussian, _Noise
from undelete.scoring.scores import cosine

RNG = np.random.default_rng


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_the_errors_shape_is_the_covariance_of_maths_10(loss):
    release, _, _, _ = play_embedded(loss, deletions=3)
    found = hrec(release, RNG(0))
    estimate = Estimate(found.scale, found.output)
    F = release.X_public[:, :-1]
    centre = F[:3]
    noise = _Noise.of(release, estimate, centre)
    wanted = []
    for i in range(3):
        own = slice(i, i + 1)
        t2 = estimate.part(own).weights(release.take(own)) ** 2
        functional = np.eye(25)[:, :24]
        wanted.append(estimate.part(own).covariance(release.take(own), t2, functional, centre[own], dense=True)[0])
    variance = F.var(axis=0).sum()
    np.testing.assert_allclose(noise.size, [np.trace(C) / variance for C in wanted])
    mean = np.mean([C / s for C, s in zip(wanted, noise.size, strict=True)], axis=0)
    off = noise.shape - mean
    np.testing.assert_allclose(off, np.diag(np.diag(off)), atol=1e-12)  # but for what keeps it regular
    assert np.diag(off).max() < 2e-4 * np.trace(mean) / 24


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_it_beats_the_papers_decoder(loss):
    better = []
    for seed in range(3):
        release, truth, _, _ = play_embedded(loss, n=800, m=800, deletions=20, seed=seed)
        found = [attack(release, RNG(0)) for attack in (hrec_plus, hrec)]
        told = np.array([{one, other} == {"ok"} for one, other in zip(*(f.status for f in found), strict=True)])
        one, other = (cosine(truth.inputs, f.inputs)[told] for f in found)
        better.append(one.mean() - other.mean())
    assert np.mean(better) > 0


def test_it_returns_the_prior_where_nothing_is_known():
    release, _, _, _ = play_embedded(deletions=3)
    prior = _gaussian(release)
    search = Search(release.embedding, prior.mean, prior.root, np.ones(4), prior=True)
    found = search.run(release.X_public[:3, :-1], release.inputs_public[:3], np.full(3, 1e9))
    np.testing.assert_allclose(found.inputs, np.tile(prior.mean, (3, 1)), atol=1e-3)


def test_the_penalty_is_used_where_it_is_known():
    release, truth, _, _ = play_embedded(l2=30.0, n=3000, m=3000, deletions=30)
    blind = dataclasses.replace(release, l2=None)
    with_it, without = (cosine(truth.inputs, hrec_plus(seen, RNG(0)).inputs) for seen in (release, blind))
    assert np.nanmean(with_it) > np.nanmean(without)
    np.testing.assert_array_equal(hrec(release, RNG(0)).inputs, hrec(blind, RNG(0)).inputs)
