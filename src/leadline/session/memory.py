"""Whether a training fits into memory, before it begins."""

from __future__ import annotations

import math

from leadline.data.streaming.memory import memory_available
from leadline.errors import LeadlineError
from leadline.session.plan import Plan
from leadline.text import bytes_text, grouped

COPIES = 3
"""Of θ at the least, whatever the optimizer: θ, its gradient, and a snapshot to go back to after a divergence."""


def bytes_of_training(plan: Plan) -> tuple[int, int]:
    """What a training takes at least: bytes for the parameters and all that has their shape, and for the examples."""
    size = 8 if plan.training.precision == "float64" else 4
    copies = COPIES + len(plan.training.optimizer.averages) + (plan.training.early_stopping is not None)
    n = 0 if plan.table is not None else plan.n_train + len(plan.split.dev)
    return copies * size * plan.n_trained, size * n * math.prod(plan.input_shape)


def check_memory(plan: Plan) -> None:
    """`LeadlineError` where a training would certainly take more than is there, with what would help."""
    if plan.transfer is not None:
        return  # its parameters are in memory already, and features may take the place of examples
    parameters, examples = bytes_of_training(plan)
    available = memory_available()
    if parameters + examples <= available:
        return
    if parameters > examples:
        cause = f"the network has {grouped(plan.n_parameters)} parameters"
        help_ = "Make its layers smaller."
    else:
        cause = f"there are {grouped(plan.n_train)} training examples of {grouped(math.prod(plan.input_shape))} numbers"
        help_ = "Read them from disk in each epoch (data.stream = true; on the command line --stream), or take fewer."
    raise LeadlineError(
        f"Training would take at least {bytes_text(parameters + examples)} of memory, and {bytes_text(available)} are "
        f"free: {cause}.\n{help_}"
    )
