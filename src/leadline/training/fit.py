"""Train to the end: epochs, early stopping, tolerance, interruption, and the history of it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from leadline.network import Network, Parameters
from leadline.training.batches import Augment
from leadline.training.divergence import DivergenceError
from leadline.training.ensemble import AnyTrainer, EnsembleTrainer
from leadline.training.interruption import Interrupted, StopAtOnce
from leadline.training.outcome import Best, FitResult
from leadline.training.settings import TrainingSettings
from leadline.training.stream import Stream
from leadline.training.trainer import Epoch, Examples, Trainer


class Keeper(Protocol):
    """Who keeps the state of a training, so that it can go on after whatever ended it."""

    def begin(self, trainer: AnyTrainer, best: Best) -> list[Epoch]:
        """Bring a training to the state that was kept, if any; returns the epochs that it has behind it."""
        ...

    def between_steps(self) -> None:
        """Some steps, or an epoch, are done."""
        ...

    def keep(self) -> None:
        """Keep the state now."""
        ...


def fit(
    network: Network,
    loss: str,
    train: Examples | Stream,
    dev: Examples | Stream | None = None,
    settings: TrainingSettings | None = None,
    parameters: Parameters | None = None,
    on_epoch: Callable[[Epoch, AnyTrainer], object] | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
    augment: Augment | None = None,
    keeper: Keeper | None = None,
) -> FitResult:
    """Train ``network`` on tensors, or on a stream of them that need not fit in memory; an ensemble member by member.

    ``loss`` is a name of `leadline.equations.losses.LOSSES`. ``parameters`` start at ``network.initialize`` with
    the seed of the settings unless given; given ones are trained in place. ``on_epoch`` is called after every epoch
    and stops the training by returning True. ``augment`` varies the inputs of each training batch. ``keeper`` keeps its
    state now and then. An interruption (Ctrl-C) ends it and keeps what was reached.
    """
    settings = settings or TrainingSettings()
    network = network.for_loss(loss)
    if parameters is None:
        shown = train.sample if isinstance(train, Stream) else train
        input_shape = tuple(shown.x.shape[1:])
        parameters = network.initialize(input_shape, settings.seed, settings.dtype, settings.device, settings.generator)
    kind = EnsembleTrainer if network.members > 1 else Trainer
    trainer = kind(network, loss, train, dev, settings, parameters, on_progress, augment)
    best = Best(settings.early_stopping)
    history = [] if keeper is None else keeper.begin(trainer, best)
    divergence: DivergenceError | None = None
    stopped = _ending(settings, trainer, best)
    try:
        while not stopped:
            record = trainer.run_epoch()
            history.append(record)
            best.see(record, parameters)
            asked = on_epoch is not None and on_epoch(record, trainer)
            stopped = "request" if asked else _ending(settings, trainer, best)
            if keeper is not None:
                keeper.between_steps()
    except StopAtOnce:
        raise
    except KeyboardInterrupt as error:
        stopped = "interrupted"
        if keeper is not None and isinstance(error, Interrupted):
            keeper.keep()
    except DivergenceError as error:
        stopped, divergence = "diverged", error
    restored = best.parameters is not None
    if best.parameters is not None:
        parameters.copy_(best.parameters)
    return FitResult(network, parameters, history, stopped, best.epoch, restored, divergence)


def _ending(settings: TrainingSettings, trainer: AnyTrainer, best: Best) -> str:
    """Why a training ends between two epochs; empty while it goes on."""
    if settings.gradient_tolerance is not None and trainer.gradient_norm < settings.gradient_tolerance:
        return "tolerance"
    if best.out_of_patience(trainer.epoch):
        return "early stopping"
    return "epochs" if trainer.epoch >= settings.epochs else ""
