"""Going on with a training that was killed, stopped or refused by the disk, and measuring what it had reached."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.experiment import Experiment
from leadline.files import remove_drafts
from leadline.runs.run import Run, load_run
from leadline.runs.store import RunStore
from leadline.session.guidelines import check_guidelines
from leadline.session.keeping import load_state
from leadline.session.plan import Plan, make_plan
from leadline.session.recorder import Recorder, TrainingListener
from leadline.session.run_data import check_same_data, experiment_with_data, same_plan
from leadline.session.training import recorded, run_experiment
from leadline.training import FitResult

ENDED_BEFORE = ("interrupted", "failed")
"""How a run ended that can go on."""


def resume(
    run: Run | str = "last",
    data: Dataset | None = None,
    *,
    runs: str | os.PathLike[str] | None = None,
    listener: TrainingListener | None = None,
) -> Run:
    """Go on with a training that ended before its time; it ends as if it had never been interrupted, bit for bit.

    Args:
        run: a run, or its name.
        data: the data it was trained on, where they came from Python and not from a file.
        runs: the folder of the runs; by default the run's own, or ``runs``.
        listener: hears how it goes on.

    Raises:
        LeadlineError: it is done, diverged, or still running; or the data are not what they were.

    """
    run = run if isinstance(run, Run) else load_run(run, "runs" if runs is None else runs)
    run.refresh()
    if not can_resume(run):
        raise LeadlineError(f"{run.name} is {run.status}: there is nothing to go on with.")
    experiment = experiment_with_data(run, data)
    store = RunStore(run.folder.path.parent if runs is None else runs)
    run.folder.claim()
    try:
        plan = make_plan(experiment, data, runs=store.root)
        check_same_data(run, plan)
        if plan.transfer is not None:
            plan = replace(plan, guidelines=check_guidelines(plan, plan.transfer))
        state = load_state(run.folder)
        recorder = Recorder(plan, store, run.folder, listener)
    except BaseException:
        run.folder.release(ended=run.summary.status != "running")
        raise
    remove_drafts(run.folder.path)
    resumed = recorded(recorder, lambda: recorder.go_on(state))
    run.refresh()
    return resumed


def can_resume(run: Run) -> bool:
    """Whether a run ended before its time: it was killed, interrupted or stopped by hand, or the disk was full."""
    return run.status in ENDED_BEFORE or (run.status == "done" and run.summary.stopped == "request")


def conclude(run: Run, data: Dataset | None = None) -> Run:
    """Measure, diagnose and report what a killed training had reached by its last checkpoint; it may still go on.

    Raises:
        LeadlineError: it is still running, or kept nothing; or the data are not what they were.

    """
    if run.status not in ENDED_BEFORE:
        raise LeadlineError(f"{run.name} is {run.status}: there is nothing to measure now.")
    plan, trained, state = same_plan(run, data), run.trained_network(), load_state(run.folder)
    if state is None or not state.epoch:
        raise LeadlineError(f"{run.name} has not finished an epoch: leadline resume {run.name} goes on.")
    run.folder.claim()
    recorder = Recorder(plan, RunStore(run.folder.path.parent), run.folder, None)
    try:
        epochs = recorder.behind(state)
        restored = "best.theta" in state.tensors
        best = state.values["best_epoch"]
        reached = FitResult(plan.network.for_loss(plan.loss), trained.parameters, epochs, "interrupted", best, restored)
        return recorder.finish(reached)
    except BaseException as error:
        recorder.fail(error)
        raise


def train_or_resume(
    experiment: Experiment,
    *,
    name: str | None = None,
    runs: str | os.PathLike[str] = "runs",
    listener: TrainingListener | None = None,
    quick: bool = False,
) -> Run:
    """Go on with the run of this experiment that ended before its time, the latest of them; train where there is none.

    So one command may be given again and again until its run is done. With a ``name`` it is the run of that name, which
    must be of the same experiment; where that is done, it is given back as it is. `quick` is as in `run_experiment`.
    """
    plan = make_plan(experiment, runs=runs)
    store = RunStore(runs)
    if name is not None and (folder := store.folder(name)) is not None:
        run = Run(folder)
        if not _is_of(run, plan):
            raise LeadlineError(f"The run {name} is of another experiment: choose another name.")
        return resume(run, runs=runs, listener=listener) if can_resume(run) else run
    ended = [] if name is not None else [run for run in map(Run, store.folders()) if _can_go_on(run, plan)]
    if ended:
        return resume(max(ended, key=lambda run: run.summary.started or ""), runs=runs, listener=listener)
    return run_experiment(experiment, name=name, runs=runs, listener=listener, quick=quick)


def _can_go_on(run: Run, plan: Plan) -> bool:
    try:
        return run.status in ENDED_BEFORE and _is_of(run, plan)
    except LeadlineError:
        return False  # a damaged run is no reason not to train


def _is_of(run: Run, plan: Plan) -> bool:
    return Path(run.folder / "experiment.toml").read_text(encoding="utf-8") == plan.experiment.to_toml()
