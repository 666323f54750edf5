import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skinlab.augment.draw import Draws, Slot

KEYS = st.integers(0, 2**63 - 1)


@given(st.lists(KEYS, min_size=1, max_size=8), st.integers(0, 2**31), st.integers(0, 1000))
def test_a_samples_numbers_do_not_depend_on_its_neighbors(
    keys: list[int], seed: int, epoch: int
) -> None:
    together = Draws.of(keys, seed, epoch).numbers
    for row, key in enumerate(keys):
        assert (Draws.of([key], seed, epoch).numbers[0] == together[row]).all()


@given(KEYS, st.integers(0, 2**31), st.integers(0, 1000))
def test_another_seed_epoch_or_sample_gives_other_numbers(key: int, seed: int, epoch: int) -> None:
    here = Draws.of([key], seed, epoch).numbers
    for other in ((key + 1, seed, epoch), (key, seed + 1, epoch), (key, seed, epoch + 1)):
        assert not np.intersect1d(here, Draws.of([other[0]], *other[1:]).numbers).size


def test_the_numbers_are_uniform_and_uncorrelated() -> None:
    numbers = Draws.of(range(4000), 0, 0).numbers
    for slot in Slot:
        assert stats.kstest(numbers[:, slot], "uniform").pvalue > 1e-4
    correlation = np.corrcoef(numbers.T) - np.eye(len(Slot))
    assert np.abs(correlation).max() < 0.08
    later = Draws.of(range(4000), 0, 1).numbers
    assert abs(np.corrcoef(numbers[:, 0], later[:, 0])[0, 1]) < 0.08


def test_the_numbers_of_today_are_those_of_tomorrow() -> None:
    # A change of these would break every resumed run.
    assert Draws.of([7], 1, 2).numbers[0, :3].round(12).tolist() == [
        0.646921831067,
        0.869062742324,
        0.685079825081,
    ]
