"""Error bars of records behind an embedding, and the test that they were one record."""

import dataclasses

import numpy as np
import pytest

from tests.attacker.test_inversion import play_embedded
from undelete.attacker.embedding import traced_error
from undelete.attacker.embedding.traced_error import input_covariance, input_error, misfit
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import from_gradient, hrec, unchanged
from undelete.attacker.hrec_plus import hrec_plus

RNG = np.random.default_rng


def penalised(release):
    """HRec with the penalty's share, so that nothing but sampling is in its error."""
    G = Difference.by(release, "hessian").gradient
    return from_gradient(release, Difference(G, "hessian"), unchanged(release), attack="hrec")


@pytest.mark.parametrize("loss", ["squared", "softmax"])
@pytest.mark.parametrize("kind", ["fourier", "nystroem"])
def test_the_covariance_is_that_of_the_jacobian_s_functionals(loss, kind):
    release, _, _, _ = play_embedded(loss, kind, n=600, m=600, deletions=4)
    found = hrec(release, RNG(0))
    own = np.flatnonzero([status == "ok" for status in found.status])
    release, scale, X, inputs = release.take(own), found.scale[own], found.X[own], found.inputs[own]
    estimate = Estimate(scale, found.output[own])
    spread = input_covariance(release, estimate, X, inputs)
    for i in range(len(own)):
        J = release.embedding.jacobian(inputs[i])
        back = np.vstack([np.linalg.solve(J.T @ J, J.T).T, np.zeros((1, 4))])
        t2 = estimate.weights(release)[:, i] ** 2
        off = (release.X_public - X[i]) @ back
        m, n = 600, 600
        naive = (
            n**2
            * (1 / m + 1 / n)
            / found.scale[i] ** 2
            * np.mean([w * np.outer(o, o) for w, o in zip(t2, off, strict=True)], axis=0)
        )
        np.testing.assert_allclose(spread[i], naive, rtol=1e-6, atol=1e-9 * np.abs(naive).max())


def test_the_error_of_an_input_is_that_of_its_posterior():
    release, _, _, _ = play_embedded(n=600, m=600, deletions=4)
    found = hrec_plus(release, RNG(0))
    error = input_error(release, found)
    S = np.cov(release.inputs_public.T, bias=True)
    F = release.X_public[:, :-1]
    for i in np.flatnonzero([status == "ok" for status in found.status]):
        t = Estimate.of(found).weights(release)[:, i]
        off = F - release.embedding.transform(found.inputs[i : i + 1])
        C = 600**2 * (2 / 600) / found.scale[i] ** 2 * np.einsum("i,ij,ik->jk", t**2, off, off) / 600
        C += 1e-4 * np.trace(C) / 24 * np.eye(24)
        J = release.embedding.jacobian(found.inputs[i])
        covariance = np.linalg.inv(J.T @ np.linalg.inv(C) @ J + np.linalg.inv(S))
        np.testing.assert_allclose(error[i] ** 2, np.diag(covariance), rtol=1e-6)


def test_errors_are_as_large_as_their_bars_and_misfits_as_expected():
    z, ratios, probabilities = [], [], []
    for seed in range(6):
        release, truth, _, _ = play_embedded(n=2000, m=2000, deletions=8, seed=seed)
        found = hrec_plus(release, RNG(0))
        z.append((found.inputs - truth.inputs) / input_error(release, found))
        ratio, probability = misfit(release, found)
        ratios.append(ratio)
        probabilities.append(probability)
    z = np.concatenate(z).ravel()
    assert 0.7 < np.nanmedian(np.abs(z)) / 0.6745 < 1.5
    assert 0.2 < np.nanmedian(np.concatenate(ratios)) < 1.2
    assert np.nanmin(np.concatenate(probabilities)) > 1e-4


def test_a_change_that_is_no_record_s_is_unlikely():
    release, _, _, _ = play_embedded(n=4000, m=4000, deletions=12)
    change = release.W_after - release.W_before
    size = np.abs(change).max(axis=(1, 2), keepdims=True)
    noised = dataclasses.replace(release, W_after=release.W_after + size * RNG(0).normal(size=change.shape))
    _, honest = misfit(release, penalised(release))
    ratio, probability = misfit(noised, penalised(noised))
    assert np.nanmedian(probability) < 1e-6 < np.nanmin(honest)
    assert np.nanmedian(ratio) > 10


def test_nothing_is_said_of_what_was_not_recovered_or_has_too_many_inputs(monkeypatch):
    release, _, _, _ = play_embedded(deletions=3)
    W_after = np.array(release.W_after)
    W_after[1] = release.W_before
    release = dataclasses.replace(release, W_after=W_after)
    found = penalised(release)
    assert found.status[1] == "unchanged"
    ratio, probability = misfit(release, found)
    assert np.isnan([ratio[1], probability[1], *input_error(release, found)[1]]).all()
    assert np.isfinite(ratio[[0, 2]]).all()
    monkeypatch.setattr(traced_error, "TRACED", 3)
    assert np.isnan(input_error(release, found)).all()
