"""What can be done to a training while it runs, from another program: a new learning rate, or an end.

Both are files in the run's folder, which the training looks at once an epoch.
"""

from __future__ import annotations

from leadline.errors import LeadlineError
from leadline.optimize import change_rate
from leadline.runs.folder import RATE_FILE, STOP_FILE
from leadline.runs.run import Run


def set_rate(run: Run, rate: float | None) -> None:
    """Give a run a new learning rate from its next epoch on, or with None the rate of its schedule again.

    Raises:
        LeadlineError: the run is not training any more, or the rate is no positive number.

    """
    _check_running(run)
    change_rate(run.folder / RATE_FILE, rate)


def stop(run: Run) -> None:
    """End a training after its epoch; what it has reached is kept, measured and reported.

    Raises:
        LeadlineError: the run is not training any more.

    """
    _check_running(run)
    run.folder.write_text(STOP_FILE, "")


def _check_running(run: Run) -> None:
    run.refresh()
    if run.status != "running":
        raise LeadlineError(f"{run.name} is not training any more (it is {run.status}); nothing was changed.")
