"""What a reader of a source is asked for: names of arrays, columns the user spoke of, how images are taken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyarrow import parquet

from leadline.data.sources.arrays import ArrayNames
from leadline.data.sources.images import ImageRequest

Heads = Mapping[Path, parquet.FileMetaData]


@dataclass(frozen=True)
class SourceRequest:
    """What the reader of a source should look for.

    ``inputs`` and ``target`` are names that the user gave, ``likely_inputs`` and ``likely_target`` those of the main
    source, for a further one. ``expected`` are columns that the user spoke of, ``as_text`` those to keep as text.
    Relative paths start from ``folder``. ``labelled``: images are sorted into folders by class. ``heads`` are those of
    Parquet files, by path, that were read already to see how large they are. ``names`` are those of the columns of a
    text table.
    """

    inputs: str | None = None
    target: Any = None
    likely_inputs: str | None = None
    likely_target: str | None = None
    expected: frozenset[str] = frozenset()
    as_text: frozenset[str] = frozenset()
    folder: Path | None = None
    images: ImageRequest = field(default_factory=ImageRequest)
    labelled: bool = True
    heads: Heads = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def arrays(self) -> ArrayNames:
        """The names of arrays among all this; a target that is a file of labels is no array."""
        target = self.target if isinstance(self.target, str) and not self.labels_path() else None
        return ArrayNames(self.inputs, target, self.likely_inputs, self.likely_target)

    def labels_path(self) -> Path | None:
        """The file of labels that the target names, if it names one."""
        if not isinstance(self.target, str):
            return None
        path = (self.folder or Path()) / os.path.expandvars(self.target)
        return path if path.is_file() else None
