"""Timing two or more ways to do the same work in one run, taking turns, so that a machine's drift hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Median seconds of each way, and how many times as fast as the last one (the peer) each is."""

    name: str
    seconds: dict[str, float]
    ratios: dict[str, tuple[float, float, float]]  # median and quartiles of the peer's time over this one's
    repeats: int

    def rows(self, steps: int) -> list[str]:
        """Lines of a Markdown table: name, way, microseconds for a step, ratio with quartiles."""
        return [
            f"| {self.name} | {way} | {seconds / steps * 1e6:,.0f} | "
            f"{self.ratios[way][0]:.2f} ({self.ratios[way][1]:.2f} to {self.ratios[way][2]:.2f}) |"
            for way, seconds in self.seconds.items()
        ]


def compare(name: str, ways: dict[str, Callable[[], object]], repeats: int, warm_up: int = 2) -> Comparison:
    """Run every way once per round; ratios are taken round by round against the last way."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for round_ in range(warm_up + repeats):
        for way, work in ways.items():
            started = time.perf_counter()
            work()
            if round_ >= warm_up:
                times[way].append(time.perf_counter() - started)
    peer = times[list(ways)[-1]]
    ratios = {}
    for way, own in times.items():
        quotients = [theirs / mine for theirs, mine in zip(peer, own, strict=True)]
        low, median, high = statistics.quantiles(quotients, n=4)
        ratios[way] = (median, low, high)
    return Comparison(name, {way: statistics.median(own) for way, own in times.items()}, ratios, repeats)
