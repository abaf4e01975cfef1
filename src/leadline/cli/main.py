"""The commands put together, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperCommand
from typer.main import get_command_from_info
from typer.models import CommandInfo

from leadline import trust
from leadline.cli import (
    application,
    choose,
    diagnose,
    export,
    extensions,
    importance,
    imported,
    manage,
    mismatch,
    multitask,
    pictures,
    rate,
    resume,
    review,
    runs,
    search,
    sound,
    style,
    synthesize,
    tables,
    theory,
    threshold,
    train,
)
from leadline.cli.option_names import in_options
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.files import reason

NO_MEMORY = "There is not enough memory for this. Data on disk train with --stream; a smaller batch or network helps."
TORCH_WITHOUT_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""How torch says that there is none."""

app = typer.Typer(
    name="leadline",
    help="Train deep networks, measure where their error comes from, and see what to do next.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


class Command(TyperCommand):
    """A command whose usage line names what it needs without braces: ``leadline show [OPTIONS] RUN``."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The parts of the usage line."""
        return [re.sub(r"^\{(.*)\}", r"\1", piece) for piece in super().collect_usage_pieces(ctx)]


def _name(command: CommandInfo) -> str:
    return command.name or getattr(command.callback, "__name__", "")


for module in (
    *(
        train,
        runs,
        diagnose,
        theory,
        mismatch,
        multitask,
        rate,
        choose,
        review,
        sound,
        resume,
        tables,
        search,
        application,
        export,
        threshold,
        importance,
        manage,
        imported,
    ),
    pictures,
    style,
    synthesize,
    extensions,
):
    module.register(app)

PANELS = {
    "Train": (
        "train",
        "resume",
        "runs",
        "verify-runs",
        "import",
        "rename",
        "remove",
        "restore",
        "show",
        "open",
        "report",
        "rate",
        "stop",
        "predict",
        "threshold",
        "export",
    ),
    "Find where the error comes from": (
        "diagnose",
        "importance",
        "mistakes",
        "labels",
        "mismatch",
        "human",
        "pipeline",
    ),
    "Decide what to do next": ("sound", "next", "climb", "search", "compare", "best", "multitask"),
    "Look inside and check": ("check", "augment", "synthesize", "edges", "style", "gallery", "extensions"),
}
"""The commands in the order of the help; a test says that each has its place."""

_ORDER = {name: (i, panel) for i, (panel, name) in enumerate((p, n) for p, names in PANELS.items() for n in names)}
_ELSEWHERE = (len(_ORDER), "More")
app.registered_commands.sort(key=lambda command: _ORDER.get(_name(command), _ELSEWHERE))
for command in app.registered_commands:
    command.rich_help_panel = _ORDER.get(_name(command), _ELSEWHERE)[1]
    command.cls = Command


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leadline {version('leadline')}")
        raise typer.Exit


@app.callback()
def leadline(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    agreed: Annotated[
        bool, typer.Option("--trust", help="Agree to the code that an experiment or run names; with any command.")
    ] = False,
) -> None:
    """Train deep networks, measure where their error comes from, and see what to do next."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed, 2 wrong usage; a user's mistake is one or two lines on stderr."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    _hear_sigterm()
    trust.ask_with(ask_whether_to_run)
    if "--trust" in arguments:
        arguments = [each for each in arguments if each != "--trust"]
        trust.ask_with(lambda code: True)
    warnings.showwarning = partial(_note, arguments)
    try:
        code = app(arguments, prog_name="leadline", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except LeadlineError as error:
        _say(in_options(str(error), arguments, _options(arguments)))
        return error.exit_code
    except KeyboardInterrupt as interruption:
        _say(str(interruption) or "Interrupted.")
        return 1
    except BrokenPipeError:
        # The reader of our output (a pager, head) has left; nothing is wrong and nobody listens.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        _say("Interrupted.")
        return 1
    except MemoryError:
        _say(NO_MEMORY)
        return 1
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        _say(f"{where}{reason(error)}. What was saved before is safe.")
        return 1
    except Exception as error:
        if hasattr(error, "format_message"):  # the parser's own errors: an unknown option, a missing argument
            return _usage(error, arguments)
        if isinstance(error, RuntimeError) and any(words in str(error) for words in TORCH_WITHOUT_MEMORY):
            _say(NO_MEMORY)
            return 1
        return _internal(error)


def ask_whether_to_run(code: trust.Code) -> bool:
    """Show code on a terminal and ask whether it may run; where nobody can be asked, it may not."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    shown = code.content.splitlines() if code.content is not None else [f"import {code.name}"]
    print(f"{code.name} would run with your rights:\n", file=sys.stderr)
    print("\n".join(f"    {escaped(line)}" for line in shown), file=sys.stderr)
    return typer.confirm("\nRun it, now and whenever it is the same?", err=True)


def escaped(line: str) -> str:
    """A line that a terminal shows as it is: what would move the cursor or hide text is written out."""
    return "".join(each if each.isprintable() or each == "\t" else repr(each)[1:-1] for each in line)


def _hear_sigterm() -> None:
    """A polite request to end is as good as Ctrl-C: what can be saved is saved."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _options(arguments: Sequence[str]) -> list[str]:
    """The long options of the command that is called."""
    command = next((each for each in app.registered_commands if _name(each) in arguments[:1]), None)
    if command is None:
        return []
    return [
        option
        for each in get_command_from_info(command, pretty_exceptions_short=False, rich_markup_mode=None).params
        for option in each.opts
        if option.startswith("--")
    ]


def _note(
    arguments: Sequence[str],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of ours is a note for the user; others keep their form."""
    if issubclass(category, LeadlineWarning):
        print(f"Note: {in_options(str(message), arguments, _options(arguments))}", file=sys.stderr)
    else:
        print(warnings.formatwarning(message, category, filename, lineno, line), file=file or sys.stderr, end="")


_PARSERS_WORDS = {
    "Input should be a valid integer, unable to parse string as an integer": "needs a whole number",
    "Input should be a valid number, unable to parse string as a number": "needs a number",
}


def _usage(error: Exception, arguments: list[str]) -> int:
    message = " ".join(error.format_message().split())  # pyright: ignore[reportAttributeAccessIssue]
    if not message:
        return int(getattr(error, "exit_code", 2))  # the help was printed in place of an error
    for theirs, ours in _PARSERS_WORDS.items():
        message = message.replace(theirs, ours)
    known = arguments and arguments[0] in {_name(command) for command in app.registered_commands}
    path = f"leadline {arguments[0]}" if known else "leadline"
    _say(message + ("" if message.endswith((".", "?")) else ".") + f" See: {path} --help")
    return 2


def _internal(error: Exception) -> int:
    if os.environ.get("LEADLINE_DEBUG"):
        traceback.print_exception(error)
        return 1
    with tempfile.NamedTemporaryFile("w", prefix="leadline-", suffix=".log", delete=False, encoding="utf-8") as log:
        traceback.print_exception(error, file=log)
    first = (str(error).splitlines() or [""])[0][:200]
    _say(
        f"Internal error: {type(error).__name__}: {first}\n"
        f"This is a fault of Leadline's, please report it with {log.name} (LEADLINE_DEBUG=1 prints it)."
    )
    return 1


def _say(message: str) -> None:
    print(f"leadline: {message}", file=sys.stderr)
