"""The attack on networks: its derivatives, its estimate, its error bars; small and made up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from tests.attacker.networks_played import COLUMNS, people, play, small
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.hrec import hrec
from undelete.attacker.networks.attack import attack
from undelete.attacker.networks.columns import Located, on_columns
from undelete.attacker.networks.estimate import Estimator, GradientEstimate
from undelete.attacker.networks.held_out import widened
from undelete.attacker.networks.missed import truncated, with_public
from undelete.attacker.networks.problem import Prior, Problem
from undelete.attacker.networks.record import Decoder
from undelete.attacker.networks.search import descended
from undelete.attacker.networks.view import View
from undelete.attacker.table.learnt import shared_lattice
from undelete.attacker.table.shown import shown
from undelete.attacker.table.whole_record import search
from undelete.auditing.network_reading import Training, read_networks
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maintainer.networks import Fit, retrain, train
from undelete.maintainer.networks import retrain_without as retrain_network
from undelete.maths.network import Network
from undelete.release.networks import NetworkRelease

torch = pytest.importorskip("torch")
bce = torch.nn.functional.binary_cross_entropy_with_logits


@pytest.fixture(scope="module")
def played():
    return play(torch)


def seen(played, public=None):
    """What an attacker sees; `public` (X, Y) in the place of the public records."""
    X = played.scale.transform(played.public[COLUMNS].to_numpy(float)) if public is None else public[0]
    Y = played.public[["label"]].to_numpy(float) if public is None else public[1]
    l2 = played.fit.l2
    return NetworkRelease(played.fit.network, played.theta, played.theta_after[None], X, np.where(Y > 0, 1.0, -1.0),
                          played.n, l2, l2, 2)  # fmt: skip


def own_gradient(played):
    one = slice(played.row, played.row + 1)
    return played.fit.network.gradients(played.theta, played.fit.X[one], played.fit.Y[one])[0]


@pytest.mark.parametrize("loss", ["bce", "softmax", "mse"])
def test_products_agree_with_finite_differences(loss):
    rng = np.random.default_rng(0)
    outputs = 3 if loss == "softmax" else 1
    module = small(torch, outputs).requires_grad_(False)
    names = [name for name, _ in module.named_parameters()]
    whole = loss == "softmax"
    losses = {"bce": bce, "softmax": torch.nn.functional.cross_entropy, "mse": torch.nn.functional.mse_loss}
    network = Network(module, losses[loss], names, (4,), whole)
    X, theta = rng.normal(size=(30, 4)), rng.normal(size=network.parameters)
    Y = rng.integers(0, max(2, outputs), (30, 1)).astype(float)
    v, step = rng.normal(size=network.parameters), 1e-5
    up, down = theta + step * v, theta - step * v
    slope = (network.total(up, X, Y)[0] - network.total(down, X, Y)[0]) / (2 * step)
    assert network.gradient(theta, X, Y) @ v == pytest.approx(slope, rel=1e-7)
    bend = (network.gradient(up, X, Y) - network.gradient(down, X, Y)) / (2 * step)
    np.testing.assert_allclose(network.hessian_vector(theta, X, Y, v), bend, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(network.hessian(theta, X, Y) @ v, bend, rtol=1e-6, atol=1e-7)
    own = network.gradients(theta, X, Y)
    np.testing.assert_allclose(own.sum(axis=0), network.gradient(theta, X, Y), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(own @ v, network.along(theta, X, Y, v), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(network.gradients_along(theta, X, Y, v).sum(axis=0), bend, rtol=1e-6, atol=1e-7)
    each = rng.normal(size=(30, network.parameters))
    bent = np.stack([network.gradients_along(theta, X[[i]], Y[[i]], each[i])[0] for i in range(30)])
    np.testing.assert_allclose(network.gradients_along(theta, X, Y, each), bent, rtol=1e-10, atol=1e-12)
    weights = rng.normal(size=30)
    np.testing.assert_allclose(network.gradient(theta, X, Y, weights), weights @ own, rtol=1e-10, atol=1e-12)


def as_network(game, W_after, deletions):
    """Return a linear model's release as that of a module with one dense layer."""
    d, k = game.W.shape
    module = torch.nn.Linear(d - 1, k).double().requires_grad_(False)
    network = Network(module, bce, ["weight", "bias"], (d - 1,), False)
    before = network.vector({"weight": game.W[:-1].T, "bias": game.W[-1]})
    after = np.stack([network.vector({"weight": W[:-1].T, "bias": W[-1]}) for W in W_after])
    l2 = network.vector({"weight": game.objective.l2[:-1], "bias": game.objective.l2[-1:]})
    return NetworkRelease(network, before, after, game.X_public[:, :-1], game.Y_public, game.objective.n, l2, l2, 2)


