"""Preparation: from rows to the numbers a network is given, fitted on training rows alone.

What is fitted here (means, scales, levels of categories) is stored with a run, and applied in the same way to dev
and test rows and to new rows. Source: course 2, normalizing inputs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.columns import Where
from leadline.data.dataset import Column, Dataset
from leadline.data.encoders import CategoryEncoder, Encoder, NumberEncoder, encoder_from_json, fit_column
from leadline.data.normalization import ArrayEncoder, fit_array, location, scaled
from leadline.data.series_encoder import SeriesEncoder, fit_series
from leadline.data.settings import NORMALIZATIONS, DataSettings
from leadline.data.sources.array_assembly import shape_text
from leadline.data.sources.new_rows import new_array, new_columns, new_series
from leadline.data.text.encoders import TextEncoder, text_notice
from leadline.data.threads import in_threads
from leadline.errors import LeadlineError, UsageError
from leadline.measure.tasks import Task, task_named

BLOCK = 1 << 13
"""Rows that are encoded at once."""


LARGEST_TARGET = 1e100
"""Sums of squares of targets stay finite far beyond it."""


@dataclass(frozen=True, eq=False)
class Preparation:
    """How inputs become a float array (m, n_inputs) and targets become what the loss wants.

    ``target_mean`` and ``target_scale``, float64 (k,), turn a regression network's output back into the target's
    units: y = output · scale + mean. They are 0 and 1 for other tasks and under normalization "none".
    ``columns`` are the names of all columns in the source, in their order, the target among them.
    """

    task: Task
    classes: tuple[str, ...]
    target_names: tuple[str, ...]
    target_mean: np.ndarray
    target_scale: np.ndarray
    normalization: str
    encoders: tuple[Encoder, ...] | ArrayEncoder
    image_shape: tuple[int, int, int] | None = None
    columns: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @classmethod
    def fit(cls, data: Dataset, train: np.ndarray, settings: DataSettings | None = None) -> Preparation:
        """Fit on the rows ``train`` of ``data`` alone. ``settings`` overrules the normalization of ``data``."""
        normalization = data.normalization
        if settings is not None and settings.normalization != "auto":
            normalization = settings.normalization
        assert normalization in NORMALIZATIONS
        if normalization == "quantile" and isinstance(data.inputs, np.ndarray):
            raise UsageError('data.normalization: "quantile" is for columns of tables; "standardize" for arrays.')
        encoders: tuple[Encoder, ...] | ArrayEncoder
        if isinstance(data.inputs, np.ndarray):
            name = data.features[0].name if data.inputs.ndim != 2 else data.features[0].name.removesuffix("_1")
            fit = fit_series if data.is_series else fit_array
            encoders = fit(name, data.inputs, train, normalization)
        else:
            whole = len(train) == data.n  # then no copy is needed

            def fitted(column: Column) -> Encoder:
                return fit_column(column if whole else column.take(train), normalization, data.text_encoding)

            encoders = tuple(in_threads(fitted, data.inputs, len(train)))
        mean, scale = _target_location(data, train, normalization)
        return cls(
            data.task,
            data.classes,
            data.target_names,
            mean,
            scale,
            normalization,
            encoders,
            data.image_shape,
            () if data.table is None else tuple(data.table.column_names),
            encoder_notices(encoders),
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of every input of the network, n_inputs of them."""
        if isinstance(self.encoders, ArrayEncoder):
            return self.encoders.outputs
        return tuple(name for encoder in self.encoders for name in encoder.outputs)

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the network."""
        return self.encoders.width if isinstance(self.encoders, ArrayEncoder) else len(self.feature_names)

    @property
    def n_outputs(self) -> int:
        """Number of outputs the network needs: one for two classes, else one per class, label or number."""
        return self.task.n_outputs(len(self.classes), len(self.target_mean))

    @property
    def error_scale(self) -> float:
        """What turns an error of the training loop into the target's unit; 1 where that is no matter of one factor.

        The loop measures the error of standardized values in standard deviations.
        """
        scale = np.ravel(self.target_scale)
        return float(scale[0]) if self.task.standardized and len(scale) == 1 else 1.0

    def inputs(
        self,
        rows: Any,
        indices: np.ndarray | None = None,
        *,
        dtype: Any = np.float32,
        folder: str | Path | None = None,
    ) -> np.ndarray:
        """Inputs of the network, ``dtype`` (m, n_inputs), for rows of a `Dataset` or new rows.

        New rows come from a path, a data frame, a table, a list of dictionaries or an array, without a target.
        Raises LeadlineError where a column is missing, named, or a value is not what training had there.
        """
        if isinstance(self.encoders, ArrayEncoder):
            array = self._array(rows, self.encoders, folder)
            series = isinstance(self.encoders, SeriesEncoder)  # of any number of steps
            if isinstance(array, tuple) or array.shape[1 + series :] != self.encoders.shape[series:]:
                raise LeadlineError(f"The network was trained on examples of shape {shape_text(self.encoders.shape)}.")
            return self.encoders.encode(array, indices, np.dtype(dtype))
        if isinstance(rows, Dataset):
            columns = rows.inputs if isinstance(rows.inputs, tuple) else ()
        else:
            kinds = {encoder.name: encoder.kind for encoder in self.encoders}
            columns = new_columns(rows, kinds, self.columns, self.target_names, folder)
        return self.encode(columns, indices, dtype=dtype)

    @staticmethod
    def _array(rows: Any, encoder: ArrayEncoder, folder: str | Path | None) -> Any:
        """The array of a data set, or of new rows."""
        if isinstance(rows, Dataset):
            return rows.inputs
        return (
            new_series(rows, folder) if isinstance(encoder, SeriesEncoder) else new_array(rows, encoder.shape, folder)
        )

    def targets(self, data: Dataset, indices: np.ndarray | None = None, *, dtype: Any = np.float32) -> np.ndarray:
        """Targets of rows of ``data`` for the loss; see `encode_targets`."""
        return self.encode_targets(data.target if indices is None else data.target[indices], dtype)

    def encode_targets(self, values: np.ndarray, dtype: Any = np.float32) -> np.ndarray:
        """Targets as in `Dataset.target` for the loss: multiclass int64 (m,), binary (m, 1), others (m, k).

        Regression targets are standardized: (y − target_mean) / target_scale.
        """
        standardized = scaled(values, self.target_mean, self.target_scale) if self.task.standardized else values
        return self.task.encode_labels(standardized, dtype)

    def decode_targets(self, targets: np.ndarray) -> np.ndarray:
        """The inverse of `encode_targets`, up to rounding: targets as in `Dataset.target`."""
        return self._in_units(self.task.decode_labels(targets))

    def outputs(self, predictions: np.ndarray) -> np.ndarray:
        """What the loss calls the network's prediction, (m, k), as probabilities, or values in the target's units."""
        return self._in_units(self.task.outputs(predictions))

    def of_target(self, column: int) -> Preparation:
        """The same for one column of several targets alone."""
        k = slice(column, column + 1)
        return replace(self, target_mean=self.target_mean[k], target_scale=self.target_scale[k])

    def _in_units(self, values: np.ndarray) -> np.ndarray:
        return values * self.target_scale + self.target_mean if self.task.standardized else values

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary from which `from_json` makes an equal preparation, to the last bit."""
        if isinstance(self.encoders, ArrayEncoder):
            array = self.encoders
            encoders: Any = {
                "name": array.name,
                "shape": list(array.shape),
                "center": array.center.tolist(),
                "scale": array.scale.tolist(),
                "dtype": array.dtype,
            }
            if isinstance(array, SeriesEncoder):
                encoders["ragged"] = array.ragged
        else:
            encoders = [{"type": encoder.type, **asdict(encoder)} for encoder in self.encoders]
        return {
            "task": self.task,
            "classes": list(self.classes),
            "targets": list(self.target_names),
            "target_mean": self.target_mean.tolist(),
            "target_scale": self.target_scale.tolist(),
            "normalization": self.normalization,
            "encoders": encoders,
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            "columns": list(self.columns),
            "notices": list(self.notices),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any] | str) -> Preparation:
        """The preparation that `to_json` described, given the dictionary or its JSON text."""
        value: Mapping[str, Any] = json.loads(saved) if isinstance(saved, str) else saved
        encoders = value["encoders"]
        shape = value["image_shape"]
        return cls(
            task_named(value["task"]),
            tuple(value["classes"]),
            tuple(value["targets"]),
            np.array(value["target_mean"], np.float64),
            np.array(value["target_scale"], np.float64),
            value["normalization"],
            tuple(encoder_from_json(each) for each in encoders)
            if isinstance(encoders, list)
            else _array_encoder(encoders),
            None if shape is None else (shape[0], shape[1], shape[2]),
            tuple(value["columns"]),
            tuple(value["notices"]),
        )

    def encode(
        self,
        columns: tuple[Column, ...],
        indices: np.ndarray | None = None,
        *,
        dtype: Any = np.float32,
        where: Where | None = None,
    ) -> np.ndarray:
        """Inputs of the network, ``dtype`` (m, n_inputs), for typed columns; ``where`` names rows in an error."""
        assert not isinstance(self.encoders, ArrayEncoder)
        encoders, dtype = self.encoders, np.dtype(dtype)
        by_name = {column.name: column for column in columns}
        lacking = next((encoder.name for encoder in encoders if encoder.name not in by_name), None)
        if lacking is not None:
            raise LeadlineError(f"The data lacks the column '{lacking}', which the network was trained on.")
        m = len(columns[0].values) if indices is None else len(indices)
        out = np.empty((m, self.n_inputs), dtype)
        ends = np.cumsum([len(encoder.outputs) for encoder in encoders]).tolist()
        placed = [_with_places(encoder, by_name[encoder.name]) for encoder in encoders]

        def encode_block(first: int) -> bool:
            """A block of rows stays in the cache while its columns are written and checked to be finite."""
            rows = slice(first, first + BLOCK) if indices is None else indices[first : first + BLOCK]
            block = out[first : first + BLOCK]
            with np.errstate(over="ignore", invalid="ignore"):  # a value too large for the dtype is reported below
                for encoder, column, start, end in zip(encoders, placed, [0, *ends], ends, strict=False):
                    if isinstance(encoder, CategoryEncoder):
                        encoder.write(column.values[rows], block[:, start:end])
                    else:
                        encoder.encode(column.take(rows), block[:, start:end])
                return bool(np.isfinite(block.sum()) or np.isfinite(block).all())

        if not all(in_threads(encode_block, range(0, m, BLOCK), m)):
            raise _too_large(out, self, indices, where)
        return out


