"""`undelete.audit` of two networks of which only the last linear layer was fitted: a linear model of its features."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

import undelete
from tests.attacker.networks_played import COLUMNS, people
from undelete import InputError
from undelete.attacker.embedding import decoder, posterior
from undelete.attacker.embedding.posterior import behind_features, reread
from undelete.auditing.heads import read_heads
from undelete.auditing.network_reading import Training
from undelete.maintainer.fit import fit
from undelete.maths.losses import loss_of
from undelete.maths.objective import Objective

torch = pytest.importorskip("torch")
nn = torch.nn

N, ROW, L2, UNITS = 2000, 7, 1.0, 24
LOSSES = {"bce": "logistic", "cross_entropy": "softmax", "mse": "squared"}
TARGETS = {"bce": "label", "cross_entropy": "band", "mse": "pay"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A decoder of few steps, and few records that it is tried on: what both are worth, one test says."""
    monkeypatch.setattr(decoder, "_STEPS", 40)
    monkeypatch.setattr(posterior, "_READS", (24, 24))


@pytest.fixture(scope="module")
def halves():
    rng = np.random.default_rng(5)
    both = people(rng, 2 * N)
    pay = both["hours"] * 0.3 + np.cos(both["age"] / 9) + rng.normal(size=2 * N)
    both = both.assign(pay=pay, band=pd.cut(both["hours"] + 9 * rng.normal(size=2 * N), 3, labels=False).astype(int))
    return both.iloc[:N].reset_index(drop=True), both.iloc[N:].reset_index(drop=True)


@pytest.fixture(scope="module")
def scale(halves):
    return StandardScaler().fit(halves[1][COLUMNS])


def frozen():
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(len(COLUMNS), UNITS), nn.Tanh()).double()


class Net(nn.Module):
    """A trunk, and a head that is its answer."""

    def __init__(self, trunk, outputs):
        super().__init__()
        self.trunk, self.drop, self.head = trunk, nn.Dropout(0.1), nn.Linear(UNITS, outputs).double()

    def forward(self, x):
        return self.head(self.drop(self.trunk(x)))


def targets(table, loss):
    values = table[TARGETS[loss]].to_numpy()
    if loss == "bce":
        return np.where(values == 1, 1.0, -1.0)[:, None]
    return np.eye(3)[values] if loss == "cross_entropy" else values[:, None].astype(float)


def solved(features, table, loss, l2=L2):
    """The optimum (D + 1, k) on features and a constant that is not penalised."""
    X = np.column_stack([features, np.ones(len(features))])
    penalty = np.append(np.full(features.shape[1], l2), 0.0)
    found = fit(Objective(X, targets(table, loss), loss_of(LOSSES[loss]), penalty), tol=1e-13)
    return found.W


def filled(layer, W):
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(W[:-1].T))
        layer.bias.copy_(torch.tensor(W[-1]))


def heads(private, scale, loss, row=ROW):
    """Two modules: the head fitted on all private records, and without one."""
    trunk = frozen()
    with torch.no_grad():
        features = trunk(torch.tensor(scale.transform(private[COLUMNS]))).numpy()
    made = []
    for kept in (np.arange(N), np.delete(np.arange(N), row)):
        W = solved(features[kept], private.iloc[kept], loss)
        net = Net(copy.deepcopy(trunk), W.shape[1])
        filled(net.head, W)
        made.append(net)
    return made, features


def penalty(loss, layer="head"):
    """The same as torch has it: the mean square is twice ours."""
    return {f"{layer}.weight": L2 * (2 if loss == "mse" else 1)}


def audit(nets, halves, scale, of, **given):
    target = TARGETS[of]
    given = dict(features=scale, loss=of, target=target, l2=penalty(of), n=N) | given
    return undelete.audit(*nets, halves[1][[*COLUMNS, target]], **given)


@pytest.fixture(scope="module", params=LOSSES)
def played(request, halves, scale):
    return request.param, *heads(halves[0], scale, request.param)