def test_a_linear_model_written_as_a_module_gives_the_linear_path_s_reconstruction(game):
    played = game("logistic", n=500, m=600)
    rows = np.array([3, 11, 40])
    W_after = np.asarray(retrain_without(played.objective, played.W, rows).W)
    linear, network = played.release(W_after), as_network(played, W_after, rows)
    found = attack(network, ["hrec"]).found["hrec"]
    np.testing.assert_allclose(found.X, hrec(linear, np.random.default_rng(0)).X[:, :-1], rtol=1e-8, atol=1e-8)
    exact = Difference.by(linear, "answers").gradient[:, :, 0]
    own = np.stack([Estimator(network).estimate(i, weighed=False).gradient for i in range(3)])
    np.testing.assert_allclose(own, exact, rtol=1e-8, atol=1e-8)


def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(played):
    rest = [np.delete(array, played.row, axis=0) for array in (played.fit.X, played.fit.Y)]
    estimate = Estimator(seen(played, rest)).estimate(0, weighed=False)
    np.testing.assert_allclose(estimate.gradient, -own_gradient(played), rtol=1e-5, atol=1e-6)


def test_weights_that_give_public_records_the_private_optimum_help_and_the_error_bars_hold(played):
    estimator = Estimator(seen(played))
    true = -own_gradient(played)
    plain, weighed = estimator.estimate(0, weighed=False), estimator.estimate(0)
    assert weighed.weighed
    assert weighed.difference.error[0] < plain.difference.error[0]
    assert np.linalg.norm(weighed.gradient - true) < np.linalg.norm(plain.gradient - true)
    off = weighed.whitening @ (weighed.gradient - true)
    assert 0.2 < off @ off / len(off) < 1.6


def test_expected_targets_take_chance_out_and_a_network_that_expects_wrongly_is_not_believed(played):
    def told(expected):
        network = dataclasses.replace(played.fit.network, expected=expected)
        estimator = Estimator(dataclasses.replace(seen(played), network=network))
        return estimator.estimate(0)

    plain, taken, wrong = told(None), told(torch.sigmoid), told(lambda z: torch.full_like(z, 0.95))
    true = -own_gradient(played)
    off = [one.whitening @ (one.gradient - true) for one in (plain, taken, wrong)]
    assert taken.difference.error[0] < 0.97 * plain.difference.error[0]
    assert np.linalg.norm(taken.gradient - true) < 1.05 * np.linalg.norm(plain.gradient - true)
    assert 0.2 < off[1] @ off[1] / len(true) < 1.6
    far = [np.linalg.norm(one.gradient - plain.gradient) for one in (taken, wrong)]
    assert far[1] < 3 * max(far[0], np.sqrt(np.trace(plain.covariance)))
    assert off[2] @ off[2] / len(true) < 1.6


