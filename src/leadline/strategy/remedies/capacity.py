"""Remedies of the network itself: its size, and batch normalization inside it.

Source: the basic recipe and batch normalization of course 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from typing_extensions import override

from leadline.network import edits
from leadline.strategy.evidence import Evidence
from leadline.strategy.ladder import BIAS, VARIANCE
from leadline.strategy.remedies.remedy import Advice, Changes, Option, Remedy, layers_change
from leadline.text import grouped

NARROW = 16
"""Units below which twice as many are still few."""
MANY_PARAMETERS = 10
"""Parameters for each training answer from which on a network is large for its data."""


class BiggerNetwork(Remedy):
    """Wider hidden layers, more of them, or both."""

    name, title, moves = "bigger_network", "Bigger network", (BIAS, VARIANCE)
    rank = 30
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.1, VARIANCE: 0.04}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        deeper = layers_change(edits.edited(e.layers, edits.deepened))
        options = [Option("twice as wide", _widened(e, 2.0)), Option("one layer deeper", deeper)]
        if max((e.network[i].n_outputs or 0 for i in e.hidden), default=0) < NARROW:
            much = layers_change(edits.edited(e.layers, edits.much_bigger))
            hidden = layers_change(edits.edited(e.layers, edits.with_hidden_layer))
            options += [Option("a hidden layer", hidden), Option("several times as wide, and deeper", much)]
        return options

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap != BIAS or not e.layers or e.n_parameters is None or e.n_train is None or not e.levelled_off:
            return
        size = f"{grouped(e.n_parameters)} parameters for {grouped(e.n_train)} training examples"
        side = "Variance may rise; regularization keeps it down."
        reason = f"training has levelled off with {size}."
        wider, deeper = _widened(e, 2.0), layers_change(edits.edited(e.layers, edits.deepened))
        if wider:
            what = "hidden layers" if e.hidden else "convolutions"
            yield self.advise(f"Widen the {what}", BIAS, reason, wider, side, VARIANCE)
        else:
            reason = f"the network has no hidden layer ({size}), so it can only draw straight boundaries."
            deeper = layers_change(edits.edited(e.layers, edits.with_hidden_layer))
        if deeper:
            yield self.advise("Add a hidden layer", BIAS, reason, deeper, side, VARIANCE)


class SmallerNetwork(Remedy):
    """Narrower hidden layers."""

    name, title, moves = "smaller_network", "Smaller network", (VARIANCE, BIAS)
    rank = 110
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.0, VARIANCE: 0.02}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        return [Option("half as wide", _widened(e, 0.5))]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap != VARIANCE or e.n_parameters is None or e.n_train is None:
            return
        change = _widened(e, 0.5)
        if change and e.n_parameters >= MANY_PARAMETERS * e.n_train * e.n_outputs:
            reason = f"{grouped(e.n_parameters)} parameters for {grouped(e.n_train)} training examples are many."
            what = "hidden layers" if e.hidden else "convolutions"
            yield self.advise(f"Narrow the {what}", VARIANCE, reason, change, "Bias may rise.", BIAS)


def _widened(e: Evidence, factor: float) -> Changes:
    return layers_change(edits.edited(e.layers, edits.widened, factor, e.input_shape))


class BatchNormalization(Remedy):
    """Batch normalization after the linear part of every hidden layer."""

    name, title, moves = "batch_norm", "Batch normalization", (BIAS,)
    rank = 130
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.05, VARIANCE: 0.03}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        change = layers_change(edits.edited(e.layers, edits.with_batch_norm))
        return [Option("after every hidden layer", change)]
