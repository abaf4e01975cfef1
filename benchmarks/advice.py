"""Whether advice is right on data whose truth is known: `python -m benchmarks.advice [--draws 20] [FAMILY …]`.

Each family in `tests/strategy/truth` says which next steps are right; "cannot tell" is open, anything else harmful.
``--sound 40`` judges what is said after a sounding of so many seconds. ``--write`` puts the table into RESULTS.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from tests.strategy.truth import FAMILIES, Trial, table, try_family

RESULTS = Path(__file__).parent / "RESULTS.md"
TITLE, TITLE_SOUNDED = "Advice on constructed data", "Advice on constructed data after a sounding"


def main(arguments: list[str] | None = None) -> int:
    """Try families and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    parser.add_argument("--sound", type=float, default=0.0, help="seconds of a sounding before the advice is judged")
    parser.add_argument("--verbose", action="store_true", help="print what is said of each draw")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/RESULTS.md")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.families if name not in FAMILIES]
    if unknown:
        parser.error(f"unknown family '{unknown[0]}'; there are: {', '.join(FAMILIES)}")
    trials: list[Trial] = []
    for name in given.families or FAMILIES:
        for k in range(given.first, given.first + given.draws):
            trials.append(try_family(FAMILIES[name], k, given.sound))
            if given.verbose:
                said = trials[-1]
                print(f"{name} {k} {said.seconds:.1f} s {said.verdict}: {said.step} <- {said.text}", file=sys.stderr)
    print(table(trials))
    if given.write:
        write(TITLE_SOUNDED if given.sound else TITLE, table(trials))
    return 0


def write(title: str, text: str) -> None:
    """Put a section of this title into RESULTS.md, in place of the one that is there."""
    kept = RESULTS.read_text(encoding="utf-8")
    section = f"## {title}\n\n`python -m benchmarks.advice` ({len(FAMILIES)} families).\n\n{text}\n"
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    made, count = pattern.subn(lambda _: f"{section}\n", kept)
    RESULTS.write_text((made if count else f"{kept.rstrip()}\n\n{section}").rstrip() + "\n", encoding="utf-8")


def run() -> None:
    """The whole, for `python -m benchmarks`."""
    main([])


if __name__ == "__main__":
    sys.exit(main())