@pytest.mark.parametrize("records", [500, 20_000])
def test_a_covariance_from_few_records_is_widened_by_as_much_as_it_is_too_small(records):
    rng, p = np.random.default_rng(1), 60
    E = rng.normal(size=(records, p))
    parts = np.stack([E[k::4].T @ E[k::4] / len(E[k::4]) for k in range(4)])
    estimate = GradientEstimate(Difference.exact(np.zeros((1, p, 1))), parts.mean(axis=0), 0.1, True, parts=parts)
    J = rng.normal(size=(30, p, 3))
    wider = widened(estimate, J)
    C = np.linalg.inv(wider.whitening.T @ wider.whitening)
    told, true = [], []
    for one in J:  # the weights' own error, of which the covariance is the identity
        K = np.linalg.solve(C, one)
        told.append(np.trace(np.linalg.inv(one.T @ K)))
        true.append(np.trace(np.linalg.inv(one.T @ K) @ (K.T @ K) @ np.linalg.inv(one.T @ K)))
    assert np.mean(true) / np.mean(told) == pytest.approx(1, abs=0.2)
    assert (wider.wider > 1.1) == (records < 1000)


def test_the_record_comes_back_with_its_label_and_error_bars_that_hold(played):
    attacked = attack(seen(played), ["hrec+", "hrec", "nearest", "maxdiff", "avg"])
    true, found = played.fit.X[played.row], attacked.found["hrec+"]
    close = {name: np.linalg.norm(one.X[0] - true) for name, one in attacked.found.items()}
    assert close["hrec+"] < 0.7 * min(close[name] for name in ("nearest", "maxdiff", "avg"))
    assert np.sign(found.target[0, 0]) == np.sign(played.fit.Y[played.row, 0] - 0.5)
    assert (np.abs(found.X[0] - true) < 4 * found.record_error[0]).all()
    assert attacked.account.misfit[0] / attacked.account.freedom < 2


def test_each_class_is_searched_from_the_starts_and_not_from_the_ends_of_another(played):
    release = seen(played)
    estimator = Estimator(release)
    estimate, decoder = estimator.estimate(0), Decoder(release, estimator.own)
    starts = decoder.prior.coordinates(release.X_public[:3])
    kept = starts.copy()
    alone = {label: descended(Problem(release, estimate, label, decoder.prior), starts, 8) for label in (0, 1)}
    np.testing.assert_array_equal(starts, kept)
    for label, ends in alone.items():
        again = Problem(release, estimate, label, decoder.prior).at(ends.u)[0]
        np.testing.assert_allclose(ends.value, again)  # the records are those that the objective was found at


def test_a_search_that_went_by_a_wrong_line_is_not_surer_than_public_records_that_explain_as_much(played):
    training = Training("bce", played.n, played.l2, None)
    public = played.public.head(200)
    _, release, _ = read_networks(played.before, played.after, public, training, features=played.scale, target="label")
    estimator = Estimator(release)
    decoder, lattice = Decoder(release, estimator.own), shared_lattice(release, targeted=True)
    estimate = estimator.estimate(0)
    problem = Problem(release, estimate, 1, decoder.prior)
    view = View.about(decoder, problem, release.X_public[0], len(COLUMNS))
    tight = dataclasses.replace(view, covariance=1e-4 * view.covariance)
    sure = search(lattice, tight.terms(lattice.projection), 1, 100)
    values = [column.alike for column in lattice.columns]
    assert shown(sure, values).probability.min() > 0.9
    near = view.along(release.X_public[:1])
    np.testing.assert_allclose(near, (problem.residuals(release.X_public[:1]) ** 2).sum(axis=1))  # the point itself

    alike, far = np.zeros(len(public)), np.full(len(public), 1e9)
    mixed, rows, mass = with_public(release, lattice, sure, alike, far, -50.0)
    assert len(rows) > 190
    assert mass == pytest.approx(0, abs=0.1)
    rooms = lattice.order.index(COLUMNS.index("rooms"))
    share = np.bincount(mixed.codes[:, rooms], weights=mixed.weight, minlength=len(values[rooms]))
    alone = np.bincount(sure.codes[:, rooms], weights=sure.weight, minlength=len(values[rooms]))
    np.testing.assert_allclose(share, (alone + lattice.columns[rooms].frequency) / 2, atol=0.02)  # half at most
    for misfit, line, log_mass in [(far, alike, 0.0), (alike, alike, -50.0), (alike, far, 50.0)]:
        kept, _, _ = with_public(release, lattice, sure, misfit, line, log_mass)
        np.testing.assert_allclose(shown(kept, values).probability, shown(sure, values).probability, rtol=1e-9)