def _array_encoder(saved: Mapping[str, Any]) -> ArrayEncoder:
    """The encoder of an array, or of series, that `Preparation.to_json` described."""
    center, scale = (np.array(saved[key], np.float64) for key in ("center", "scale"))
    fields = saved["name"], tuple(saved["shape"]), center, scale, saved.get("dtype", "float32")
    return SeriesEncoder(*fields, saved["ragged"]) if "ragged" in saved else ArrayEncoder(*fields)


def _with_places(encoder: Encoder, column: Column) -> Column:
    """A category with the places of its levels in the output as values, looked up once for all rows."""
    return Column(column.name, "place", encoder.places(column)) if isinstance(encoder, CategoryEncoder) else column


def _too_large(
    out: np.ndarray, preparation: Preparation, indices: np.ndarray | None, where: Where | None
) -> LeadlineError:
    """Values far beyond those of training, or left as they are, may be too large for float32."""
    row, column = np.argwhere(~np.isfinite(out))[0]
    row = int(row if indices is None else np.asarray(indices)[row])
    place = f"in row {row + 1}" if where is None else f"in {where(row)}"
    advice = "fix it" if preparation.normalization != "none" else 'use normalization = "standardize"'
    return LeadlineError(
        f"{preparation.feature_names[column]}: the value {place} is too large for {out.dtype.name}; "
        f'{advice}, or use precision = "float64".'
    )


