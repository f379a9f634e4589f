"""Checks that need no truth, against slow and plain versions of themselves."""

import numpy as np
import pytest

from tests.attacker.test_inversion import play_embedded
from undelete.attacker.hrec import hrec
from undelete.auditing import diagnostics
from undelete.auditing.diagnostics import diagnose
from undelete.auditing.exposure import expected_centred_cosine


def value(checks, name):
    return float(next(check.value for check in checks if check.name == name).split()[0])


@pytest.mark.parametrize("loss", ["squared", "softmax", "logistic"])
def test_the_public_gradient_is_measured_block_by_block(loss, monkeypatch, game):
    play = game(loss, k=2)
    release = play.release(play.W[None] * 1.0001)
    z = []
    residual = release.loss.residual(release.Y_public, release.X_public @ release.W_before)
    for j in range(residual.shape[1]):
        contribution = release.X_public * residual[:, [j]]
        mean = contribution.mean(axis=0) + release.l2 * release.W_before[:, j] / release.n
        z.append(mean / contribution.std(axis=0) / np.sqrt(1 / 2000 + 1 / 2000))
    naive = np.sqrt(np.mean(np.concatenate(z) ** 2))
    monkeypatch.setattr(diagnostics, "_NUMBERS", 6 * 700)  # three blocks
    found = hrec(release, np.random.default_rng(0))
    assert value(diagnose(release, found), "Gradient on public data") == pytest.approx(naive, abs=0.051)


def test_records_before_an_embedding_are_credible_by_their_distance(monkeypatch):
    release, _, _, _ = play_embedded(deletions=5)
    found = hrec(release, np.random.default_rng(0))
    centre = release.inputs_public.mean(axis=0)
    own = ((release.inputs_public - centre) ** 2).sum(axis=1).max()
    wanted = np.median(((found.inputs - centre) ** 2).sum(axis=1)) / own
    monkeypatch.setattr(diagnostics, "_NUMBERS", 400)
    assert value(diagnose(release, found), "Credible record") == pytest.approx(wanted, rel=0.05)


def test_the_expected_cosine_is_that_of_records_before_the_embedding():
    release, _, _, _ = play_embedded(deletions=3)
    found = hrec(release, np.random.default_rng(0))
    offset = np.linalg.norm(found.inputs - release.inputs_public.mean(axis=0), axis=1)
    error = np.ones((3, 4)) * (offset / 4)[:, None]  # half of the offset's length in all
    np.testing.assert_allclose(expected_centred_cosine(release, found, error), np.sqrt(0.75))