def of_numbers(outputs):
    """A network of numbers, a person with a small residual, and their gradient known well but for its size."""
    rng = np.random.default_rng(2)
    table = people(rng, 301).drop(columns="label")
    names = [f"y{k}" for k in range(outputs)]
    table[names] = np.column_stack([table.age / 20 + 0.1 * rng.normal(size=301), table.rooms / 3])[:, :outputs]
    before, after = small(torch, outputs), small(torch, outputs, seed=1)
    training = Training("mse", 300, 1.0, None)
    hidden, public = table.iloc[[300]], table.iloc[:300]
    scale = StandardScaler().fit(public[COLUMNS].to_numpy(float))
    _, release, reading = read_networks(before, after, public, training, features=scale, target=names)
    X, Y = reading.design.transform(hidden), hidden[names].to_numpy(float)
    G = -release.network.gradients(release.theta_before, X, Y)[0]
    known = np.diag((0.02 * np.abs(G) + 1e-3 * np.abs(G).max()) ** 2)
    return release, GradientEstimate(Difference.exact(G[None, :, None]), known, 0.1, False), X[0], Y[0]


def test_a_feature_that_no_public_record_has_goes_with_no_other(played):
    release, rng = seen(played), np.random.default_rng(0)
    other, town = rng.random((len(release.X_public), 1)) < 0.1, rng.integers(0, 3, (len(release.X_public), 1))
    features = [release.X_public, ~other, other, np.zeros_like(other), town == np.arange(3)]
    prior = Prior.of(dataclasses.replace(release, X_public=np.hstack(features).astype(float)))
    # known without an error, it would turn a rounding error of its covariance with others into certainty of these
    assert not prior.axes[len(COLUMNS) + 2].any()


def test_a_record_s_likelihood_is_integrated_over_its_target():
    release, estimate, _, _ = of_numbers(1)
    decoder = Decoder(release, Estimator(release).own)
    problem = Problem(release, estimate, 0, decoder.prior)
    view = View.about(decoder, problem, np.append(release.X_public[0], release.Y_public[0]), len(COLUMNS))
    points = release.X_public[:6]
    found = view.correction(points, np.zeros(6))
    grid = np.linspace(-40, 40, 8_001)
    whole = []
    for point in points:
        at, one, two = (problem.residuals(np.append(point, y)[None])[0] for y in (0.0, 1.0, 2.0))
        np.testing.assert_allclose(two - one, one - at, atol=1e-8)  # a line in the target
        square = ((at + grid[:, None] * (one - at)) ** 2).sum(axis=1)
        whole.append(-0.5 * square.min() + np.log(np.exp(-0.5 * (square - square.min())).mean()))
    np.testing.assert_allclose(np.diff(found), np.diff(whole), rtol=1e-3, atol=1e-3)


def test_each_of_several_targets_is_told_with_its_own_error():
    release, estimate, _, Y = of_numbers(2)
    decoder = Decoder(release, Estimator(release).own)
    told = on_columns(release, decoder, Located.by(decoder, estimate))
    assert (np.abs(told.target - Y) < 4 * told.target_error).all()
    assert (told.target_error < 0.3 * release.Y_public.std(axis=0)).all()


def test_a_drawn_record_does_not_outweigh_all_others_and_one_that_is_likely_itself_does(played):
    training = Training("bce", played.n, played.l2, None)
    public = played.public.head(200)
    _, release, _ = read_networks(played.before, played.after, public, training, features=played.scale, target="label")
    estimator = Estimator(release)
    decoder, lattice = Decoder(release, estimator.own), shared_lattice(release, targeted=True)
    problem = Problem(release, estimator.estimate(0), 1, decoder.prior)
    view = View.about(decoder, problem, release.X_public[0], len(COLUMNS))
    found = search(lattice, view.terms(lattice.projection), 1, 100)
    r = len(found.weight)
    weight = np.where(np.arange(r) == 0, 0.9, 0.1 / (r - 1))
    drawn = dataclasses.replace(found, weight=weight, probability=weight / 50)
    cut = truncated(drawn)
    assert cut.weight.sum() == pytest.approx(1)
    assert cut.weight[0] / cut.weight[1] == pytest.approx(r**-0.5 / weight[1])
    assert np.exp(cut.log_evidence - found.log_evidence) == pytest.approx(0.1 + r**-0.5)
    alone = truncated(dataclasses.replace(found, weight=weight, probability=weight))
    np.testing.assert_allclose(alone.weight, weight)


