"""Neural style transfer: the content of one photo painted in the style of another (course 4; Gatys et al., 2016).

The picture itself is what is optimized. Its content cost compares activations of one layer of a trained network with
those of the content photo, its style cost Gram matrices of several layers with those of the style photo; total
variation keeps it smooth. Each cost is divided by what the photo itself has, the mean square of its activations or of
its Gram matrix, so that the same weights serve any network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from leadline.architectures.architecture import IMAGENET, PixelScaling
from leadline.architectures.weights import Published
from leadline.equations import style as equations
from leadline.errors import UsageError
from leadline.network import Network, Parameters
from leadline.network.input_gradient import InputGradient
from leadline.network.inside import image_layers
from leadline.optimize import Adam, Optimizer
from leadline.vision.photos import as_photo, at_size

LEAST_SIZE, MOST_SIZE = 64, 4096


@dataclass(frozen=True)
class Style:
    """How to paint.

    Attributes:
        size: pixels along the picture's longer side.
        scales: from coarse to fine, how many sizes are painted, each twice the one before; what a coarse one reached is
            where the next begins, so that large strokes are there before details.
        steps: updates at each size.
        content: weight of the content cost.
        style: weight of the style cost, the mean over its layers.
        smooth: weight of total variation.
        optimizer: what moves the picture; pixels go from 0 to 1.
        style_size: pixels along the style photo's longer side, by default as the picture: smaller makes finer strokes.

    """

    size: int = 512
    scales: int = 3
    steps: int = 150
    content: float = 1.0
    style: float = 10.0
    smooth: float = 1.0
    optimizer: Optimizer = field(default_factory=lambda: Adam(0.02))
    style_size: int | None = None

    def __post_init__(self) -> None:
        for name in ("size", "style_size"):
            value = getattr(self, name)
            if value is not None and not LEAST_SIZE <= value <= MOST_SIZE:
                raise UsageError(f"{name} must be from {LEAST_SIZE} to {MOST_SIZE} pixels, got {value}")
        if self.scales < 1 or self.steps < 1:
            raise UsageError(f"scales and steps must be at least 1, got {self.scales} and {self.steps}")
        if min(self.content, self.style, self.smooth) < 0 or self.content + self.style == 0:
            raise UsageError("content, style and smooth must not be negative, and content and style not both 0")

    @property
    def sizes(self) -> list[int]:
        """The longer sides, coarse ones first; none is below `LEAST_SIZE`."""
        halved = [self.size // 2**k for k in range(self.scales)]
        return [size for size in reversed(halved) if size >= LEAST_SIZE] or [self.size]


@dataclass(frozen=True)
class StyleProgress:
    """Where the painting is: ``step`` of ``steps`` in all, at ``size`` pixels, with the costs weighed and summed."""

    step: int
    steps: int
    size: int
    cost: float
    picture: Callable[[], Image.Image]


class StyleTransfer:
    """The cost of a picture (1, 3, height, width) for one content and one style photo, and its derivative.

    ``content_layer`` and ``style_layers`` index the network's layers. The photos are values from 0 to 1, (3, h, w);
    they may differ in size.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        pixels: PixelScaling,
        content: Tensor,
        style: Tensor,
        content_layer: int,
        style_layers: Sequence[int],
        weights: Style,
    ) -> None:
        self.weights, self.content_layer, self.style_layers = weights, content_layer, tuple(style_layers)
        self._mean, self._deviation = (torch.tensor(values)[:, None, None] for values in pixels)
        self._gradient = InputGradient(network, parameters, sorted({content_layer, *style_layers}))
        self.content = self._activations(content[None])[content_layer]
        seen = self._activations(style[None])
        self.grams = {i: equations.gram(seen[i]) / seen[i].shape[1] for i in self.style_layers}
        self._content_scale = _scale(equations.content_cost(self.content, torch.zeros_like(self.content)))
        self._style_scales = {
            i: _scale(equations.style_cost(own, torch.zeros_like(own))) for i, own in self.grams.items()
        }

    def cost(self, x: Tensor) -> tuple[float, Tensor]:
        """J of the picture, and its derivative by the picture."""
        weights, shapes = self.weights, {}
        outputs = self._gradient.outputs((x - self._mean) / self._deviation)
        total = weights.smooth * equations.total_variation(x[0])
        derivatives: dict[int, Tensor] = {}
        for i, output in outputs.items():
            shapes[i], a = output.shape, output[0].flatten(1)
            d_a = torch.zeros_like(a)
            if i == self.content_layer and weights.content:
                share = weights.content / self._content_scale
                total = total + share * equations.content_cost(a, self.content)
                d_a += share * equations.content_cost_backward(a, self.content)
            if i in self.grams and weights.style:
                share = weights.style / len(self.grams) / self._style_scales[i]
                g = equations.gram(a) / a.shape[1]
                total = total + share * equations.style_cost(g, self.grams[i])
                d_a += share * equations.style_cost_backward(a, g, self.grams[i])
            derivatives[i] = d_a.view(output.shape)
        d_x = self._gradient.backward(derivatives) / self._deviation
        d_x[0] += weights.smooth * equations.total_variation_backward(x[0])
        return float(total), d_x

    def _activations(self, x: Tensor) -> dict[int, Tensor]:
        outputs = self._gradient.outputs((x - self._mean) / self._deviation)
        return {i: output[0].flatten(1) for i, output in outputs.items()}


