import numpy as np
import pytest

from skinlab.data.sampling import BalancedSampler, EpochSampler


def test_an_epoch_holds_every_photograph_once_in_an_order_of_its_own() -> None:
    sampler = EpochSampler(50, seed=3)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        assert sorted(orders[-1]) == list(range(50))
        assert list(sampler) == orders[-1]
    assert orders[0] != orders[1] != orders[2]
    resumed = EpochSampler(50, seed=3)
    resumed.set_epoch(2)
    assert list(resumed) == orders[2]
    other = EpochSampler(50, seed=4)
    assert list(other) != orders[0]


def test_ranks_share_an_epoch_without_overlap() -> None:
    parts = [list(EpochSampler(11, 0, rank, 3)) for rank in range(3)]
    assert [len(part) for part in parts] == [3, 3, 3]
    assert len({position for part in parts for position in part}) == 9


@pytest.mark.parametrize("counts", [(80, 15, 5), (7, 1, 1), (3, 3, 3)])
def test_balanced_draws_each_class_equally_often(counts: tuple[int, ...]) -> None:
    targets = np.repeat(np.arange(len(counts)), counts)
    sampler = BalancedSampler(targets, seed=0)
    for epoch in range(4):
        sampler.set_epoch(epoch)
        drawn = np.array(list(sampler))
        assert len(drawn) == len(sampler) == len(targets)
        per_class = np.bincount(targets[drawn])
        assert per_class.max() - per_class.min() <= 1
        for label, count in enumerate(counts):
            times = np.bincount(drawn, minlength=len(targets))[targets == label]
            assert len(times) == count
            assert times.max() - times.min() <= 1


def test_balanced_draws_another_part_of_a_large_class_each_epoch() -> None:
    targets = np.array([0] * 90 + [1] * 10)
    sampler = BalancedSampler(targets, seed=0)
    seen: set[int] = set()
    for epoch in range(12):
        sampler.set_epoch(epoch)
        seen |= set(sampler)
    assert len(seen) == 100


def test_a_class_without_photographs_is_left_out() -> None:
    drawn = list(BalancedSampler(np.array([0, 0, 0, 2]), seed=0))
    assert drawn.count(3) == 2