def test_a_head_is_found_and_the_record_behind_its_features_comes_back(played, halves, scale):
    loss, nets, features = played
    truth = halves[0].iloc[[ROW]]
    found = audit(nets, halves, scale, loss, truth=truth)
    assert found.document()["model"]["moved"] == ["head.weight", "head.bias"]
    assert any("those of the last layer" in text and f"{UNITS} features" in text for text in found.warnings)
    assert any("Dropout" in text for text in found.warnings)
    assert found.release.embedding.features == UNITS
    best = found.found["hrec+"]
    mean = found.release.X_public.mean(axis=0)[:-1]
    off, own = best.X[0, :-1] - mean, features[ROW] - mean
    assert off @ own / np.linalg.norm(off) / np.linalg.norm(own) > 0.97
    assert found.summary().loc["hrec+", "median_centred_cosine"] > 0.97
    assert "EXPOSED" in found.verdict.word
    if loss != "mse":
        assert found.records[TARGETS[loss]].iloc[0] == truth[TARGETS[loss]].iloc[0]
    assert all(check.ok is not False for check in found.diagnostics)


def test_a_penalty_ten_times_too_large_is_seen(played, halves, scale):
    loss, nets, _ = played
    right, wrong = (
        audit(nets, halves, scale, loss, l2={name: times * l2 for name, l2 in penalty(loss).items()}, attacks=("avg",))
        for times in (1, 10)
    )
    before, after = (
        next(check for check in audited.diagnostics if check.name == "Penalty") for audited in (right, wrong)
    )
    assert before.ok is not False
    times = [float(check.value.split(" ")[0]) for check in (before, after)]
    assert times[1] == pytest.approx(times[0] / 10, abs=0.1)
    assert after.ok is False
    assert "name the penalty of the training" in after.text


def test_with_the_private_records_in_place_of_public_ones_the_features_are_exact(halves, scale):
    nets, features = heads(halves[0], scale, "mse")
    exact = audit(nets, (None, halves[0]), scale, "mse", attacks=("hrec+",)).found["hrec+"]
    np.testing.assert_allclose(exact.X[0, :-1], features[ROW], atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_linear_model_written_as_a_module_is_the_linear_model(loss, halves, scale):
    private, public = halves
    W = [solved(scale.transform(t[COLUMNS]), t, loss) for t in (private, private.drop(index=ROW))]
    nets = []
    for own in W:
        nets.append(nn.Sequential(nn.Flatten(), nn.Linear(len(COLUMNS), own.shape[1])).double())
        filled(nets[-1][1], own)
    classes = {"bce": [0, 1], "cross_entropy": [0, 1, 2], "mse": None}[loss]
    whole = public.assign(**dict(zip(COLUMNS, scale.transform(public[COLUMNS]).T, strict=True)))
    given = dict(l2=penalty(loss, "1"), attacks=("hrec+", "hrec"))
    found = audit(nets, (None, whole), None, loss, **given)
    assert found.release.embedding is None
    models = [undelete.LinearModel(w[:-1].T, w[-1], LOSSES[loss], COLUMNS, classes=classes, l2=L2) for w in W]
    alone = undelete.audit(
        *models, whole[[*COLUMNS, TARGETS[loss]]], target=TARGETS[loss], n=N, attacks=given["attacks"]
    )
    for name in ("hrec", "hrec+"):
        np.testing.assert_allclose(found.found[name].X, alone.found[name].X, atol=1e-8)
        np.testing.assert_allclose(found.found[name].target, alone.found[name].target, atol=1e-8)


def test_two_outputs_of_two_classes_are_one(halves, scale):
    nets, _ = heads(halves[0], scale, "bce")
    single = audit(nets, halves, scale, "bce", attacks=("hrec+",))
    both = []
    for net in nets:
        double = Net(net.trunk, 2)
        w, b = net.head.weight.detach().numpy(), net.head.bias.detach().numpy()
        filled(double.head, np.vstack([np.hstack([-w.T, w.T]) / 2, np.append(-b, b) / 2]))
        both.append(double)
    weight = {"head.weight": 2 * L2}
    found = audit(both, halves, scale, "bce", loss="cross_entropy", l2=weight, attacks=("hrec+",))
    np.testing.assert_allclose(found.found["hrec+"].inputs, single.found["hrec+"].inputs, atol=1e-8)


def test_a_loss_is_known_by_its_derivatives_whatever_it_is_called():
    from undelete.adapters.head import recognised
    from undelete.adapters.torch_loss import Loss

    own = nn.functional
    assert recognised(Loss.of(nn.MSELoss(reduction="sum")), 2) == ("squared", pytest.approx(2))
    assert recognised(Loss.of("mse"), 2) == ("squared", pytest.approx(1))
    assert recognised(Loss.of(lambda z, y: 5 * (z - y) ** 2), 1) == ("squared", pytest.approx(10))
    assert recognised(Loss.of("poisson_nll"), 1) == ("poisson", pytest.approx(1))
    assert recognised(Loss.of(nn.CrossEntropyLoss()), 3) == ("softmax", pytest.approx(1))
    assert recognised(Loss.of(nn.CrossEntropyLoss(label_smoothing=0.1)), 3) is None
    assert recognised(Loss.of(nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 1.0]).double())), 3) is None
    assert recognised(Loss.of(lambda z, y: own.huber_loss(z, y)), 1) is None


