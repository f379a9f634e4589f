"""A pull that something else tells: it is taken as it is sure, and says what the other entries are off by."""

import dataclasses

import numpy as np

from undelete.attacker.documents import Words
from undelete.attacker.gradient.difference import Difference, answering
from undelete.attacker.told_pull import with_pull
from undelete.maintainer.leave_one_out import retrain_without


def told(g, row, error=1e-6, off=0.0, k=1):
    release = answering(g.release(retrain_without(g.objective, g.W, np.array([row]), tol=1e-11).W))
    true = -g.objective.take(np.array([row])).own_gradients(g.W)[0]
    pull = release.constant @ true
    size = float(np.linalg.norm(pull))
    return release, true, with_pull(release, release.X_public, pull / size, size + off, error)


def test_the_constants_entry_is_the_pull_and_the_others_are_nearer(game):
    g = game("logistic", n=400, m=300)
    before, after, z = [], [], []
    for row in range(60):
        release, true, (seen, covariance) = told(g, row)
        G = Difference.by(seen, "answers").gradient[0]
        np.testing.assert_allclose(release.constant @ G, release.constant @ true, rtol=1e-4)
        assert seen.error_told
        plain = Difference.by(release, "answers").gradient[0]
        before.append(((plain - true) ** 2).sum())
        after.append(((G - true) ** 2).sum())
        own = release.constant == 0
        z.append(np.mean((G - true)[own, 0] ** 2 / np.diag(covariance[0])[own]))
        assert (np.linalg.eigvalsh(covariance[0]) > -1e-9 * np.trace(covariance[0])).all()
    assert np.mean(after) < 0.8 * np.mean(before)
    assert 0.2 < np.mean(z) < 1.6


def test_of_several_outputs_too(game):
    g = game("softmax", n=400, m=300, k=3)
    off = []
    for row in range(40):
        release, true, (seen, _) = told(g, row)
        plain, G = (Difference.by(one, "answers").gradient[0] for one in (release, seen))
        off.append((((G - true) ** 2).sum(), ((plain - true) ** 2).sum()))
    assert np.mean(off, axis=0)[0] < 0.9 * np.mean(off, axis=0)[1]


def test_one_that_is_unsure_or_far_changes_nothing(game):
    g = game("logistic", n=400, m=300)
    release, _, (seen, covariance) = told(g, 3, error=np.inf)
    assert seen is release
    np.testing.assert_allclose(covariance[0], covariance[0].T)
    release, _, (seen, _) = told(g, 3, off=100.0)
    assert seen is release
    less = dataclasses.replace(release, unlike=4.0)
    found = with_pull(less, release.X_public, np.ones(1), 0.5, np.inf)[1]
    np.testing.assert_allclose(found, 4 * covariance)


def test_few_sure_words_tell_no_pull():
    some = Words(np.array([0.95, 0.95, 0.5, 0.1]), 0.0, np.full(2, 0.5), np.array([1.0, 1.2]), np.ones(1), 0.1)
    assert some.pull == (1.1, np.inf)
    more = dataclasses.replace(some, probability=np.array([0.95, 0.95, 0.9, 0.1]))
    np.testing.assert_allclose(more.pull, (1.1, np.hypot(0.1, 0.11)))


def test_words_that_are_sure_tell_the_class_and_few_do_not(monkeypatch):
    from undelete.auditing import in_words

    def told(sure, lead, gone):
        found = Words(np.full(5, sure), 0.0, np.ones(1), np.ones(1), np.ones(1))
        return in_words.Told(found, None, gone, lead)

    class Model:
        classes, W, criterion, texts = (0, 1), np.zeros((1, 1)), "gradient", (None, None)

    monkeypatch.setattr(in_words, "_whole", lambda *_: object())
    for each, class_ in (
        ((told(0.95, 50.0, 1), told(0.5, 90.0, 0)), 1), ((told(0.5, 50.0, 1), told(0.5, 9.0, 0)), None),
        ((told(0.95, 3.0, 1), told(0.95, 2.0, 0)), None),
    ):  # fmt: skip
        found = iter(each)
        monkeypatch.setattr(in_words, "told_words", lambda *_, found=found: next(found))
        texts = in_words.Texts(([], []), (None, None), (None, None))
        release = type("Seen", (), {"n": 10, "Y_public": np.zeros((4, 1))})()
        assert in_words.in_words(Model(), Model(), texts, np.zeros((4, 1)), release, None).gone == class_
