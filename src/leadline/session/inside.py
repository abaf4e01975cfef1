"""Seeing inside a run: how its training images were varied, the filters it learnt, and what they answer to.

The pieces are plain functions of a network, θ and an image, for any layer and any example: `filter_strips`,
`activation_strips`, `patch_strips`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.network import Network, Parameters
from leadline.network.inside import activations, filters, image_layers, receptive_field, strongest_places
from leadline.report.contact_sheet import ContactSheet
from leadline.report.contents import PictureSection, Strip
from leadline.report.figures.inside import filter_pictures, map_pictures
from leadline.report.figures.tiles import mosaic
from leadline.runs.run import Run
from leadline.session.augmented import label_text, sheet_of_run, some_rows

Item = TypeVar("Item")

TILE = 48.0
"""How wide a tile stands on a page, about, in CSS pixels."""

MOST_FILTERS, MOST_CHANNELS = 32, 16
"""Filters shown of a layer, and channels of each or maps of an image."""

SHOWN_LAYERS = 4
PATCHED_CHANNELS, PATCHES = 6, 6
"""Channels for which the image parts are shown that they answer to most, and how many of these."""

SEARCHED, SEARCHED_FLOPS, SEARCHED_VALUES = 512, 1e11, 1 << 25
"""Images among which these parts are looked for: at most so many, and no more than computing and memory allow."""


def run_pictures(run: Run, data: Dataset) -> list[PictureSection]:
    """The sections of pictures for a run's report: varied training images, and what a convolutional network learnt."""
    if data.image_shape is None:
        return []
    sections = []
    sheet = sheet_of_run(run, data, count=6, versions=7)
    if sheet is not None:
        note = f"Training images, each first as it is, then as training may see it: {sheet.note}. "
        note += "The errors above are measured on images as they are."
        sections.append(PictureSection("augmentation", "How training images were varied", note, sheet_strips(sheet)))
    try:
        trained = run.trained_network()
    except LeadlineError:  # a file with the user's own layers has gone, for one: the rest can still be shown
        return sections
    network, parameters = trained.network, trained.parameters
    input_shape = (run.preparation.n_inputs,)
    layers = image_layers(network, input_shape)
    if not filters(parameters) or not layers:
        return sections
    sections.append(_learnt(parameters))
    rows = np.asarray(run.split["dev"] if len(run.split["dev"]) else run.split["train"])
    row = some_rows(data, rows, 1)[0]
    shown = evenly(layers, SHOWN_LAYERS)
    x = _prepared(run, data, np.array([row]))
    strips = [image_strip(data.images(np.array([row]))[0], f"The image: row {row}, {label_text(data, row)}")]
    strips += activation_strips(network, parameters, x, shown)
    sections.append(PictureSection("activations", "What the layers make of an image", ACTIVATION_NOTE, strips))
    searched = rows[: _affordable(network, input_shape)]
    x = _prepared(run, data, searched)
    strips = patch_strips(network, parameters, x, data.images(searched), shown)
    sections.append(PictureSection("patches", "Top-activating patches", PATCH_NOTE, strips))
    return sections


ACTIVATION_NOTE = (
    "Activation maps, the most active channels first, each scaled to its own largest value: dark is none, bright is "
    "much. Where values below 0 occur: blue below, white at 0, orange above."
)
PATCH_NOTE = (
    "Each row is a channel of a layer; its pictures are the parts of dev images at which it is most active, as large "
    "as what one of its units can see."
)


def _prepared(run: Run, data: Dataset, rows: np.ndarray) -> Tensor:
    return torch.as_tensor(run.preparation.inputs(data, rows, dtype=run.experiment.training.precision))


def _learnt(parameters: Parameters) -> PictureSection:
    banks = list(filters(parameters))
    strips = filter_strips(parameters, evenly(banks, SHOWN_LAYERS))
    note = (
        "Filters of the first convolution as they weigh colours, mid-grey being 0; of deeper ones a row of tiles for "
        "each filter, one for each channel that it reads: blue below 0, orange above. Each is scaled by itself."
    )
    return PictureSection("filters", "The filters it learnt", note, strips)


def sheet_strips(sheet: ContactSheet) -> list[Strip]:
    """Each image of a contact sheet beside its versions."""
    strips = []
    for original, varied, caption in zip(sheet.originals, sheet.varied, sheet.captions, strict=True):
        tiles = np.stack([original, *varied])
        what = f"{caption[0]} ({caption[1]})"
        strips.append(_strip(what, tiles, len(tiles), f"Training image {what} and {len(varied)} versions of it"))
    return strips


