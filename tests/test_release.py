import subprocess
import sys

import numpy as np
import pytest

from tests.attacker.test_decode import columns, encoded
from undelete.errors import InputError
from undelete.maths.embeddings import RandomFourierFeatures, embed
from undelete.maths.losses import LOSSES
from undelete.release.release import Release


def make(**more):
    X, codes, values = encoded(np.random.default_rng(0), 50)
    rng = np.random.default_rng(1)
    fields = dict(
        W_before=rng.normal(size=(7, 1)), W_after=rng.normal(size=(3, 7, 1)),
        X_public=X, Y_public=rng.normal(size=(50, 1)), n=50,
        constant=np.eye(7)[-1], columns=columns(), public_codes=codes, public_values=values,
    )  # fmt: skip
    return Release(LOSSES["squared"], **(fields | more))


def test_holds_copies_that_cannot_be_written_and_carry_nothing_else():
    private = np.random.default_rng(0).normal(size=(500, 7))
    release = make(X_public=private[:50])
    for array in (release.X_public, release.W_after, release.columns[0].terms):
        assert array.base is None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    before = release.X_public.copy()
    private[:] = 0
    np.testing.assert_array_equal(release.X_public, before)


def test_survives_a_file(tmp_path):
    release = make()
    release.save(tmp_path / "release.npz")
    again = Release.load(tmp_path / "release.npz")
    for field in ("W_before", "W_after", "X_public", "Y_public", "constant", "public_codes", "public_values"):
        np.testing.assert_array_equal(getattr(again, field), getattr(release, field))
    assert (again.n, again.loss, again.target_kind) == (50, release.loss, "number")
    assert [c.name for c in again.columns] == ["age", "colour", "height"]
    assert again.columns[1].values.tolist() == ["blue", "green", "red"]
    assert again.columns[2].slope == 10.0
    assert list(tmp_path.iterdir()) == [tmp_path / "release.npz"]


def embedded():
    """The same records before a random embedding, and models of its features."""
    rng = np.random.default_rng(2)
    plain = make()
    phi = RandomFourierFeatures.draw(7, 20, 2.0, rng)
    W = rng.normal(size=(21, 1))
    return make(
        W_before=W, W_after=W + 0.01 * rng.normal(size=(3, 21, 1)), X_public=embed(phi, plain.X_public), embedding=phi,
        inputs_public=plain.X_public, constant=np.eye(21)[-1],
    )  # fmt: skip


@pytest.mark.parametrize("made", [make, embedded])
def test_attack_in_a_fresh_interpreter_that_has_only_the_release(made, tmp_path):
    """Bit-identical output, and the private side is not even imported."""
    from undelete.attacker.hrec import hrec

    release = made()
    release.save(tmp_path / "release.npz")
    here = hrec(Release.load(tmp_path / "release.npz"), np.random.default_rng(0))
    assert "ok" in here.status
    program = (
        "import sys, numpy as np\n"
        "from undelete.release.release import Release\n"
        "from undelete.attacker.hrec import hrec\n"
        "found = hrec(Release.load('release.npz'), np.random.default_rng(0))\n"
        "private = ('undelete.maintainer', 'undelete.scoring', 'undelete.data', 'pandas', 'sklearn')\n"
        "private = [m for m in sys.modules if m.startswith(private)]\n"
        "assert not private, private\n"
        "np.savez('found.npz', X=found.records, target=found.target, probability=found.probability)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    with np.load(tmp_path / "found.npz") as there:
        assert there["X"].tobytes() == here.records.tobytes()
        assert there["target"].tobytes() == here.target.tobytes()
        assert there["probability"].tobytes() == here.probability.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W_after": np.zeros((3, 6, 1))}, "each model after a deletion must have the old model's shape"),
        ({"X_public": np.zeros((50, 3))}, "the model has 7 features"),
        ({"X_public": np.zeros((0, 7))}, "no public records"),
        ({"Y_public": np.zeros((49, 1))}, r"Y_public has shape \(49, 1\), expected \(50, 1\)"),
        ({"W_before": np.full((7, 1), np.nan)}, "W_before has values that are not finite"),
        ({"public_codes": None}, "public_codes must have shape"),
    ],
)
def test_refuses_what_does_not_fit(change, message):
    with pytest.raises(InputError, match=message):
        make(**change)


def test_refuses_a_file_that_is_no_release(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK not really")
    np.savez(tmp_path / "b.npz", meta=np.array('{"format": "other/9"}'))
    with pytest.raises(InputError, match="is not a release written by undelete"):
        Release.load(tmp_path / "a.npz")
    with pytest.raises(InputError, match="has format 'other/9'"):
        Release.load(tmp_path / "b.npz")
