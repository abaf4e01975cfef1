"""Whether advice is right on data whose truth is known: `python -m benchmarks.advice [--draws 20] [FAMILY …]`.

Each family in `tests/strategy/truth` says which next steps are right; "cannot tell" is open, anything else harmful.
"""

from __future__ import annotations

import argparse
import sys

from tests.strategy.truth import FAMILIES, table, try_family


def main(arguments: list[str] | None = None) -> int:
    """Try families and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    parser.add_argument("--sound", type=float, default=0.0, help="seconds of a sounding before the advice is judged")
    parser.add_argument("--verbose", action="store_true", help="print what is said of each draw")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.families if name not in FAMILIES]
    if unknown:
        parser.error(f"unknown family '{unknown[0]}'; there are: {', '.join(FAMILIES)}")
    trials = []
    for name in given.families or FAMILIES:
        for k in range(given.first, given.first + given.draws):
            trials.append(try_family(FAMILIES[name], k, given.sound))
            if given.verbose:
                trial = trials[-1]
                print(
                    f"{name} {k} {trial.seconds:.1f} s {trial.verdict}: {trial.step} <- {trial.text}", file=sys.stderr
                )
    print(table(trials))
    return 0


def run() -> None:
    """The whole, for `python -m benchmarks`."""
    main([])


if __name__ == "__main__":
    sys.exit(main())
