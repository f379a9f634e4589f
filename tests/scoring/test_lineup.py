import numpy as np
import pytest

from undelete.scoring.lineup import Lineup


@pytest.mark.parametrize("seed", range(3))
def test_mixes_and_unmixes(seed):
    rng = np.random.default_rng(seed)
    members, others = (rng.normal(size=(30, 2)), rng.normal(size=(30, 1))), (rng.normal(size=(9, 2)), np.zeros((9, 1)))
    lineup = Lineup.mix(members, others, np.random.default_rng(seed))
    X, Y = (np.concatenate(pair) for pair in zip(members, others, strict=True))
    assert not (lineup.candidates.X == X).all()
    for j in range(2):
        np.testing.assert_array_equal(lineup.unmix(np.array(lineup.candidates.X[:, j])), X[:, j])
    both = lineup.unmix(np.stack([lineup.candidates.X[:, 0], lineup.candidates.Y[:, 0]]))
    np.testing.assert_array_equal(both, [X[:, 0], Y[:, 0]])
    assert lineup.member.sum() == 30
    assert lineup.member[:30].all()


def test_the_attack_s_part_keeps_nothing_of_the_tables():
    table = np.arange(40.0).reshape(20, 2)
    lineup = Lineup.mix((table[:10], table[:10, :1]), (table[10:], table[10:, :1]), np.random.default_rng(0))
    for array in (lineup.candidates.X, lineup.candidates.Y):
        assert array.base is None
        assert not array.flags.writeable
    assert set(vars(lineup.candidates)) == {"X", "Y", "offset"}