def test_files_of_parameters_give_the_same_and_a_release_its_net(halves, scale, tmp_path):
    file = pytest.importorskip("safetensors.torch")
    nets, _ = heads(halves[0], scale, "mse")
    for name, net in zip(("before", "after"), nets, strict=True):
        file.save_file(net.state_dict(), tmp_path / f"{name}.safetensors")
    places = [tmp_path / "before.safetensors", tmp_path / "after.safetensors"]
    given = dict(architecture=lambda: Net(frozen(), 1), attacks=("hrec",))
    found = audit(places, halves, scale, "mse", **given)
    direct = audit(nets, halves, scale, "mse", attacks=("hrec",))
    np.testing.assert_allclose(found.found["hrec"].inputs, direct.found["hrec"].inputs, rtol=1e-12)
    found.release.save(tmp_path / "release.npz")
    with pytest.raises(InputError, match="behind a frozen net"):
        undelete.Release.load(tmp_path / "release.npz")
    again = undelete.Release.load(tmp_path / "release.npz", embedding=found.release.embedding)
    np.testing.assert_array_equal(again.X_public, found.release.X_public)
    model = undelete.LinearModel([1.0] * UNITS, 0.0, "squared", COLUMNS, embedding=found.release.embedding)
    with pytest.raises(InputError, match="no file holds a net's architecture"):
        undelete.save_model(model, tmp_path / "model.npz")
    with pytest.raises(InputError, match="does not take records of 3"):
        undelete.FrozenNet(frozen(), (3,)).transform(np.ones((1, 3)))


def test_where_more_than_the_head_moved_or_it_is_not_the_answer_it_is_no_head(halves, scale):
    nets, _ = heads(halves[0], scale, "bce")

    def head(before, after):
        table = halves[1][[*COLUMNS, "label"]]
        training = Training("bce", N, L2, None)
        return read_heads(before, after, table, training, features=scale, target="label", image=None)

    assert head(*nets).pair.network.moved == ("head.weight", "head.bias")
    other = copy.deepcopy(nets[1])
    with torch.no_grad():
        other.trunk[0].bias += 1e-6
    assert head(nets[0], other) is None
    squashed = [nn.Sequential(net, nn.Softsign()) for net in nets]
    assert head(*squashed) is None
    held = copy.deepcopy(nets[1])
    held.head.bias = nn.Parameter(nets[0].head.bias.detach().clone())  # a constant that was not fitted
    assert head(nets[0], held) is None