def transfer_style(
    published: Published | tuple[Network, Parameters],
    content: Image.Image,
    style: Image.Image,
    settings: Style | None = None,
    on_step: Callable[[StyleProgress], object] | None = None,
) -> Image.Image:
    """Paint ``content`` in the style of ``style``, from coarse to fine, starting with the content photo itself.

    ``published`` is a trained network of colour images, such as `leadline.architectures.load_published` gives.
    ``on_step`` is called after each step, and ends the painting by returning True.
    """
    settings = settings or Style()
    network, parameters, pixels = _parts(published)
    content_layer, style_layers = default_layers(network, settings.sizes[0])
    sizes, picture = settings.sizes, at_size(content, settings.sizes[0])
    for k, size in enumerate(sizes):
        target = at_size(content, size)
        picture = interpolate(picture[None], target.shape[1:], mode="bicubic", align_corners=False).clamp(0, 1)
        painting = StyleTransfer(
            network,
            parameters,
            pixels,
            target,
            at_size(style, max(LEAST_SIZE, (settings.style_size or settings.size) * size // settings.size)),
            content_layer,
            style_layers,
            settings,
        )
        picture, ended = _descend(painting, picture, settings, k, size, on_step)
        if ended:
            break
    return as_photo(picture)


def default_layers(network: Network, size: int) -> tuple[int, list[int]]:
    """The layer of content and those of style: the last ones before the image shrinks, up to an eighth of its side.

    Content is that of the second deepest, which knows objects and still where they are. Raises `UsageError` for a
    network without such layers.
    """
    shapes = network.shapes((3, size, size))[1:]
    layers = [i for i in image_layers(network, (3, size, size)) if min(shapes[i][1:]) * 10 >= size]
    last = [i for i, after in pairwise(layers) if shapes[after][1:] != shapes[i][1:]]
    last += layers[-1:]
    if not last:
        raise UsageError("style transfer needs a network of convolutions whose layers keep an image's rows and columns")
    return last[max(len(last) - 2, 0)], last


def _descend(
    painting: StyleTransfer,
    picture: Tensor,
    settings: Style,
    scale: int,
    size: int,
    on_step: Callable[[StyleProgress], object] | None,
) -> tuple[Tensor, bool]:
    """The steps at one size; the picture (3, h, w), and whether ``on_step`` asked for the end."""
    theta = picture.flatten().clone()
    state, steps = settings.optimizer.start(theta), settings.steps * len(settings.sizes)
    x = theta.view(picture.shape)
    for step in range(settings.steps):
        cost, d_x = painting.cost(x)
        # The rate falls to a tenth, so that strokes settle.
        rate = float(settings.optimizer.learning_rate) * (1 - 0.9 * step / settings.steps)
        settings.optimizer.update(theta, d_x.flatten(), state, rate)
        theta.clamp_(0, 1)
        done = scale * settings.steps + step + 1
        if on_step and on_step(StyleProgress(done, steps, size, cost, lambda: as_photo(x[0]))):
            return x[0], True
    return x[0], False


def _parts(published: Published | tuple[Network, Parameters]) -> tuple[Network, Parameters, PixelScaling]:
    if isinstance(published, Published):
        return published.network, published.parameters, published.pixels
    return *published, IMAGENET


def _scale(cost: Tensor) -> float:
    """What a cost is divided by; 1 where a photo has nothing of it."""
    return float(cost) or 1.0