def test_two_equal_models_give_nothing(played):
    same = dataclasses.replace(seen(played), theta_after=played.theta[None])
    attacked = attack(same, ["hrec+", "hrec", "maxdiff"])
    for found in attacked.found.values():
        assert found.status == ("unchanged",)
        assert np.isnan(found.X).all()


def test_dense_and_matrix_free_estimates_agree(played, monkeypatch):
    from undelete.attacker.networks import estimate, matrix_free

    release, ridge = seen(played), 1e-4
    monkeypatch.setattr(estimate, "RIDGES", (ridge,))
    dense = Estimator(release)
    monkeypatch.setattr(matrix_free, "_mean_eigenvalue", lambda _: float((dense.own**2).sum()) / dense.own.shape[1])
    weights = matrix_free.public_weights(release, ridge)
    assert weights.sum() == pytest.approx(1, abs=0.05)
    own = dense.estimate(0, weighed=True).gradient
    np.testing.assert_allclose(matrix_free.estimated(release, 0, weights), own, rtol=1e-5, atol=1e-7 * abs(own).max())


def test_the_mean_eigenvalue_is_found_by_probes(played):
    from undelete.attacker.networks import matrix_free

    release = seen(played)
    own = Estimator(release).own
    assert matrix_free._mean_eigenvalue(release) == pytest.approx((own**2).sum() / own.shape[1], rel=0.5)


def head(played):
    """The same network, its first layer frozen: what a head on a frozen net is."""
    network = dataclasses.replace(played.fit.network, moved=("2.weight", "2.bias"))
    fit = dataclasses.replace(played.fit, network=network, l2=np.full(network.parameters, 3.0))
    trained = train(fit, np.zeros(network.parameters))
    without = retrain_network(fit, trained.theta, np.array([played.row]))[0]
    assert trained.converged
    assert without.converged
    return fit, trained.theta, without.theta


def test_a_head_s_embedding_is_exact_with_the_remaining_records_and_the_record_comes_back_with_public_ones(played):
    fit, before, after = head(played)
    rest = [np.delete(array, played.row, axis=0) for array in (fit.X, fit.Y)]
    exact = NetworkRelease(fit.network, before, after[None], rest[0], np.where(rest[1] > 0, 1.0, -1.0), played.n,
                           fit.l2, fit.l2, 2)  # fmt: skip
    G = fit.network.named(Estimator(exact).estimate(0, weighed=False).gradient)
    embedding = fit.network.module[:2](torch.tensor(fit.X[[played.row]])).numpy()
    np.testing.assert_allclose(G["2.weight"] / G["2.bias"][:, None], embedding, rtol=1e-5)
    X = played.scale.transform(played.public[COLUMNS].to_numpy(float))
    Y = np.where(played.public[["label"]].to_numpy(float) > 0, 1.0, -1.0)
    public = NetworkRelease(fit.network, before, after[None], X, Y, played.n, fit.l2, fit.l2, 2)
    attacked = attack(public, ["hrec+", "hrec"])
    assert "hrec" not in attacked.found  # no layer that moved reads the record itself
    found = attacked.found["hrec+"]
    assert np.sign(found.target[0, 0]) == np.sign(fit.Y[played.row, 0] - 0.5)
    again = fit.network.module[:2](torch.tensor(found.X)).numpy()
    spread = fit.network.module[:2](torch.tensor(X)).numpy().std(axis=0)
    assert (np.abs(again - embedding) < 0.3 * spread).all()


