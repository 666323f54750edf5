"""Order of the training photographs, from (seed, epoch) alone: a resumed run repeats it exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler


class EpochSampler(Sampler[int]):
    """Every photograph once an epoch, in an order drawn from (seed, epoch).

    Lightning calls `set_epoch` before each epoch. With several ranks, each takes every n-th, and
    all take equally many (the last ones are dropped).
    """

    def __init__(self, count: int, seed: int, rank: int = 0, ranks: int = 1) -> None:
        """Take how many photographs there are, and which part of them is this rank's."""
        self.count, self.seed, self.epoch = count, seed, 0
        self.rank, self.ranks = rank, ranks

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return how many are drawn."""
        return self.count // self.ranks

    def __iter__(self) -> Iterator[int]:
        """Yield positions in the training split."""
        order = self.order(np.random.default_rng([self.seed, self.epoch]))
        yield from order[self.rank :: self.ranks][: len(self)].tolist()

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return ``(count,)`` positions of all ranks."""
        return rng.permutation(self.count)


class BalancedSampler(EpochSampler):
    """Each class equally often, as many in all as there are photographs.

    Within a class the photographs take turns: over an epoch, two of a class differ by one at most
    in how often they are drawn. Classes without a photograph are left out.
    """

    def __init__(
        self, targets: NDArray[np.int64], seed: int, rank: int = 0, ranks: int = 1
    ) -> None:
        """Take the class of each training photograph."""
        super().__init__(len(targets), seed, rank, ranks)
        self.members = [np.flatnonzero(targets == label) for label in np.unique(targets)]

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return ``(count,)`` positions of all ranks."""
        shares = np.full(len(self.members), self.count // len(self.members))
        # What does not divide goes to classes drawn anew each epoch.
        shares[rng.permutation(len(shares))[: self.count % len(self.members)]] += 1
        drawn = [
            np.concatenate([rng.permutation(rows) for _ in range(-(-share // len(rows)))])[:share]
            for rows, share in zip(self.members, shares.tolist(), strict=True)
        ]
        return rng.permutation(np.concatenate(drawn))