def _target_location(data: Dataset, train: np.ndarray, normalization: str) -> tuple[np.ndarray, np.ndarray]:
    k = data.target.shape[1] if data.target.ndim == 2 else 1
    if not data.is_classification and data.target.size and float(np.abs(data.target).max()) > LARGEST_TARGET:
        raise LeadlineError(
            f"The target {', '.join(data.target_names)} has values beyond {LARGEST_TARGET:g}, whose squares are no "
            "finite numbers: mend them, or give it in a larger unit."
        )
    if not data.task.standardized or normalization == "none":
        return np.zeros(k), np.ones(k)
    mean, scale = location(data.target[train], "standardize")
    return mean, np.where(scale == 0, 1.0, scale)


def encoder_notices(encoders: tuple[Encoder, ...] | ArrayEncoder) -> tuple[str, ...]:
    """How columns of text are used, and warnings about inputs that were constant in training and say nothing."""
    if isinstance(encoders, ArrayEncoder):
        constant = int((encoders.scale == 0).sum())
        n = encoders.scale.size
        return (f"{constant} of {n} input values are constant in training: set to 0.",) if constant else ()
    texts = [text_notice(encoder) for encoder in encoders if isinstance(encoder, TextEncoder)]
    constant = [each.name for each in encoders if isinstance(each, NumberEncoder) and each.scale == 0]
    return (*texts, *(f"{name} is constant in training: set to 0." for name in constant))
