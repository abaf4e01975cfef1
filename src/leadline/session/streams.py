"""Training from a table on disk: chunks of a `leadline.data.streaming.StreamedTable` as tensors."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.data.streaming import StreamedTable
from leadline.training import Examples, Training


class TableStream:
    """A `leadline.training.Stream` over the training rows of a table on disk."""

    def __init__(self, table: StreamedTable, settings: Training) -> None:
        self.table, self.settings = table, settings
        rows = table.preparation.inputs(table.sample_data)[:4096]
        labels = table.preparation.targets(table.sample_data)[:4096]
        self.sample = Examples.of(rows, labels, settings)

    def __len__(self) -> int:
        return len(self.table)

    def chunks(self, epoch: int, batch_size: int) -> Iterator[Examples]:
        """The training rows of one epoch as tensors on the device of training."""
        for x, y in self.table.arrays(epoch, batch_size):
            yield Examples.of(x, y, self.settings)

    def held_out(self, name: str) -> Examples | None:
        """The dev or test set, None where there is none."""
        arrays = self.table.held_out.get(name)
        return None if arrays is None else Examples.of(*arrays, self.settings)
