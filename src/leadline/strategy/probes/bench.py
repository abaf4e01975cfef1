"""What the probes of the training work on: the network, its examples and settings, and what is known of the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from leadline.network import Network, Parameters
from leadline.strategy.evidence import Evidence
from leadline.training import Augment, Examples, TrainingSettings


@dataclass(frozen=True, eq=False)
class TrainingBench:
    """A finished training, so that short trainings beside it can be compared with it.

    Attributes:
        network: its layers; the output layer fits ``loss``.
        loss: the cost that was minimized, without penalties.
        train: the prepared training examples.
        dev: the prepared dev examples; None where there are none.
        settings: of the training.
        evidence: facts of the run: costs by epoch, layers, normalization, …
        parameters: what was kept at the end.
        augment: makes what varies training images; None where they are not varied.

    """

    network: Network
    loss: str
    train: Examples
    dev: Examples | None
    settings: TrainingSettings
    evidence: Evidence
    parameters: Parameters | None = None
    augment: Callable[[], Augment | None] | None = None
