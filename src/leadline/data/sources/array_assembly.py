"""Putting a `Dataset` together from the arrays that readers return for one to three sources (main, dev, test)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from leadline.data.dataset import Dataset, Feature
from leadline.data.settings import DataSettings
from leadline.data.sources.assembly import origin, rows_with_target
from leadline.data.sources.columnar import column_of
from leadline.data.sources.images import joined_arrays
from leadline.data.sources.raw import RawArrays, SourcePart, reading
from leadline.data.sources.series import same_steps, series_feature
from leadline.data.targets import Target, encode_several, encode_target
from leadline.errors import LeadlineError, UsageError
from leadline.measure.tasks import MULTILABEL


def assemble_arrays(parts: Sequence[SourcePart], raws: Sequence[RawArrays], settings: DataSettings) -> Dataset:
    """A data set from the arrays of the ``parts``, which have the same shape."""
    main = raws[0]
    notices = [notice for raw in raws for notice in raw.notices]
    _check_no_columns(settings)
    if main.series:
        checked = same_steps([raw.inputs for raw in raws], [raw.source for raw in raws])
    else:
        checked = [checked_inputs(raw.inputs, f"{raw.source}, {raw.inputs_name}") for raw in raws]
    for raw, values in zip(raws[1:], checked[1:], strict=True):
        if values.shape[1:] != checked[0].shape[1:]:
            raise LeadlineError(
                f"{raw.source}: examples of shape {shape_text(values.shape[1:])}, but those of {main.source} are "
                f"{shape_text(checked[0].shape[1:])}."
            )
    raws = _same_classes(raws)
    targets = [_checked_target(raw, len(values)) for raw, values in zip(raws, checked, strict=True)]
    source_of = np.repeat(np.arange(len(raws), dtype=np.int32), [len(values) for values in checked])
    inputs = checked[0] if len(checked) == 1 else joined_arrays(checked)
    kept, encoded = _encoded(raws[0], targets, settings, notices)
    if kept is not None:
        inputs, source_of = inputs[kept], source_of[kept]
    inputs, image_shape = (inputs, None) if main.series else channels_last(inputs)
    if image_shape is not None and inputs.shape[1:] != checked[0].shape[1:] and inputs.ndim == 4 == checked[0].ndim:
        notices.append(f"{main.inputs_name}: the channels come first; they were moved last (height, width, channels).")
    return Dataset(
        main.name,
        encoded.task,
        encoded.classes,
        (series_feature(inputs),) if main.series else _array_features(main.inputs_name, inputs, image_shape),
        inputs,
        encoded.values,
        (main.target_name,),
        settings,
        [*notices, *encoded.notices],
        image_shape=image_shape,
        class_type=encoded.class_type,
        names=tuple(name for raw in raws for name in raw.names) if all(raw.names for raw in raws) else (),
        **origin(parts, source_of),
    )


def _same_classes(raws: Sequence[RawArrays]) -> Sequence[RawArrays]:
    """Labels by number with one list of class names for all, where sources name their classes differently."""
    if len({raw.classes for raw in raws}) == 1:
        return raws
    if not all(raw.classes and raw.target is not None and raw.target.dtype.kind in "iu" for raw in raws):
        return raws
    classes = tuple(sorted({name for raw in raws for name in raw.classes}))
    return [
        replace(raw, target=np.array([classes.index(name) for name in raw.classes])[raw.target], classes=classes)
        for raw in raws
        if raw.target is not None
    ]


def checked_inputs(values: np.ndarray, source: str) -> np.ndarray:
    """An input array as uint8, float32 or float64 with one example per row; LeadlineError for anything else."""
    if values.dtype.kind not in "buif":
        raise LeadlineError(f"{source}: holds {values.dtype}; inputs must be numbers.")
    if values.ndim == 0 or 0 in values.shape:
        raise LeadlineError(f"{source}: has the shape {shape_text(values.shape)}; there are no examples in it.")
    if values.ndim == 1:
        values = values[:, None]
    if values.dtype.kind == "f":
        values = values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64, copy=False)
        _check_finite(values, source)
    elif values.dtype != np.uint8:
        values = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    return values


def _check_finite(values: np.ndarray, source: str) -> None:
    if np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all():
        return
    place = np.argwhere(~np.isfinite(values))[0]
    indices = ", ".join(str(index) for index in place)
    advice = "missing values need a table (CSV, data frame)" if np.isnan(values[tuple(place)]) else "fix it"
    raise LeadlineError(f"{source}[{indices}] is {values[tuple(place)]}; {advice}, or leave the row {place[0]} out.")


def channels_last(inputs: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int] | None]:
    """Inputs whose channels are the last axis, and the (height, width, channels) of one, if they are images."""
    if inputs.ndim == 3:
        return inputs, (inputs.shape[1], inputs.shape[2], 1)
    if inputs.ndim != 4:
        return inputs, None
    if inputs.shape[3] not in (1, 3, 4) and inputs.shape[1] in (1, 3, 4):
        inputs = np.ascontiguousarray(inputs.transpose(0, 2, 3, 1))
    height, width, channels = inputs.shape[1:]
    return inputs, ((height, width, channels) if channels in (1, 3, 4) else None)


def shape_text(shape: Sequence[int]) -> str:
    """A shape as people write it: 28×28."""
    return "×".join(str(size) for size in shape) or "()"


def _check_no_columns(settings: DataSettings) -> None:
    for key in ("features", "exclude", "types", "segments"):
        if getattr(settings, key):
            raise UsageError(f"data.{key}: the source holds arrays, which have no columns; leave the key out.")


def _checked_target(raw: RawArrays, n: int) -> np.ndarray:
    """Targets (n,) or (n, k) of one source; LeadlineError where they are missing or do not fit the inputs."""
    values = raw.target
    if values is None:
        raise UsageError(f"{raw.source}: the target is missing; name its array or a file of labels with target.")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise LeadlineError(
            f"{raw.source}, {raw.target_name}: has the shape {shape_text(values.shape)}; "
            f"targets are ({n},) or ({n}, k)."
        )
    if len(values) != n:
        raise LeadlineError(
            f"{raw.source}: {raw.inputs_name} has {n} examples and {raw.target_name} has {len(values)}; "
            "they must be equally many."
        )
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind in "cVmM":
        raise LeadlineError(f"{raw.source}, {raw.target_name}: holds {values.dtype}; targets are numbers or texts.")
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _encoded(
    main: RawArrays, targets: list[np.ndarray], settings: DataSettings, notices: list[str]
) -> tuple[np.ndarray | None, Target]:
    """The rows to keep (None: all) and their encoded targets."""
    if len({values.ndim for values in targets}) > 1:
        raise LeadlineError(f"{main.target_name}: the sets have targets of different shapes.")
    with reading(f"{main.source}, {main.target_name}", "targets of one type"):
        values = np.concatenate(targets)
        column = column_of(values) if values.ndim == 1 else None
    if column is None:
        return None, encode_several(main.target_name, values, settings.task)
    if settings.task == MULTILABEL:
        return None, encode_several(main.target_name, values[:, None], settings.task)
    kept = rows_with_target(main.source, [main.target_name], [column], notices)
    if kept is not None:
        column = column.take(pa.array(kept))

    def where(row: int) -> str:
        return f"{main.source}, row {(row if kept is None else int(kept[row])) + 1}"

    return kept, encode_target(main.target_name, column, settings.task, where, main.classes)


def _array_features(name: str, inputs: np.ndarray, image_shape: tuple[int, int, int] | None) -> tuple[Feature, ...]:
    if image_shape is not None:
        return (Feature(name, "image", f"{shape_text(image_shape)} {inputs.dtype}"),)
    if inputs.ndim == 2:
        return tuple(Feature(f"{name}_{i + 1}", "number") for i in range(inputs.shape[1]))
    return (Feature(name, "number", f"{shape_text(inputs.shape[1:])} {inputs.dtype}"),)
