"""Whether advice is right on data whose truth is known: `python -m benchmarks.advice [--draws 20] [FAMILY …]`.

Each family in `tests/strategy/truth` says which next steps are right; "cannot tell" is open, anything else harmful.
``--sound 40`` judges what is said after a sounding of so many seconds. ``--write`` puts the table into RESULTS.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from tests.strategy.truth import FAMILIES, HELD_OUT, Trial, table, try_family

RESULTS = Path(__file__).parent / "RESULTS.md"
TITLE = "Advice on constructed data"
ALL = FAMILIES | HELD_OUT


def main(arguments: list[str] | None = None) -> int:
    """Try families and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(ALL)}")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    parser.add_argument("--sound", type=float, default=0.0, help="seconds of a sounding before the advice is judged")
    parser.add_argument("--verbose", action="store_true", help="print what is said of each draw")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/RESULTS.md")
    parser.add_argument("--held-out", action="store_true", help="the families that were written after the rules")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.families if name not in ALL]
    if unknown:
        parser.error(f"unknown family '{unknown[0]}'; there are: {', '.join(ALL)}")
    trials: list[Trial] = []
    for k in range(given.first, given.first + given.draws):
        for name in given.families or (HELD_OUT if given.held_out else FAMILIES):
            trials.append(try_family(ALL[name], k, given.sound))
            if given.verbose:
                said = trials[-1]
                print(f"{name} {k} {said.seconds:.1f} s {said.verdict}: {said.step} <- {said.text}", file=sys.stderr)
    trials.sort(key=lambda trial: list(ALL).index(trial.family))
    print(table(trials))
    if given.write:
        title = TITLE + (" that was held out" if given.held_out else "") + (" after a sounding" if given.sound else "")
        write(title, table(trials))
    return 0


def write(title: str, text: str) -> None:
    """Put a section of this title into RESULTS.md, in place of the one that is there."""
    kept = RESULTS.read_text(encoding="utf-8")
    section = (
        f"## {title}\n\n`python -m benchmarks.advice` ({len(FAMILIES)} families, {len(HELD_OUT)} held out).\n\n{text}\n"
    )
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    made, count = pattern.subn(lambda _: f"{section}\n", kept)
    RESULTS.write_text((made if count else f"{kept.rstrip()}\n\n{section}").rstrip() + "\n", encoding="utf-8")


def run() -> None:
    """The whole, for `python -m benchmarks`."""
    main([])


if __name__ == "__main__":
    sys.exit(main())