def test_the_penalty_of_the_mean_loss_and_coarse_digits_are_counted(halves, scale):
    nets, _ = heads(halves[0], scale, "bce")
    mean = audit(nets, halves, scale, "bce", l2=None, weight_decay={"head.weight": L2 / N}, attacks=("hrec+",))
    assert mean.release.l2[:-1] == pytest.approx(L2)
    assert mean.release.penalty_change is not None
    none = audit(nets, halves, scale, "bce", l2=None, attacks=("hrec+",))
    assert ["No penalty was named" in " ".join(one.warnings) for one in (mean, none)] == [False, True]
    half = audit([copy.deepcopy(net).bfloat16() for net in nets], halves, scale, "bce", attacks=("hrec+",))
    assert half.verdict.word == "NOT DECIDABLE"
    assert any(check.name == "Digits of the parameters" and not check.ok for check in half.diagnostics)
    single = audit([copy.deepcopy(net).float() for net in nets], halves, scale, "bce", attacks=("hrec+",))
    assert all(check.ok is not False for check in single.diagnostics)


def test_a_head_that_was_not_trained_to_the_end_is_not_decidable(halves, scale):
    nets, _ = heads(halves[0], scale, "bce")
    rng, after = np.random.default_rng(0), copy.deepcopy(nets[1])
    with torch.no_grad():
        size = float((after.head.weight - nets[0].head.weight).abs().max())
        after.head.weight += torch.tensor(size * rng.normal(size=after.head.weight.shape))
    assert audit((nets[0], after), halves, scale, "bce", attacks=("hrec+",)).verdict.word == "NOT DECIDABLE"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(loss=None), "the loss that the networks were trained with is not known"),
        (dict(l2={"nothing": 1.0}), "no parameter of the network"),
        (dict(weight_decay=1.0), "give one of them"),
        (dict(n=1), "at least 2"),
        (dict(target=None), "name the target column"),
        (dict(features=lambda table: table[["age"]]), "does not take records of 1 numbers"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(halves, scale, given, message):
    nets, _ = heads(halves[0].head(N), scale, "bce")
    with pytest.raises(InputError, match=message) as error:
        audit(nets, halves, scale, "bce", **given)
    assert "\n" not in str(error.value)


def lossy(rng, m, d0=80, units=12):
    """A net that loses most of what a record has, and records that have less than they have numbers."""
    from undelete.maths.frozen import FrozenNet

    torch.manual_seed(0)
    phi = FrozenNet(nn.Sequential(nn.Linear(d0, units), nn.ReLU()), (d0,))
    hidden = rng.normal(size=(m, 6))
    return phi, np.tanh(hidden @ np.random.default_rng(1).normal(size=(6, d0))) + 0.1 * rng.normal(size=(m, d0))


def released(phi, X):
    W = np.zeros((phi.features + 1, 1))
    return undelete.Release(
        loss_of("logistic"), W, W[None] + 1.0, np.column_stack([phi.transform(X), np.ones(len(X))]), None, len(X),
        constant=np.eye(phi.features + 1)[-1], target_kind="class", embedding=phi, inputs_public=X,
    )  # fmt: skip


def test_a_decoder_beats_the_linear_map_and_says_how_much_it_misses(monkeypatch):
    monkeypatch.setattr(decoder, "_STEPS", 300)
    monkeypatch.setattr(posterior, "_READS", (24, 48))
    rng = np.random.default_rng(0)
    phi, X = lossy(rng, 3200)
    public, others = X[:2200], X[2200:]
    release = released(phi, public)
    net = decoder.decoder(release)
    assert decoder.decoder(release) is net  # trained once
    F = phi.transform(others)
    for size in (1e-4, 0.1):
        noise = np.full(len(others), size)
        seen = F + rng.normal(size=F.shape) @ np.linalg.cholesky(size * np.cov(F.T)).T
        off = np.sqrt(((net.apply(seen, noise).records - others) ** 2).mean(axis=0))
        linear = np.linalg.lstsq(np.c_[phi.transform(public), np.ones(2200)], public, rcond=None)[0]
        plain = np.sqrt(((np.c_[seen, np.ones(len(F))] @ linear - others) ** 2).mean(axis=0))
        assert off.mean() < 0.95 * plain.mean()
        assert off.mean() == pytest.approx(net.apply(seen[:1], noise[:1]).error.mean(), rel=0.1)
    start = net.apply(F, np.full(len(F), 1e-4)).records
    found = net.search(1e-4).run(F, start, np.full(len(F), 1e-4), about_start=True)
    before = np.linalg.norm(F - phi.transform(start), axis=1)
    assert np.median(found.distance) < 0.5 * np.median(before)  # its features are those that were recovered
    assert np.linalg.norm(found.inputs - others) < np.linalg.norm(start - others)
    few, error = F[:200], np.sqrt(0.1 * np.diag(np.cov(F.T)))
    seen = few + 0.1**0.5 * rng.normal(size=few.shape) @ np.linalg.cholesky(np.cov(F.T)).T
    found = behind_features(release, seen, np.full(len(few), (error**2).sum()))
    found = dataclasses.replace(found, features=seen, features_error=np.broadcast_to(error, seen.shape))
    better = reread(release, found)
    assert np.linalg.norm(better.features - few) < 0.9 * np.linalg.norm(seen - few)
    assert 0.6 < (((better.features - few) / better.features_error) ** 2).mean() < 1.2


def test_where_the_class_is_known_the_record_is_looked_for_among_its_own(monkeypatch):
    monkeypatch.setattr(decoder, "_STEPS", 100)
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    turned = nn.Linear(6, 3).double()
    phi = undelete.FrozenNet(nn.Sequential(turned, nn.Tanh()), (6,))

    def records(m):
        y = rng.integers(2, size=m)
        X = 0.1 * rng.normal(size=(m, 6))
        alike = np.where(y[:, None] == 1, X[:, [0, 1, 2, 0, 1, 2]], X[:, [0, 1, 2, 2, 0, 1]])
        return alike + 0.02 * X + y[:, None] * np.array([1.0, -1, 1, 1, -1, 1]), y

    (X, y), (others, own) = records(2000), records(200)
    release = dataclasses.replace(released(phi, X), Y_public=np.where(y == 1, 1.0, -1.0)[:, None])
    F, small = phi.transform(others), np.full(len(others), 1e-6)

    def missed(classes):
        return float(((behind_features(release, F, small, classes).inputs - others) ** 2).mean())

    assert missed(own) < 0.2 * missed(None)
    # what is said of the class is not believed where the features say otherwise
    assert missed(1 - own) == pytest.approx(missed(None), rel=0.1)
    found = behind_features(release, F, small, own)
    assert 0.3 < (((found.inputs - others) / found.error) ** 2).mean() < 1.5
    few = dataclasses.replace(release, Y_public=np.where(np.arange(len(X)) < 90, 1.0, -1.0)[:, None])
    again = dataclasses.replace(few, X_public=few.X_public.copy())  # nothing is kept of the release before
    seen, plain = (behind_features(again, F, small, one).inputs for one in (np.ones(len(F), dtype=int), None))
    np.testing.assert_allclose(seen, plain)  # of too few public records a class has no map


def test_an_image_behind_a_convolution_comes_back_with_error_bars_and_a_picture():
    from undelete.auditing.words import Words
    from undelete.data.schema import ImageInfo, Schema

    rng = np.random.default_rng(3)
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Conv2d(1, 4, 5, stride=3), nn.ReLU(), nn.Flatten()).double()
    side = 17
    at = np.arange(side)

    def images(m):
        cx, cy, size = rng.uniform(4, 12, m), rng.uniform(4, 12, m), rng.uniform(2, 5, m)
        square = (at[None, :, None] - cx[:, None, None]) ** 2 + (at[None, None, :] - cy[:, None, None]) ** 2
        X = np.exp(-square / size[:, None, None] ** 2) + 0.02 * rng.normal(size=(m, side, side))
        return X.reshape(m, -1), (size + 0.5 * rng.normal(size=m) > 3.5).astype(int)

    (X, y), (P, yp) = images(1200), images(1500)
    with torch.no_grad():
        F = trunk(torch.tensor(X).reshape(-1, 1, side, side)).numpy()
    table = pd.DataFrame(P, columns=[f"p{j}" for j in range(side**2)]).assign(label=yp)
    nets = []
    for kept in (np.arange(1200), np.arange(1, 1200)):
        W = solved(F[kept], pd.DataFrame({"label": y[kept]}), "bce")
        head = nn.Linear(F.shape[1], 1).double()
        filled(head, W)
        nets.append(nn.Sequential(*copy.deepcopy(trunk), head))
    truth = pd.DataFrame(X[:1], columns=table.columns[:-1]).assign(label=y[:1])
    image = Words(schema=Schema(image=ImageInfo((side, side), 0.0, 1.0)))
    given = dict(target="label", loss="bce", l2={"3.weight": L2}, n=1200, words=image)
    blind = undelete.audit(*nets, table, **given)
    assert blind.release.embedding.shape == (1, side, side)
    assert all(check.ok is not False for check in blind.diagnostics)
    assert blind.verdict.word in ("EXPOSED", "PARTLY EXPOSED")
    known = undelete.audit(*nets, table, **given, truth=truth)
    np.testing.assert_array_equal(known.found["hrec+"].inputs, blind.found["hrec+"].inputs)
    assert known.exposure[0] > 0.9
    assert abs(known.exposure[0] - blind.exposure[0]) < 0.15
    assert known.pictured is not None
    best = known.found["hrec+"]
    off = (best.features[0] - F[0]) / np.where(best.features_error[0] > 0, best.features_error[0], 1.0)
    assert (off**2).mean() < 4


