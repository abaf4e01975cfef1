"""Series as rows of numbers: each channel normalized over all steps of the training series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.data.normalization import ArrayEncoder, location, scaled
from leadline.data.sources.series import series_lengths
from leadline.errors import LeadlineError


@dataclass(frozen=True, eq=False)
class SeriesEncoder(ArrayEncoder):
    """(x − center) / scale with one pair for each channel; steps past the end of a series become 0.

    ``shape`` is (steps, channels). With ``ragged``, where training series differ in length, each row ends with the
    number of its steps, as `leadline.network.Series` takes it; a longer series is cut. Without it all have ``steps``.
    """

    ragged: bool = False

    @property
    def width(self) -> int:
        """Values of one example."""
        return super().width + self.ragged

    @property
    def outputs(self) -> tuple[str, ...]:
        """A name for every value."""
        return (*super().outputs, *([f"{self.name} length"] if self.ragged else []))

    def encode(self, values: np.ndarray, indices: np.ndarray | None, dtype: np.dtype) -> np.ndarray:
        """Rows of ``values`` (n, any number of steps, channels), ``dtype`` (m, width)."""
        steps, channels = self.shape
        values = values if indices is None else values[indices]
        lengths = series_lengths(values)
        wrong = np.flatnonzero(lengths != steps) if not self.ragged else np.flatnonzero(lengths == 0)
        if len(wrong):
            raise LeadlineError(
                f"series {int(wrong[0]) + 1} has {lengths[wrong[0]]} steps; the network was trained on series of "
                f"{'1 to ' * self.ragged}{steps}."
            )
        out = np.zeros((len(values), self.width), dtype)
        given = values[:, :steps]
        varying = self.scale != 0
        normalized = scaled(given, self.center, np.where(varying, self.scale, 1.0)) * varying
        block = out[:, : steps * channels].reshape(len(values), steps, channels)
        block[:, : given.shape[1]] = np.nan_to_num(normalized, nan=0.0)
        if self.ragged:
            out[:, -1] = np.minimum(lengths, steps)
        return out


def fit_series(name: str, inputs: np.ndarray, train: np.ndarray, normalization: str) -> SeriesEncoder:
    """An encoder for series (n, steps, channels), fitted on the rows ``train``."""
    values = inputs[train]
    lengths = series_lengths(values)
    steps = int(lengths.max())
    real = values[~np.isnan(values).all(2)]
    if normalization == "unit":
        center, scale = np.zeros(real.shape[1]), np.abs(real).max(0).astype(np.float64)
    else:
        center, scale = location(real, normalization)
    ragged = bool((series_lengths(inputs) != steps).any())
    return SeriesEncoder(name, (steps, inputs.shape[2]), center, scale, "float32", ragged)