def images(n, seed):
    """Images of 7 x 7, in [-1, 1]: a stroke at one of four places, by class, as blurred as it is long."""
    rng = np.random.default_rng(seed)
    kinds, grid = rng.integers(0, 4, n), np.arange(7.0)
    middle = np.array([[2, 2], [2, 4], [4, 2], [4, 4]])[kinds] + rng.normal(0, 0.5, (n, 2))
    wide = rng.uniform(0.5, 2.0, (n, 2))
    rows, columns = (np.exp(-(((grid - middle[:, [k]]) / wide[:, [k]]) ** 2)) for k in (0, 1))
    return (2 * rows[:, :, None] * columns[:, None, :] - 1).reshape(n, 49), kinds


def test_an_image_is_led_to_out_of_its_gradient_through_convolutions():
    """From its nearest public images a search at once ends in other minima, of other classes too."""
    torch.manual_seed(3)
    nn = torch.nn
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(36, 4))
    module = module.double().requires_grad_(False)
    network = Network(module, nn.functional.cross_entropy, [n for n, _ in module.named_parameters()], (1, 7, 7), True)
    (X, kinds), (hidden, own) = images(400, 0), (part[2:] for part in images(4, 1))
    theta = 3 * network.vector({name: value.detach() for name, value in module.named_parameters()})
    Y = np.where(kinds[:, None] == np.arange(4), 1.0, -1.0)
    none = np.zeros(len(theta))
    release = NetworkRelease(network, theta, theta[None], X, Y, 400, none, none, 4)
    decoder = Decoder(release, network.gradients(theta, X, kinds[:, None].astype(float)))
    for image, kind in zip(hidden, own, strict=True):
        G = -network.gradients(theta, image[None], np.array([[float(kind)]]))[0]
        known = np.eye(len(G)) * (1e-5 * np.linalg.norm(G)) ** 2
        found = decoder.decode(GradientEstimate(Difference.exact(G[None, :, None]), known, 0.0, False))[0]
        assert found.label == kind
        np.testing.assert_allclose(found.point, image, atol=0.02)


def test_training_leaves_a_saddle_that_it_began_beside():
    rng = np.random.default_rng(5)
    table = people(rng, 400)
    X, Y = np.asarray(table[COLUMNS], dtype=float), np.asarray(table[["label"]], dtype=float)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    module = small(torch, units=2)
    for layer in (module[0].weight, module[0].bias, module[2].weight.T):  # two units that are one, and stay so
        layer.data[1] = layer.data[0]
    names = [name for name, _ in module.named_parameters()]
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    network = Network(module.requires_grad_(False), loss, names, (len(COLUMNS),), False)
    fit = Fit(network, X, Y, np.full(network.parameters, 0.2))

    def bends(theta):
        return np.linalg.eigh(network.hessian(theta, X, Y) + np.diag(fit.l2))

    saddle = train(fit, network.vector(dict(module.named_parameters()))).theta
    values, directions = bends(saddle)
    assert values[0] < -1
    left = retrain(fit, saddle + 1e-4 * directions[:, 0])
    assert left.converged
    assert bends(left.theta)[0].min() > 0


def test_few_parameters_that_are_known_sharply_leave_a_covariance_that_is_one():
    from types import SimpleNamespace

    from undelete.attacker.networks.problem import WEAK, Prior
    from undelete.attacker.networks.view import View

    rng, q = np.random.default_rng(0), 10
    prior = Prior(np.zeros(q), np.eye(q))
    for size in (1e6, 1e9, 1e12):
        for _ in range(20):
            J = rng.normal(size=(6, q)) * np.logspace(0, np.log10(size), 6)[:, None]
            problem = SimpleNamespace(at=lambda u, J=J: (None, np.zeros((1, 6)), J[None]), prior=prior)
            seen = View.about(SimpleNamespace(prior=prior), problem, np.zeros(q), q)
            values = np.linalg.eigvalsh(seen.covariance)
            assert values[0] > -1e-9 * WEAK
            np.testing.assert_allclose(values[-4:], WEAK, rtol=1e-6)  # nothing is said of as many directions
            seen.terms(np.eye(q))