def test_of_a_ready_vector_the_nearest_public_records_are_the_answer_whatever_the_penalty():
    rng, D = np.random.default_rng(4), 24
    topics = rng.normal(size=(4, D))

    def vectors(m):
        topic = rng.integers(4, size=m)
        E = topics[topic] + 0.7 * rng.normal(size=(m, D))
        return E / np.linalg.norm(E, axis=1, keepdims=True), topic

    (X, topic), (P, other) = vectors(900), vectors(900)
    P[17], other[17] = X[3] + 0.02 * rng.normal(size=D), topic[3]  # nearly the same sentence
    design, Y, l2 = np.column_stack([X, np.ones(900)]), np.eye(4)[topic], np.append(np.ones(D), 0.0)
    loss = loss_of("softmax")
    W = [
        fit(Objective(design[kept], Y[kept], loss, l2), tol=1e-12).W
        for kept in (range(900), [*range(3), *range(4, 900)])
    ]
    names = [f"e{j}" for j in range(D)]
    before, after = (undelete.LinearModel(w[:-1].T, w[-1], "softmax", names, classes=[0, 1, 2, 3], l2=1.0) for w in W)
    public = pd.DataFrame(P, columns=names).assign(topic=other)
    found = undelete.audit(before, after, public, target="topic", n=900)
    assert found.records["topic"].iloc[0] == topic[3]
    nearest = found.nearest(3)
    assert nearest["row"].iloc[0] == 17
    assert nearest["centred_cosine"].is_monotonic_decreasing
    assert nearest["centred_cosine"].iloc[0] > 0.95
    # half of the change is the penalty's, and the number of records that it implies counts that
    size = next(check for check in found.diagnostics if check.name == "Implied number of records")
    assert size.ok
    with pytest.raises(InputError, match="at least one"):
        found.nearest(0)


def test_a_head_into_which_adapters_were_merged_is_refused(halves, scale):
    before = heads(halves[0], scale, "cross_entropy")[0][0]
    after = copy.deepcopy(before)
    with torch.no_grad():
        after.head.weight += 1e-4 * torch.tensor([1.0, -2.0, 0.5]).double()[:, None] * torch.arange(UNITS)
    with pytest.raises(InputError, match=r"head\.weight has rank 1"):
        audit((before, after), halves, scale, "cross_entropy")
