"""Networks of which it is stated how they were protected: the audit knows it, and says what noise or a proof hides."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

import undelete
from tests.attacker.networks_played import COLUMNS, filled, play
from undelete.attacker.networks import record
from undelete.auditing import protection
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.network_stated import StatedNetworks
from undelete.auditing.protection import digest, own_parameters
from undelete.auditing.statements import read_stated
from undelete.maintainer.defences.budget import Budget
from undelete.maintainer.defences.gaussian import mu_of
from undelete.maintainer.defences.networks_noisy import NetworkNoise
from undelete.maintainer.defences.of_networks import PrivateNetwork
from undelete.maintainer.networks import retrain_without
from undelete.release.protection import Law

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def played():
    return play(torch, n=600, m=900, row=5)


@pytest.fixture(scope="module")
def few():
    """Spare the steps of an attack whose answer is not what is asked here."""
    with pytest.MonkeyPatch.context() as patch:
        for name, steps in (("_SCOUT", 3), ("_STEPS", 12)):
            patch.setattr(record, name, steps)
        yield


@pytest.fixture(scope="module")
def private(played):
    """Return the maintainer's own, with and without the person: two were played of each, which says how much noise."""
    fit, row = played.fit, played.row
    less = replace(fit, X=np.delete(fit.X, row, axis=0), Y=np.delete(fit.Y, row, axis=0))
    theta = retrain_without(fit, played.theta, np.array([row]))[0].theta
    made = []
    for each, at in ((fit, played.theta), (less, theta)):
        rows = np.array([3, 9])
        gone = np.stack([one.theta for one in retrain_without(each, at, rows)])
        made.append(PrivateNetwork(each, at, rows, gone, fit.X, fit.Y, averaged=False))
    return made


@pytest.fixture(scope="module")
def document(played, few):
    """Return what protection.json holds of the old network where it was protected by much noise, and that network."""
    tables = [one[part] for one in (played.private, played.public) for part in (COLUMNS, "label")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protection, "ENOUGH", 1)
        found = undelete.protect(
            copy.deepcopy(played.before), *tables, loss="bce", l2=played.l2, features=played.scale, deletions=1,
            defences=[NetworkNoise((0.02,))], max_exposure=1.0, max_loss=1.0,
        )  # fmt: skip
    return found.model, json.loads(json.dumps(found.document()))


@pytest.fixture(scope="module")
def made(played, private, document):
    """Return the two networks, each protected by itself, and what is stated of each: by much noise, and by little."""
    held = {"much": [document], "little": []}
    for way, strength in (("much", 0.02), ("little", 3000.0)):
        for one in private[len(held[way]) :]:
            found = NetworkNoise().protect(one, strength, np.random.default_rng(len(one.fit.X)))
            model = filled(one.fit.network, played.before, found.before)
            law = Law(NetworkNoise.label, tuple(found.l2.tolist()), found.law, chance=found.chance)
            held[way].append((model, stating(document, law, model)))
    return held


def stating(document, law, model):
    """Return what protection.json would hold of another protected network."""
    return dict(document[1], law=json.loads(json.dumps(law.document())), parameters=digest(*own_parameters(model)))


def audited(played, models, stated, **given):
    return undelete.audit(
        *models, played.public, target="label", loss="bce", l2=played.l2, n=played.n, features=played.scale,
        protection=stated, **given,
    )  # fmt: skip


def check_of(result):
    return next((check for check in result.diagnostics if check.name == "Stated noise"), None)


def test_much_noise_hides_everybody_and_that_is_said(played, made):
    models, stated = zip(*made["much"], strict=True)
    result = audited(played, models, stated)
    assert result.verdict.word == "NOT EXPOSED"
    assert "is right with a probability of at most 0.5" in result.verdict.reason
    assert result.document()["protection"] is not None
    unstated = audited(played, models, None)
    assert check_of(unstated) is None
    assert unstated.verdict.word == "NOT DECIDABLE"


def test_little_noise_is_counted_in_the_error_bars(played, made):
    models, stated = zip(*made["little"], strict=True)
    truth = played.private.iloc[[played.row]]
    knows, not_told = audited(played, models, stated, truth=truth), audited(played, models, None, truth=truth)
    assert check_of(knows).ok
    assert knows.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
    fits = [next(one for one in each.diagnostics if one.name == "Fits one record") for each in (knows, not_told)]
    misfits = [float(one.value.split()[1]) for one in fits]
    assert misfits[0] < 1.5 < misfits[1]


def test_the_law_is_the_covariance_that_was_added(private, document):
    found = NetworkNoise().protect(private[0], 0.2, np.random.default_rng(0))
    fit, theta = private[0].fit, private[0].theta
    H = fit.network.hessian(theta, fit.X, fit.Y) + np.diag(fit.l2)
    told = found.law.covariance(H[None], theta[:, None])[0]
    np.testing.assert_allclose(told, found.noise, rtol=1e-8, atol=1e-12 * np.abs(found.noise).max())
    written = Law.of(document[1]["law"]).noise.covariance(H[None], theta[:, None])[0]
    np.testing.assert_allclose(
        written / written[0, 0], told / told[0, 0], rtol=1e-6
    )  # of one shape, whoever was played


