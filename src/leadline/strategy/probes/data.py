"""All probes of a run's data in one go: levels for the ladder, and findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from leadline.strategy.findings import WEAK, Finding
from leadline.strategy.ladder import Level
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.copies import copy_findings, repeats
from leadline.strategy.probes.curve import TRAININGS, Growth, growth
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.groups import group_findings
from leadline.strategy.probes.labels import label_findings
from leadline.strategy.probes.leaks import leak_findings
from leadline.strategy.probes.levels import levels
from leadline.strategy.probes.mixed_labels import mixed_label_findings
from leadline.strategy.probes.near_copies import near_copy_findings
from leadline.strategy.probes.order import order_findings
from leadline.strategy.probes.rare import rare_findings
from leadline.strategy.probes.references import leading, references
from leadline.strategy.probes.shift import shift_findings
from leadline.strategy.probes.signal import signal, signal_findings
from leadline.strategy.probes.verdict import Beside, beside, bias_findings

FAR_VALUES = ("heavy-tails", "wrong-labels")
LEAST = 30
"""Training and dev examples below which nothing can be told."""


@dataclass
class Probed:
    """What the probes have shown.

    Attributes:
        findings: of the data, and of the training.
        about_gaps: of bias, variance and noise.
        levels: errors that were measured beside the network's.
        compared: the references beside the network.
        growth: the learning curve of the best reference.

    """

    findings: list[Finding] = field(default_factory=list)
    about_gaps: list[Finding] = field(default_factory=list)
    levels: tuple[Level, ...] = ()
    compared: tuple[Beside, ...] = ()
    growth: Growth | None = None


def probe_data(examined: Examined, sets: Mapping[str, Mapping[str, Array]], budget: Budget) -> Probed:
    """Make every probe of the data that the budget has time for, the cheap and grave ones first.

    ``sets`` holds the inputs of train, dev and test by column, to be compared with each other.
    """
    probed = Probed()
    if min(len(examined.train), len(examined.dev)) < LEAST:
        budget.skip("all probes of the data", f"there are fewer than {LEAST} training or dev examples")
        return probed
    with budget.timed("copies"):
        repeated = repeats(examined)
        probed.findings += copy_findings(examined, repeated)
    found = references(examined, budget)
    with budget.timed("levels"):
        probed.levels = levels(examined, found, repeated)
    with budget.timed("signal"):
        seen = signal(examined, found)
        probed.findings += [*signal_findings(examined, found, seen), *rare_findings(examined, seen)]

    def within(name: str, probe: Callable[[], list[Finding]]) -> None:
        if budget.left <= 0:
            budget.skip(name)
            return
        with budget.timed(name):
            probed.findings += probe()

    within("near copies", lambda: near_copy_findings(examined))
    within("columns", lambda: leak_findings(examined, budget))
    within("sets", lambda: shift_findings(examined, found, sets))
    within("labels", lambda: label_findings(examined, found))
    within("groups", lambda: group_findings(examined, budget))
    within("mixed labels", lambda: mixed_label_findings(examined))
    within("order", lambda: order_findings(examined, found, budget.left / 2))
    best = leading(examined, found, budget.left / TRAININGS)
    if best is not None and budget.left > 0:
        with budget.timed("learning curve"):
            probed.growth = growth(examined, *best)
    else:
        budget.skip("learning curve")
    probed.findings = _in_agreement(probed.findings)
    probed.compared = beside(examined, found)
    probed.about_gaps = bias_findings(examined, probed.compared)
    return probed


def _in_agreement(findings: list[Finding]) -> list[Finding]:
    """Findings of which none is what another brings about: that one becomes a hint.

    A few far values hide from the squared error what there is to learn. Where the data change along the file, a model
    of all rows is surely wrong about those of one part, which looks as if their labels were.
    """
    codes = {each.code for each in findings if each.concludes}
    hidden: set[str] = set()
    if codes & set(FAR_VALUES):
        hidden.add("no-signal")
    if "drift" in codes:
        hidden.add("wrong-labels")
    return [replace(each, strength=WEAK) if each.code in hidden else each for each in findings]
