"""Writes a run's folder while the training goes on, and completes it at the end."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.files import reason, writing
from leadline.measure import Estimate
from leadline.network import Parameters
from leadline.runs.checkpoint import save_checkpoint
from leadline.runs.data_paths import write_paths
from leadline.runs.decision import Decision, write_decision
from leadline.runs.environment import environment
from leadline.runs.folder import RATE_FILE, STOP_FILE, RunFolder
from leadline.runs.index import RunIndex
from leadline.runs.metrics import write_metrics
from leadline.runs.repeated import Evaluation, write_evaluation
from leadline.runs.run import DIAGNOSIS, Run
from leadline.runs.store import RunStore, published_name
from leadline.runs.summary import RunSummary, write_summary
from leadline.runs.trained import TrainedNetwork, state_tensors
from leadline.runs.verification import write_checksums
from leadline.session.evaluation import evaluate_run
from leadline.session.final import save_final, train_final, trains_once_more
from leadline.session.keeping import StateKeeper, remove_states
from leadline.session.mismatch import write_mismatch
from leadline.session.plan import Plan
from leadline.session.probing import seconds_allowed
from leadline.session.results import (
    Predicted,
    diagnose_run,
    measure_error,
    predict_sets,
    save_predictions,
    write_run_report,
)
from leadline.session.training_probes import probed_training
from leadline.strategy.probes.retraining import ProbedTraining
from leadline.training import AnyTrainer, DivergenceError, Epoch, FitResult
from leadline.training.interruption import Interruption
from leadline.training.state import TrainingState

RUNG_OF_SET = {"train": "train", "train_dev": "train-dev", "dev": "dev"}


class TrainingListener(Protocol):
    """Who wants to know how a training goes on: a progress bar, for one."""

    def planned(self, plan: Plan) -> None:
        """The experiment is resolved; training is about to begin."""

    def step(self, step: int, steps: int, cost: float) -> None:
        """Some batches of an epoch are done."""

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """An epoch is done: one line of the history."""

    def evaluating(self, text: str) -> None:
        """A training beside the run begins: another seed, or a fold."""


class Recorder:
    """What is written when: before training, after each epoch, at the end, and when something goes wrong."""

    def __init__(
        self, plan: Plan, store: RunStore, folder: RunFolder, listener: TrainingListener | None, quick: bool = False
    ) -> None:
        self.plan, self.store, self.folder, self.listener, self.quick = plan, store, folder, listener, quick
        self.started, self.clock = datetime.now(UTC), time.monotonic()
        self.trainer: AnyTrainer | None = None
        self.rates_by_hand: dict[int, float] = {}
        self.interruption = Interruption()
        self.keeper = StateKeeper(folder, self.interruption, self._checkpoint, self._facts)
        self.final = False
        self.trained_seconds: float | None = None  # without predicting and probing
        self.error_scale = plan.preparation.error_scale

    def describe(self) -> None:
        """Write what is known before training."""
        plan, folder = self.plan, self.folder
        folder.write_text("experiment.toml", plan.experiment.to_toml())
        write_paths(folder, plan.experiment)
        folder.write_json("environment.json", environment())
        folder.write_json(
            "data.json",
            {
                "fingerprint": plan.data.fingerprint(),
                "classes": list(plan.data.classes),
                "class_type": plan.data.class_type,
                "target": plan.data.target_name,
                "split": plan.split.sizes | {"train": plan.n_train, "sha256": plan.split.hash()},
                "notices": plan.notices,
            },
        )
        folder.write_json("preparation.json", plan.preparation.to_json())
        plan.split.save(folder / "split.npz")
        if plan.transfer is not None:
            guidelines = [each.to_json() for each in plan.guidelines]
            folder.write_json("transfer.json", plan.transfer.to_json() | {"guidelines": guidelines})
        self._summary("running")

    def epoch(self, epoch: Epoch, trainer: AnyTrainer) -> bool:
        """Record an epoch; the first one gives the run its name. Returns whether somebody has asked for the end."""
        self.trainer = trainer
        if epoch.epoch == 1:
            self.store.publish(self.folder)
        line = dict(vars(epoch))
        for key in ("train_error", "dev_error"):
            line[key] = None if line[key] is None else line[key] * self.error_scale
        if line["dev_goal"] is None:
            del line["dev_goal"]
        self.folder.append_epoch(line)
        if self.listener is not None:
            self.listener.epoch(line)
        return (self.folder / STOP_FILE).exists()

    def go_on(self, state: TrainingState | None) -> None:
        """Begin where a state was kept; None: from the start again. The history after it is cut off."""
        epochs = self.behind(state)
        self.keeper = StateKeeper(self.folder, self.interruption, self._checkpoint, self._facts, state, epochs)
        with writing(self.folder):
            (self.folder / STOP_FILE).unlink(missing_ok=True)
        self._summary("running")
        self._try("The list of runs", "runs", lambda: RunIndex(self.store).add(self.folder))

    def behind(self, state: TrainingState | None) -> list[Epoch]:
        """Take over when the run began and what it has spent; the epochs before the state; no others are kept."""
        self.started = datetime.fromisoformat(self.folder.read_json("run.json")["started"])
        lines = self.folder.history()[: state.epoch if state else 0]
        self.folder.write_history(lines)
        if state is not None:
            facts = state.values["facts"]
            self.clock -= float(facts["seconds"])
            self.rates_by_hand = {int(epoch): float(rate) for epoch, rate in facts["rates_by_hand"].items()}
        return [self._as_epoch(line) for line in lines]

    def how_to_go_on(self) -> str:
        """A line for whoever interrupted a training before its first epoch was done; empty where nothing was kept."""
        name = published_name(self.folder)
        kept = self.folder.path.name == name
        return f"{name} was interrupted in its first epoch. Go on: leadline resume {name}" if kept else ""

    def _facts(self) -> dict[str, Any]:
        """What goes on with a state, besides the training's own."""
        return {"seconds": time.monotonic() - self.clock, "rates_by_hand": self.rates_by_hand}

    def _as_epoch(self, line: Mapping[str, Any]) -> Epoch:
        """The inverse of what `epoch` writes, but for rounding."""
        scaled = {key: line[key] / self.error_scale for key in ("train_error", "dev_error") if line[key] is not None}
        return Epoch(**{field.name: line[field.name] for field in fields(Epoch) if field.name in line} | scaled)

    def rate_by_hand(self) -> float | None:
        """The learning rate that somebody has written into the run's folder while it trains, if any."""
        path = self.folder / RATE_FILE
        if not path.exists():
            return None
        rate = float(path.read_text(encoding="utf-8"))
        epoch = (self.trainer.epoch if self.trainer else 0) + 1
        if rate > 0 and rate != next(reversed(self.rates_by_hand.values()), None):
            self.rates_by_hand[epoch] = rate
        return rate

    def finish(self, finished: FitResult) -> Run:
        """Save the parameters, predict, measure, diagnose, report and enter the run into the index."""
        plan, run = self.plan, Run(self.folder)
        with writing(self.folder):
            (self.folder / STOP_FILE).unlink(missing_ok=True)
        self._checkpoint(finished.parameters, finished.kept_epoch or 0, stopped=finished.stopped)
        trained = plan.trained(finished)

        def training() -> ProbedTraining | None:
            return probed_training(plan, finished.parameters, finished.history, finished.stopped)

        self.trained_seconds = time.monotonic() - self.clock
        seconds = 0.0 if self.quick or finished.stopped == "interrupted" else seconds_allowed(self.trained_seconds)
        errors, predicted, decision = self._measure(trained, finished)
        facts = {"best_epoch": finished.best_epoch, "stopped": finished.stopped}
        if trains_once_more(plan.experiment, finished):
            self._train_once_more(finished, decision)
        evaluation = self._evaluate(finished, predicted)
        history = self.folder.history()
        diagnosis = diagnose_run(plan, errors, history, facts, predicted, training, seconds, decision, evaluation)
        self.folder.write_json(DIAGNOSIS, diagnosis.to_json())
        status = finished.stopped if finished.stopped in ("interrupted", "diverged") else "done"
        write_checksums(self.folder)
        self._summary(status, finished, errors, diagnosis.conclusion)
        self.final = True
        if status == "done" and finished.stopped != "request":
            remove_states(self.folder)
        self.folder.release(ended=True)
        self._make_from_it(run)
        return run

    def _train_once_more(self, finished: FitResult, decision: Decision) -> None:
        """Train the final network; where that fails or is interrupted, new rows are predicted with the run's own."""
        try:
            save_final(self.folder, self.plan, train_final(self.plan, finished, decision))
        except (KeyboardInterrupt, LeadlineError) as error:
            why = "was interrupted" if isinstance(error, KeyboardInterrupt) else f"failed: {error}"
            note = f"The final training on train and dev {why}. The run predicts with its first network."
            warnings.warn(note, LeadlineWarning, stacklevel=3)

    def _evaluate(self, finished: FitResult, predicted: Mapping[str, Predicted]) -> Evaluation:
        """Train other seeds and folds where the experiment asks for them and the run itself came to its end."""
        asked = self.plan.experiment.evaluation
        if finished.stopped in ("interrupted", "diverged", "request") or (asked.seeds is None and asked.folds is None):
            return Evaluation()
        told = self.listener.evaluating if self.listener is not None else lambda _: None
        evaluation = evaluate_run(self.plan, self.folder, predicted, told)
        write_evaluation(self.folder, evaluation)
        return evaluation

    def _make_from_it(self, run: Run) -> None:
        """Make what follows from the run's own record, which is complete: what fails is said, and changes nothing."""
        made: Sequence[tuple[str, str, Callable[[], object]]] = (
            ("The metrics by class and segment", "show", lambda: write_metrics(run)),
            ("The comparison of train-dev and dev", "mismatch", lambda: write_mismatch(self.folder, self.plan)),
            ("The report", "report", lambda: write_run_report(run, self.plan.data)),
            ("The list of runs", "runs", lambda: RunIndex(self.store).add(self.folder)),
        )
        for name, command, make in made:
            self._try(name, command, make)

    def _try(self, name: str, command: str, make: Callable[[], object]) -> None:
        try:
            make()
        except Exception as error:
            message = f"{name} could not be written: {reason(error)}. The run itself is whole; see leadline {command}."
            warnings.warn(message, LeadlineWarning, stacklevel=4)

    def fail(self, error: BaseException) -> None:
        """Leave nothing behind unless epochs were measured; then say how the run ended."""
        published = self.folder.path.name == published_name(self.folder)
        if self.final:
            return
        if not published or isinstance(error, DivergenceError):
            self.store.discard(self.folder)
            self.folder.release(ended=True)
            return
        written = False
        with suppress(LeadlineError):  # on a full disk: then the free lock says that it was interrupted
            self._summary("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
            written = True
        self.folder.release(ended=written)

    def _measure(
        self, trained: TrainedNetwork, finished: FitResult
    ) -> tuple[dict[str, Estimate], dict[str, Predicted], Decision]:
        """Predict and measure each open set: errors by rung, predictions by set, and how the network answers.

        A network that does not compute numbers is nothing to keep.
        """
        plan, task = self.plan, self.plan.data.task
        sets = [part for part in RUNG_OF_SET if len(plan.split.sets[part])]
        predicted, decision = predict_sets(trained, plan, sets)
        for part, each in predicted.items():
            if not np.isfinite(each.outputs).all():
                raise finished.divergence or DivergenceError(
                    f"training diverged: outputs for the {RUNG_OF_SET[part]} set are not finite. "
                    "Try a lower learning rate."
                )
        write_decision(self.folder, decision)
        for part, each in predicted.items():
            save_predictions(self.folder, plan, part, each)
        errors = {RUNG_OF_SET[part]: measure_error(task, plan.optimizing, each) for part, each in predicted.items()}
        return errors, predicted, decision

    def _checkpoint(self, parameters: Parameters, epoch: int, stopped: str | None = None) -> None:
        plan = self.plan
        self.store.publish(self.folder)
        tensors = state_tensors(plan.whole(parameters))
        state = {
            "epoch": epoch,
            "stopped": stopped,
            "task": plan.data.task,
            "loss": plan.loss,
            "input_shape": list(plan.input_shape),
            "layers": plan.network.config(),
        }
        save_checkpoint(Run(self.folder).checkpoint_path, tensors, state)

    def _summary(
        self,
        status: str,
        finished: FitResult | None = None,
        errors: Mapping[str, Estimate] | None = None,
        conclusion: str | None = None,
    ) -> None:
        plan = self.plan
        summary = RunSummary(
            status,
            published_name(self.folder),
            self.started.isoformat(timespec="seconds"),
            round(self.trained_seconds or time.monotonic() - self.clock, 3),
            plan.source,
            str(plan.data.task),
            plan.experiment.goal.optimizing,
            plan.n_parameters,
            len(finished.history) if finished else None,
            finished.best_epoch if finished else None,
            finished.kept_epoch if finished else None,
            finished.stopped if finished else None,
            errors or {},
            conclusion,
            self.rates_by_hand,
        )
        write_summary(self.folder, summary)
