"""A picture of a network's computation graph: SVG that stands alone, in light and in dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from leadline.network.layer import Shape
from leadline.network.parameters import shape_text
from leadline.network.summary import describe, summarize
from leadline.text import THIN, grouped

if TYPE_CHECKING:
    from leadline.network.network import Network

WIDTH, BOX_WIDTH, BOX_HEIGHT, GAP = 320, 240, 46, 40

STYLE = """
  .graph { --ink: #1d2733; --soft: #5b6875; --fill: #eef3f8; --edge: #33679b; font-family: system-ui, sans-serif; }
  @media (prefers-color-scheme: dark) {
    .graph { --ink: #e8edf2; --soft: #a3b0bc; --fill: #1d2a38; --edge: #7fb2e5; }
  }
  .graph rect { fill: var(--fill); stroke: var(--edge); }
  .graph path { fill: none; stroke: var(--edge); stroke-width: 1.5; }
  .graph .tip { fill: var(--edge); stroke: none; }
  .graph .name { fill: var(--ink); font-size: 14px; font-weight: 600; }
  .graph .note { fill: var(--soft); font-size: 12px; }
""".strip("\n")


def graph_svg(network: Network, input_shape: Shape | int) -> str:
    """The graph from input to output, as SVG text: a box for each layer, on each edge the shape of one example."""
    summary = summarize(network, input_shape)
    boxes = [("input", "", summary.input_shape)]
    boxes += [
        (describe(row.layer), _parameters(row.parameters) if row.parameters else "", row.output_shape)
        for row in summary.layers
    ]
    parts = []
    for k, (name, note, shape) in enumerate(boxes):
        top = 10 + k * (BOX_HEIGHT + GAP)
        parts.append(_box(top, name, note))
        parts.append(_edge(top + BOX_HEIGHT, shape_text(shape), last=k == len(boxes) - 1))
    height = 10 + len(boxes) * (BOX_HEIGHT + GAP) + 4
    title = f"{len(network)} layers, {_parameters(summary.parameters)}"
    return (
        f'<svg class="graph" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'role="img" aria-label="{escape(title)}">\n<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _parameters(n: int) -> str:
    return f"{grouped(n, space=THIN)} parameters"


def _box(top: int, name: str, note: str) -> str:
    left, middle = (WIDTH - BOX_WIDTH) // 2, WIDTH // 2
    name_y = top + (20 if note else 28)
    text = f'<text class="name" x="{middle}" y="{name_y}" text-anchor="middle">{escape(name)}</text>'
    if note:
        text += f'<text class="note" x="{middle}" y="{top + 37}" text-anchor="middle">{escape(note)}</text>'
    return f'<rect x="{left}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7"/>{text}'


def _edge(top: int, shape: str, last: bool) -> str:
    middle, end = WIDTH // 2, top + GAP - (6 if last else 0)
    return (
        f'<path d="M{middle} {top}V{end - 6}"/>'
        f'<path class="tip" d="M{middle - 5} {end - 8}L{middle} {end}L{middle + 5} {end - 8}Z"/>'
        f'<text class="note" x="{middle + 12}" y="{top + GAP // 2 + 2}">{escape(shape)}</text>'
    )
