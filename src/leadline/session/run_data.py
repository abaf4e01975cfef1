"""A run's data read again: from where they are now, and only if they are the same."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.data import Dataset
from leadline.errors import LeadlineError
from leadline.experiment import Experiment
from leadline.runs.data_paths import missing_data, named_places, remember_moved
from leadline.runs.run import Run
from leadline.session.plan import Plan, make_plan, read_data


def experiment_with_data(run: Run, data: Dataset | None = None) -> Experiment:
    """The run's experiment, whose data can be read; `data` are those that were given from Python, if any.

    Raises:
        LeadlineError: the data came from Python and were not given again, or they are no longer where they were.

    """
    experiment = run.experiment
    if data is not None:
        return experiment
    if experiment.data.source is None:
        raise LeadlineError(
            f"The data of {run.name} came from Python, not from a file: give them again, as the argument data."
        )
    missing = missing_data(experiment, run.folder)
    if missing is not None:
        raise LeadlineError(f"The data of {run.name} are gone: {missing}. Say where they are now: --data PATH.")
    return experiment


def data_of(run: Run) -> Dataset | None:
    """The run's data; None where they came from Python, are gone, or have changed since."""
    try:
        data = read_data(experiment_with_data(run))
    except LeadlineError:
        return None
    return data if data.fingerprint()["sha256"] == run.data_hash else None


def same_plan(run: Run, data: Dataset | None = None) -> Plan:
    """The run's plan made again. `leadline.errors.LeadlineError`: the data are gone or have changed since."""
    return _plan_of(run, experiment_with_data(run, data), data)


def check_same_data(run: Run, plan: Plan) -> None:
    """`leadline.errors.LeadlineError`: the plan's data are not those that the run was trained on."""
    then, now = run.fingerprint, plan.data.fingerprint()
    if then["sha256"] != now["sha256"]:
        raise LeadlineError(
            f"{plan.experiment.data.source or plan.data.name} has changed since {run.name} was trained on it "
            f"({then['n']} examples then, {now['n']} now): which examples were its test set is not known any more."
        )


def move_data(run: Run, places: Sequence[str]) -> Run:
    """Say where a run's data are now: a path, or ``GIVEN=PATH`` where there are several sources; it is remembered.

    Raises:
        UsageError: it is not clear which of several sources is meant.
        LeadlineError: there is nothing at the path, or other data than the run was trained on.

    """
    recorded = Experiment.from_toml(run.folder / "experiment.toml")
    if recorded.data.source is None:
        raise LeadlineError(f"The data of {run.name} came from Python, not from a file: --data cannot name them.")
    named = named_places(recorded, places)
    _plan_of(run, run.experiment.with_paths(lambda given, _: named.get(given, given)))
    remember_moved(run.folder, named)
    run.refresh()
    return run


def _plan_of(run: Run, experiment: Experiment, data: Dataset | None = None) -> Plan:
    plan = make_plan(experiment, data, preparation=run.preparation if experiment.network.from_ else None)
    check_same_data(run, plan)
    return plan
