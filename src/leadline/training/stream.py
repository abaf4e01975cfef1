"""Training sets that are not in memory: the smallest thing a training loop needs to know about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from leadline.training.trainer import Examples


@runtime_checkable
class Stream(Protocol):
    """A training set that comes in chunks, shuffled already; `leadline.data.streaming.table` has some.

    ``sample`` are a few examples, for shapes and checks. ``chunks`` visits every example once in an epoch, in another
    order for every ``epoch``; all chunks but the last are multiples of the batch, and each is valid until the next.
    """

    sample: Examples

    def __len__(self) -> int:
        """Number of examples in an epoch."""
        ...

    def chunks(self, epoch: int, batch_size: int) -> Iterator[Examples]:
        """The examples of one epoch."""
        ...
