import dataclasses

import numpy as np

from tests.attacker.test_decode import columns, encoded
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.release import Release

RNG = np.random.default_rng(0)


def played(seed, n=3000, rows=150, l2=1e-3):
    """Age and its square, a colour that goes with age, a height: deletions of a ridge model."""
    rng = np.random.default_rng(seed)
    X, codes, values = encoded(rng, 2 * n)
    codes[:, 1] = np.where(rng.random(2 * n) < 0.8, codes[:, 0] * 3 // 40, codes[:, 1])
    X[:, 2:5] = np.eye(3)[codes[:, 1]]
    Y = X @ np.random.default_rng(1).normal(size=(7, 1)) + rng.normal(size=(2 * n, 1))
    penalty = np.r_[np.full(6, l2), 0.0]
    objective = Objective(X[:n], Y[:n], LOSSES["squared"], penalty)
    W = fit(objective).W
    release = Release(
        objective.loss, W, retrain_without(objective, W, np.arange(rows)).W, X[n:], Y[n:], n=n, l2=penalty,
        constant=np.eye(7)[-1], columns=columns(), public_codes=codes[n:], public_values=values[n:],
    )  # fmt: skip
    return release, X[:rows], codes[:rows], values[:rows], Y[:rows, 0]


def test_better_than_hrec_and_its_probabilities_hold():
    right, plain, promised, whole, sure, misfit = [], [], [], [], [], []
    for seed in range(4):
        release, X, codes, values, _ = played(seed)
        found, base = hrec_plus(release, RNG), hrec(release, RNG)
        good = np.array(found.status) == "ok"
        right.append((found.codes == codes)[good, :2])
        plain.append((base.codes == codes)[good, :2])
        promised.append(found.probability[good, :2])
        whole.append((found.codes == codes)[good, :2].all(axis=1))
        sure.append(found.record_probability[good] / found.probability[good, 2])
        misfit.append(found.misfit[good] / found.misfit_terms)
        # given age and colour, the rest of the point is nearer too
        assert np.median(np.abs(found.X - X)[good].sum(axis=1)) < np.median(np.abs(base.X - X)[good].sum(axis=1))
        z = (found.values[good, 2] - values[good, 2]) / found.error[good, 2]
        assert 0.5 < np.median(np.abs(z)) / 0.6745 < 2.0
    right, plain, promised = np.concatenate(right), np.concatenate(plain), np.concatenate(promised)
    assert right[:, 0].mean() > plain[:, 0].mean()
    assert right[:, 1].mean() > 0.95
    assert np.abs(right.mean(axis=0) - promised.mean(axis=0)).max() < 0.06
    assert abs(np.concatenate(whole).mean() - np.concatenate(sure).mean()) < 0.06
    assert 0.2 < np.median(np.concatenate(misfit)) < 1.1


def test_the_target_is_nearer_than_hrec_s_and_its_error_holds():
    z, errors = [], []
    for seed in range(4):
        release, *_, Y = played(seed)
        found, base = hrec_plus(release, RNG), hrec(release, RNG)
        good = np.array(found.status) == "ok"
        true = Y[good]
        z.append((found.target[good, 0] - true) / found.target_error[good, 0])
        errors.append([np.abs(one.target[good, 0] - true) for one in (found, base)])
    errors = np.concatenate(errors, axis=1)
    assert np.median(errors[0]) < 0.9 * np.median(errors[1])
    # a mixture over the records that are possible: most errors are small, some are large
    assert 0.6 < np.sqrt(np.mean(np.concatenate(z) ** 2)) < 1.4


def test_bits_are_what_the_prior_had_less_what_is_left():
    release, *_ = played(0)
    found = hrec_plus(release, RNG)
    good = np.array(found.status) == "ok"
    # age, colour that goes with it, and the tenth of the target
    assert np.log2(40) < found.bits_of < np.log2(40 * 3 * 10)
    assert (found.bits[good] <= found.bits_of).all()
    certain = found.record_probability > 0.999
    np.testing.assert_allclose(found.bits[certain], found.bits_of, atol=0.02)
    likeliest = found.candidate_probability[good, 0]
    assert (np.nansum(likeliest, axis=1) <= 1 + 1e-9).all()
    assert (found.candidates[good, 0, 0] == found.codes[good, 0])[likeliest[:, 0] > 0.6].all()


def test_a_change_that_is_no_record_s_has_a_large_misfit():
    release, *_ = played(0)
    change = release.W_before - release.W_after
    noised = (
        release.W_before - change - 0.05 * np.abs(change).max() * np.random.default_rng(0).normal(size=change.shape)
    )
    found = hrec_plus(dataclasses.replace(release, W_after=noised), RNG)
    assert np.nanmedian(found.misfit / found.misfit_terms) > 5


def test_without_raw_columns_it_takes_the_penalty_s_share_and_stays_in_range():
    release, X, *_ = played(0, l2=300.0)
    bare = dataclasses.replace(release, columns=(), public_codes=None, public_values=None)
    plain, better = hrec(bare, RNG), hrec_plus(bare, RNG)
    assert better.attack == "hrec+"
    error = [np.median(np.abs(found.X - X).sum(axis=1)) for found in (plain, better)]
    assert error[1] < error[0]
    unknown = hrec_plus(dataclasses.replace(bare, l2=None), RNG)
    low, high = bare.X_public.min(axis=0), bare.X_public.max(axis=0)
    for found in (better, unknown):
        good = np.array([status == "ok" for status in found.status])
        assert ((found.X[good] >= low) & (found.X[good] <= high)).all()


def test_blocks_do_not_matter_and_nothing_is_kept_from_another_release():
    release, *_ = played(0, rows=80)
    other, *_ = played(1, rows=10)
    whole = hrec_plus(release, RNG)
    hrec_plus(other, RNG)
    parts = [hrec_plus(release.take(part), RNG) for part in (slice(0, 30), slice(30, 80))]
    np.testing.assert_array_equal(np.concatenate([p.codes for p in parts]), whole.codes)
    np.testing.assert_allclose(np.concatenate([p.record_probability for p in parts]), whole.record_probability)
