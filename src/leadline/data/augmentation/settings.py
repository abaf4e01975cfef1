"""How training images are varied: a plain value, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from leadline.errors import UsageError, nearest
from leadline.limits import SPANS, CountOrNone, Flip, HueShare, Padding, Pixels, Share, check_fields

Range = float | tuple[float, float]
COLOUR = ("brightness", "contrast", "saturation", "hue", "pca_colour")
THREE_CHANNELS = ("saturation", "hue", "pca_colour")
RESAMPLING = ("rotation", "zoom", "shear", "translation", "elastic")


@dataclass(frozen=True)
class Elastic:
    """Elastic distortion: noise in ±1, smoothed by a Gaussian of ``sigma`` pixels, times ``alpha``, in pixels.

    Source: Simard, Steinkraus and Platt, 2003, "Best practices for convolutional neural networks".
    """

    alpha: Pixels
    sigma: Pixels

    def __post_init__(self) -> None:
        check_fields(self, "augment.elastic")


@dataclass(frozen=True)
class Augmentation:
    """What is done to each training image, anew in every epoch: the keys of ``[augment]`` in an experiment file.

    All draws are uniform within their range. ``crop`` pads the image by so many pixels and cuts a window of its own
    size out of it. ``flip`` mirrors every second image, "horizontal" exchanging left and right. ``rotation`` and
    ``shear`` are degrees, to both sides or [low, high]; positive ones turn counterclockwise. ``zoom`` is a factor,
    [low, high] or 0.1 for [0.9, 1.1]; above 1 the image grows. ``translation`` is a share of each side. ``elastic``
    bends the image (`Elastic`, or a table with alpha and sigma).

    ``brightness``, ``contrast`` and ``saturation`` are factors like ``zoom``; ``hue`` turns the colours by up to that
    share of the colour circle; ``pca_colour`` is the standard deviation of shifts along the principal axes of the
    training pixels' colours (Krizhevsky et al., 2012).

    ``padding`` fills what comes in from outside: the outermost pixels ("edge"), the mirrored image ("reflect"), the
    mean colour of the training images ("mean") or black ("zero").

    The label stays as it is: choose only what leaves it right. A digit does not survive every flip or rotation.
    """

    crop: CountOrNone = 0
    flip: Flip | None = None
    rotation: Range = 0.0
    zoom: Range = 0.0
    shear: Range = 0.0
    translation: Share = 0.0
    elastic: Elastic | Mapping[str, float] | None = None
    brightness: Range = 0.0
    contrast: Range = 0.0
    saturation: Range = 0.0
    hue: HueShare = 0.0
    pca_colour: Share = 0.0
    padding: Padding = "edge"

    def __post_init__(self) -> None:
        check_fields(self, "augment", ("crop", "flip", "padding", "translation", "hue", "pca_colour"))
        for name, span in SPANS.items():
            value = span.read(getattr(self, name))
            if value is None:
                raise UsageError(f"augment.{name}: got {getattr(self, name)!r}; it is {span.words}.")
            object.__setattr__(self, name, value)
        if isinstance(self.elastic, Mapping):
            object.__setattr__(self, "elastic", _elastic(self.elastic))

    @classmethod
    def from_config(cls, table: Mapping[str, Any]) -> Augmentation:
        """Build from the table ``[augment]``; a wrong key or value is a `UsageError`."""
        names = [field.name for field in fields(cls)]
        unknown = next((key for key in table if key not in names), None)
        if unknown is not None:
            raise UsageError(f"augment.{unknown}: unknown key.{nearest(str(unknown), names)}")
        return cls(**table)

    def to_config(self) -> dict[str, Any]:
        """The table ``[augment]`` of an experiment file: the keys that differ from their defaults."""
        table: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                table[field.name] = vars(value).copy() if isinstance(value, Elastic) else value
        return table

    @property
    def active(self) -> tuple[str, ...]:
        """The names of what is done to the images; empty where nothing is."""
        return tuple(name for name in self.to_config() if name != "padding")

    def bounds(self, name: str) -> tuple[float, float]:
        """The lowest and the highest value of a range; (1, 1) for a factor and (0, 0) for an angle that is off."""
        return SPANS[name].ends(getattr(self, name))

    def check_images(self, shape: tuple[int, int, int] | None, name: str) -> None:
        """Raise `UsageError` unless images (height, width, channels) of the data set ``name`` can be varied so."""
        if not self.active:
            return
        if shape is None:
            raise UsageError(f"augment.{self.active[0]}: takes images, and {name} has none; leave [augment] out.")
        height, width, channels = shape
        coloured = next((key for key in self.active if key in THREE_CHANNELS), None)
        if coloured is not None and channels != 3:
            raise UsageError(
                f"augment.{coloured}: takes colour images (3 channels); those of {name} have {channels}; leave it out."
            )
        if self.crop >= min(height, width):
            raise UsageError(
                f"augment.crop: got {self.crop}, but the images of {name} have {height}×{width} pixels; "
                "take fewer than their shorter side."
            )


def _elastic(table: Mapping[str, Any]) -> Elastic:
    names = ("alpha", "sigma")
    unknown = next((key for key in table if key not in names), None)
    if unknown is not None:
        raise UsageError(f"augment.elastic.{unknown}: unknown key.{nearest(str(unknown), names)}")
    missing = next((name for name in names if name not in table), None)
    if missing is not None:
        raise UsageError(f"augment.elastic.{missing}: this key is needed here.")
    return Elastic(table["alpha"], table["sigma"])