def test_noise_that_was_stated_and_not_added_is_seen(played, made):
    lies = []
    for module, (_, held) in zip((played.before, played.after), made["much"], strict=True):
        lies.append(dict(held, parameters=digest(*own_parameters(module))))
    result = audited(played, (played.before, played.after), lies)
    assert check_of(result).ok is False
    assert result.verdict.word == "NOT DECIDABLE"
    assert "was not added" in result.verdict.reason


def test_what_private_training_proves_hides_everybody_or_bounds_little(played, made):
    models, (first, second) = zip(*made["little"], strict=True)
    fresh = filled(played.fit.network, played.before, played.theta + 0.3 * np.sin(np.arange(len(played.theta))))

    def proved(epsilon):
        budget = Budget.gaussian(epsilon, 1e-6)
        law = Law("DP", (2.0,) * len(played.theta), None, epsilon, 1e-6, budget.telling())
        return stating((None, second), law, fresh)

    safe = audited(played, (models[0], fresh), [first, proved(0.3)])
    assert safe.verdict.word == "NOT EXPOSED"
    assert "differential privacy" in safe.verdict.reason
    little = audited(played, (models[0], fresh), [first, proved(30.0)])
    assert little.verdict.word == "NOT DECIDABLE"
    assert "moves them further than one person does" in little.verdict.reason
    # a network that is said to be of private training and is the old one hides nobody
    same = dict(proved(0.3), parameters=digest(*own_parameters(models[0])))
    assert audited(played, (models[0], models[0]), [same]).verdict.word == "NOT DECIDABLE"


def test_noise_hides_as_the_maintainer_says(private):
    fit, theta = private[0].fit, private[0].theta
    gone = np.stack([one.theta for one in retrain_without(fit, theta, np.arange(0, 60, 2))])
    covariance = 0.5 * np.linalg.inv(private[0].metric)
    told = private[0].telling(covariance)
    off = (gone[:, None] - gone[None]).reshape(-1, gone.shape[1])
    apart = np.sqrt(np.einsum("bi,ib->b", off, np.linalg.solve(covariance, off.T)))
    assert norm.cdf(apart / 2).max() <= told  # of those who really left
    assert norm.cdf(np.quantile(apart, 0.99) / 2) > 0.5 + 0.4 * (told - 0.5)  # and not by far


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0])
def test_two_people_are_told_apart_no_better_than_is_proved(epsilon):
    mu = mu_of(epsilon, 1e-6)
    told = Budget.gaussian(epsilon, 1e-6).telling()
    assert norm.cdf(mu) <= told + 1e-12  # two that lie on either side of what is released without both
    assert told == pytest.approx(0.5 + (2 * norm.cdf(mu / 2) - 1), abs=0.02)  # no looser than two steps of one


def test_a_statement_on_others_is_refused_or_not_used(played, made):
    (model, held), _ = made["much"]
    other = dict(held, parameters="x", of="y")
    with pytest.raises(undelete.InputError, match="speaks of other parameters than these two models have"):
        StatedNetworks.of(played.before, played.after, read_stated(other, None, None))
    short = dict(held, law=dict(held["law"], l2=held["law"]["l2"][:3], noise=None))
    with pytest.raises(undelete.InputError, match="speaks of 3 trained parameters, and 31 differ"):
        audited(played, (model, played.after), short)
    with pytest.raises(ValueError, match="between one half and 1"):
        Law("DP", (1.0,), None, 1.0, 1e-6, 0.3)


def test_what_the_files_count_keeps_its_reason_where_something_is_stated():
    counted = Diagnostic("Number of deleted records", "3", False, "Three people left.", blocking=True)
    near = Diagnostic("Same optimum", ".9", False, "Another optimum.", blocking=True)
    stated = StatedNetworks((None, Law("DP", (1.0,), None, 30.0, 1e-6, 0.99)))
    found, hidden = stated.judged(None, [near, counted], None)
    assert hidden == ""
    assert [one.text for one in found][1] == "Three people left."
    assert "moves them further than one person does" in found[0].text


def test_simulate_of_a_network_advises_what_was_measured(played, made):
    (_, held), _ = made["much"]
    tables = [one[part] for one in (played.private, played.public) for part in (COLUMNS, "label")]
    given = dict(loss="bce", l2=played.l2, features=played.scale, deletions=2)
    shown = undelete.simulate(copy.deepcopy(played.before), *tables, protection=dict(held, of=digest(
        *own_parameters(played.before))), **given)  # fmt: skip
    assert shown.document()["protection"]["deletions"] == 1
    with pytest.raises(undelete.InputError, match="speaks of other parameters than this model has"):
        undelete.simulate(copy.deepcopy(played.before), *tables, protection=dict(held, of="x", parameters="y"), **given)
