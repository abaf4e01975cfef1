"""Learning-rate schedules side by side."""

from __future__ import annotations

import numpy as np

from leadline.optimize import (
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    InverseTime,
    Schedule,
    StepDecay,
    WarmUp,
)
from leadline.report.figures.figure import Figure, axis
from leadline.report.style import SERIES

BASE, EPOCHS = 0.2, 40
SCHEDULES: dict[str, Schedule] = {
    "constant": Constant(),
    "α₀/(1 + d·epoch), d = 0.1": InverseTime(0.1),
    "α₀·0.95ᵉᵖᵒᶜʰ": Exponential(0.95),
    "α₀/√epoch": InverseSqrt(per="epoch"),
    "halved every 10": StepDecay(every=10),
    "cosine": Cosine(EPOCHS),
    "cosine after 5 of warm-up": WarmUp(epochs=5, schedule=Cosine(EPOCHS)),
}


def schedules() -> Figure:
    """The learning rate by epoch for each schedule."""
    epochs = np.arange(EPOCHS + 1)
    lines = [
        {
            "type": "scatter",
            "x": epochs,
            "y": [schedule(BASE, int(epoch), int(epoch)) for epoch in epochs],
            "mode": "lines",
            "name": name,
            "line": {
                "color": SERIES[number % len(SERIES)],
                "width": 2.5,
                "dash": "solid" if number < len(SERIES) else "dash",
                "shape": "hv" if isinstance(schedule, StepDecay) else "linear",
            },
            "hovertemplate": f"{name}, epoch %{{x}}: %{{y:.3g}}<extra></extra>",
        }
        for number, (name, schedule) in enumerate(SCHEDULES.items())
    ]
    layout = {"xaxis": axis("epoch"), "yaxis": axis("learning rate", rangemode="tozero")}
    description = "Learning rate by epoch for seven schedules."
    return Figure("From α₀ = 0.2", description, lines, layout, "large", log_toggle=True)
