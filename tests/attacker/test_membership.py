import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from tests.conftest import people
from undelete.attacker.member.lira import confidence, lira
from undelete.errors import InputError
from undelete.maths.losses import LOSSES
from undelete.release.candidates import Candidates


def make(name="logistic", c=40, d=4, k=1, shadows=9, seed=0):
    rng = np.random.default_rng(seed)
    X, Y = people(rng, c, d, k, name)
    W = rng.normal(size=(d, k))
    return LOSSES[name], W, W + 0.1 * rng.normal(size=(shadows, d, k)), Candidates(X, Y)


@pytest.mark.parametrize("classes", [2, 4])
def test_confidence_is_the_logit_of_the_predicted_probability(classes):
    rng = np.random.default_rng(0)
    X, label = rng.normal(size=(200, 3)), rng.integers(classes, size=200)
    model = LogisticRegression().fit(X, label)
    p = model.predict_proba(X)[np.arange(200), label]
    Z = X @ model.coef_.T + model.intercept_
    if classes == 2:
        found = confidence(LOSSES["logistic"], np.where(label == 1, 1.0, -1.0)[:, None], Z)
    else:
        found = confidence(LOSSES["softmax"], np.eye(classes)[label], Z)
    np.testing.assert_allclose(found, np.log(p / (1 - p)), atol=1e-9)


def test_confidence_does_not_overflow_where_the_probability_does():
    Z = np.array([[800.0, 0.0, -800.0]])
    assert confidence(LOSSES["softmax"], np.eye(3)[[0]], Z)[0] == pytest.approx(800.0)
    assert confidence(LOSSES["softmax"], np.eye(3)[[2]], Z)[0] == pytest.approx(-1600.0)


def test_margins_and_residuals():
    hinge, squared = LOSSES["squared_hinge"], LOSSES["squared"]
    assert confidence(hinge, np.array([[-1.0]]), np.array([[0.3]])).tolist() == [-0.3]
    assert confidence(hinge, np.array([[-1.0, 1.0, -1.0]]), np.array([[0.5, 2.0, -1.0]])).tolist() == [1.5]
    assert confidence(squared, np.array([[3.0]]), np.array([[1.0]])).tolist() == [-2.0]
    assert confidence(squared, np.array([[3.0, 0.0]]), np.array([[0.0, 4.0]])).tolist() == [-5.0]


@pytest.mark.parametrize("variance", ["global", "record"])
@pytest.mark.parametrize(("name", "k"), [("squared", 1), ("squared", 2), ("logistic", 1), ("softmax", 3)])
def test_equals_a_naive_twin(name, k, variance):
    loss, W, shadows, candidates = make(name, k=k)
    unseen = np.array([confidence(loss, candidates.Y, candidates.X @ one) for one in shadows])
    above = confidence(loss, candidates.Y, candidates.X @ W) - unseen.mean(axis=0)
    spread = unseen.std(axis=0, ddof=1)
    if variance == "global":
        spread = np.sqrt(np.mean(spread**2))
    # Carlini et al.'s statistic is one minus the normal tail, of which the score is the quantile
    statistic = norm.cdf(lira(loss, W, shadows, candidates, variance=variance))
    np.testing.assert_allclose(statistic, 1 - norm.sf(above / spread), atol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    given = make()
    whole = lira(*given)
    monkeypatch.setattr("undelete.attacker.member.lira._BLOCK_NUMBERS", 60)
    np.testing.assert_allclose(lira(*given), whole, atol=1e-12)


@pytest.mark.parametrize("variance", ["global", "record"])
def test_the_order_of_the_candidates_says_nothing(variance):
    loss, W, shadows, candidates = make(c=101)
    scores = lira(loss, W, shadows, candidates, variance=variance)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(101)
        mixed = lira(loss, W, shadows, Candidates(candidates.X[order], candidates.Y[order]), variance=variance)
        np.testing.assert_allclose(mixed, scores[order], atol=1e-12)


def test_where_all_shadows_agree_nothing_is_said():
    loss, W, shadows, _ = make()
    candidates = Candidates(np.zeros((2, 4)), np.ones((2, 1)))
    assert lira(loss, W, shadows, candidates, variance="record").tolist() == [0.0, 0.0]


def test_the_attack_in_a_fresh_interpreter_that_has_no_private_side(tmp_path):
    """All it is given fits in one file: parameters, and candidates of whom nothing says who is who."""
    loss, W, shadows, candidates = make()
    np.savez(tmp_path / "seen.npz", W=W, shadows=shadows, X=candidates.X, Y=candidates.Y)
    program = (
        "import sys, numpy as np\n"
        "from undelete.attacker.member.lira import lira\n"
        "from undelete.maths.losses import LOSSES\n"
        "from undelete.release.candidates import Candidates\n"
        "seen = np.load('seen.npz')\n"
        "scores = lira(LOSSES['logistic'], seen['W'], seen['shadows'], Candidates(seen['X'], seen['Y']))\n"
        "private = ('undelete.maintainer', 'undelete.scoring', 'undelete.data', 'pandas', 'sklearn')\n"
        "private = [m for m in sys.modules if m.startswith(private)]\n"
        "assert not private, private\n"
        "np.save('scores.npy', scores)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert np.load(tmp_path / "scores.npy").tobytes() == lira(loss, W, shadows, candidates).tobytes()


def test_refusals():
    loss, W, shadows, candidates = make()
    with pytest.raises(InputError, match="there are 1 shadow models: their spread needs two at least, 64 are usual"):
        lira(loss, W, shadows[:1], candidates)
    with pytest.raises(InputError, match=r"variance is 'each': it is global \(one for all records\) or record"):
        lira(loss, W, shadows, candidates, variance="each")
    with pytest.raises(InputError, match="there are 2 candidates and 1 targets: give one each"):
        Candidates(np.zeros((2, 3)), np.zeros((1, 1)))
    with pytest.raises(InputError, match="there are 0 candidates and 0 targets"):
        Candidates(np.zeros((0, 3)), np.zeros((0, 1)))
    with pytest.raises(InputError, match=r"candidates' Y must be a table of finite numbers, got shape \(2, 1\)"):
        Candidates(np.zeros((2, 3)), np.array([[0.0], [np.nan]]))
    with pytest.raises(InputError, match=r"candidates' X must be a table of finite numbers, got shape \(3,\)"):
        Candidates(np.zeros(3), np.zeros((3, 1)))


def test_candidates_are_copies_and_read_only():
    table = np.arange(12.0).reshape(6, 2)
    candidates = Candidates(table[::2], table[::2, :1])
    assert candidates.X.base is None
    assert not candidates.X.flags.writeable
    table[:] = 0
    assert candidates.X[1].tolist() == [4.0, 5.0]