def filter_strips(parameters: Parameters, names: Sequence[str]) -> list[Strip]:
    """Pictures of the filters whose weights have these names."""
    strips = []
    for name in names:
        weights = filters(parameters)[name].detach().cpu()
        n, channels, height, width = weights.shape
        shown = weights[:MOST_FILTERS] if channels in (1, 3) else weights[: MOST_FILTERS // 4, :MOST_CHANNELS]
        columns = 8 if channels in (1, 3) else shown.shape[1]
        size = f"{n} filters of {height}×{width}" + (f"×{channels}" if channels > 1 else "")
        note = (
            "" if shown.numel() == weights.numel() else f"Shown: {len(shown)} of {n}, {shown.shape[1]} channels each."
        )
        tiles = filter_pictures(shown.numpy())
        strips.append(_strip(f"{_place(name)} · {size}", tiles, columns, f"{size} of {_place(name)}", note, tile=28))
    return strips


def activation_strips(network: Network, parameters: Parameters, x: Tensor, layers: Sequence[int]) -> list[Strip]:
    """Activation maps of one prepared example ``x`` (1, …) after each of these layers."""
    x = x.to(parameters.theta.device, parameters.theta.dtype)
    strips = []
    for layer, maps in activations(network, parameters, x, layers).items():
        values = maps[0].cpu()
        order = values.mean((1, 2)).argsort(descending=True)[:MOST_CHANNELS]
        tiles = map_pictures(values[order].numpy())
        channels, height, width = values.shape
        size = f"{channels} maps of {height}×{width}"
        title = f"layers[{layer}] {type(network.layers[layer]).__name__} · {size}"
        note = "" if len(order) == channels else f"Shown: the {len(order)} most active."
        strips.append(_strip(title, tiles, 8, f"{size} after layer {layer}", note))
    return strips


def patch_strips(
    network: Network, parameters: Parameters, x: Tensor, images: np.ndarray, layers: Sequence[int]
) -> list[Strip]:
    """For each layer, the parts of ``images`` (m, h, w, c) that its most active channels answer to most.

    ``x`` (m, …) are the same examples, prepared.
    """
    theta = parameters.theta
    chunk = max(1, SEARCHED // 8)
    parts = [
        activations(network, parameters, x[i : i + chunk].to(theta.device, theta.dtype), layers)
        for i in range(0, len(x), chunk)
    ]
    strips = []
    for layer in layers:
        maps = torch.cat([part[layer] for part in parts]).cpu()
        places = strongest_places(maps, PATCHED_CHANNELS, PATCHES)
        field = receptive_field(network, tuple(x.shape[1:]), layer)
        if field is not None and field.size[0] >= images.shape[1] and field.size[1] >= images.shape[2]:
            field = None
        tiles = [
            _part(images[int(i)], None if field is None else field.at(int(r), int(c)))
            for channel in zip(places.images, places.rows, places.columns, strict=True)
            for i, r, c in zip(*channel, strict=True)
        ]
        seen = "the whole image" if field is None else f"{field.size[0]}×{field.size[1]} pixels"
        title = f"layers[{layer}] {type(network.layers[layer]).__name__} · a unit sees {seen}"
        channels = ", ".join(str(int(channel)) for channel in places.channels)
        description = f"Image parts at which channels {channels} of layer {layer} are most active"
        columns = len(tiles) // len(places.channels)
        strips.append(_strip(title, np.stack(tiles), columns, description, f"Channels, from above: {channels}."))
    return strips


def image_strip(image: np.ndarray, title: str) -> Strip:
    """One image (h, w, c) by itself."""
    return _strip(title, image[None], 1, title, tile=2 * TILE)


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """The first, the last and some between them, evenly spaced."""
    if len(items) <= count:
        return list(items)
    return [items[round(k * (len(items) - 1) / (count - 1))] for k in range(count)]


def _part(image: np.ndarray, window: tuple[int, int, int, int] | None) -> np.ndarray:
    """What a unit sees of an image (h, w, c), grey outside of it; None is all of it."""
    if window is None:
        return image
    top, bottom, left, right = window
    part = np.full((bottom - top, right - left, image.shape[2]), 128, np.uint8)
    inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    part[max(-top, 0) : max(-top, 0) + inside.shape[0], max(-left, 0) : max(-left, 0) + inside.shape[1]] = inside
    return part


def _strip(title: str, tiles: np.ndarray, columns: int, description: str, note: str = "", tile: float = TILE) -> Strip:
    """Tiles in rows; small ones are enlarged to about ``tile`` CSS pixels by a whole factor."""
    scale = max(1, round(tile / max(tiles.shape[1:3])))
    return Strip(title, mosaic(tiles, columns, gap=max(1, 4 // scale)), description, note, scale)


def _place(name: str) -> str:
    """``layers.3.body.0.weight`` as an experiment file counts: ``layers[3].body[0]``."""
    parts = name.removesuffix(".weight").split(".")
    return "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in parts).removeprefix(".")


def _affordable(network: Network, input_shape: tuple[int, ...]) -> int:
    """How many images can be looked through without making a report wait, or filling the memory."""
    shapes = network.shapes(input_shape)
    flops = sum(layer.flops(shape) for layer, shape in zip(network.layers, shapes, strict=False))
    largest = max(math.prod(shape) for shape in shapes)
    return int(min(SEARCHED, max(SEARCHED_FLOPS / max(flops, 1), 16), max(SEARCHED_VALUES / largest, 1)))
