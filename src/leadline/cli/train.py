"""``leadline train``: from a file to a trained network, its error ladder and its report."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline.cli.option_names import listed
from leadline.cli.screen import ProgressBar, console, ending, print_diagnosis, print_json
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.extensions import registry
from leadline.runs.run import load_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadline.experiment import Experiment
    from leadline.runs.run import Run
    from leadline.session.recorder import TrainingListener

ExperimentName = Annotated[
    str,
    typer.Argument(
        metavar="EXPERIMENT", help="An experiment file (.toml), a data file with --target, or a bundled name: digits."
    ),
]
RunsFolder = Annotated[Path, typer.Option("--runs", help="The folder of the runs.", show_default=True)]
Target = Annotated[
    str | None,
    typer.Option(
        help="The column to predict: its name, or its place counted from 1 (-1 is the last), where no column is called "
        "so; a,b for several."
    ),
]
ColumnNames = Annotated[
    str | None,
    typer.Option(
        "--names", metavar="A,B,…", help="Names of all columns of a file without a header line, in their order."
    ),
]
MovedData = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="PATH",
        help="Where the run's data are now, if they were moved; it is remembered. One of several sources: OLD=PATH.",
    ),
]
ShowExperiment = Annotated[
    bool, typer.Option("--show-experiment", help="Print the experiment with every choice filled in, before it trains.")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Leave out the probes that measure beside the run where its error comes from.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout; all else goes to stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(train)


def train(
    experiment: ExperimentName,
    target: Target = None,
    inputs: Annotated[
        str | None, typer.Option(help="The array or column of inputs, where a file holds several.")
    ] = None,
    names: ColumnNames = None,
    task: Annotated[str | None, typer.Option(help="binary, multiclass, multilabel or regression.")] = None,
    name: Annotated[str | None, typer.Option(help="The run's name.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training set.")] = None,
    batch_size: Annotated[str | None, typer.Option(help='Examples in a batch, or "full".')] = None,
    optimizer: Annotated[
        str | None, typer.Option(help=f"{', '.join(registry('optimizer').builtin)}, or one of [extensions].")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="α.")] = None,
    l2: Annotated[float | None, typer.Option(help="λ of the L2 penalty.")] = None,
    class_weights: Annotated[
        list[str] | None,
        typer.Option(metavar="balanced|CLASS=WEIGHT", help="How much examples of a class count; may repeat."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the split and of the training.")] = None,
    precision: Annotated[
        float | None,
        typer.Option(help="The difference of error rates the dev set must tell, such as 0.005: it chooses its size."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="RUN", help="Start from a run's network, with a new output layer.")
    ] = None,
    freeze: Annotated[
        str | None, typer.Option(help='How many layers of it stay as they are: "all", "none", "auto" or a number.')
    ] = None,
    human_error: Annotated[
        float | None, typer.Option(help="The error of a human: a fraction, or in the target's units.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Train with so many seeds; the first is kept, and the interval of their mean holds seeds."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Beside the run, cross-validate the training and dev sets with so many folds.")
    ] = None,
    repeats: Annotated[int | None, typer.Option(help="How often the folds are dealt.")] = None,
    stream: Annotated[
        bool | None,
        typer.Option("--stream/--no-stream", help="Read from disk in every epoch, or hold the data in memory."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any key of the experiment, such as training.clip_norm=1.")
    ] = None,
    go_on: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run of this experiment that was interrupted, if there is one."),
    ] = False,
    runs: RunsFolder = Path("runs"),
    quick: Quick = False,
    show_experiment: ShowExperiment = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a network, measure its errors, say where they come from, and write a report."""
    wanted = experiment_of(experiment)
    changes: dict[str, Any] = {
        "data.target": target,
        "data.inputs": inputs,
        "data.names": listed(names),
        "data.task": task,
        "training.epochs": epochs,
        "training.batch_size": _number(batch_size) if batch_size is not None else None,
        "training.optimizer": optimizer,
        "training.learning_rate": learning_rate,
        "training.l2": l2,
        "training.class_weights": _class_weights(class_weights or []),
        "training.seed": seed,
        "split.seed": seed,
        "split.precision": precision,
        "goal.human_error": human_error,
        "evaluation.seeds": seeds,
        "evaluation.folds": folds,
        "evaluation.repeats": repeats,
        "data.stream": stream,
        "network.from": from_,
        "network.freeze": _number(freeze) if freeze is not None else None,
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    wanted = wanted.replace(changes | assigned(set_ or []))

    def begin(listener: TrainingListener | None) -> Run:
        from leadline.session.resume import train_or_resume
        from leadline.session.training import run_experiment

        start = train_or_resume if go_on else run_experiment
        return start(wanted, name=name, runs=runs, listener=listener, quick=quick)

    train_and_show(begin, runs, as_json, quiet, show_experiment)


def train_and_show(
    begin: Callable[[TrainingListener | None], Run],
    runs: Path,
    as_json: bool,
    quiet: bool,
    show_experiment: bool = False,
) -> None:
    """Train with a progress bar and print what came out; ``begin`` trains."""
    screen = console(stderr=as_json)
    if not quiet and screen.is_terminal:
        with screen.status("Starting"):
            import leadline.session.resume  # noqa: F401 - what takes a while, so that it is said
    progress = None if quiet else ProgressBar(screen, show_experiment)
    try:
        run = begin(progress)
    finally:
        if progress is not None:
            progress.close()
    if as_json:
        print_json(
            run.summary.to_json()
            | {"folder": str(run.folder.path), "decision": run.decision.to_json(), "diagnosis": run.diagnosis.to_json()}
        )
        return
    screen.print(ending(run.summary), markup=False)
    screen.print()
    print_diagnosis(screen, run.diagnosis)
    for line in run.remarks:
        screen.print(line, markup=False)
    screen.print()
    where = "" if runs == Path("runs") else f" --runs {runs}"
    screen.print(f"Run:        {run.name}", markup=False)
    if run.status == "interrupted":
        screen.print(f"Go on:      leadline resume {run.name}{where}", markup=False)
    screen.print(f"Experiment: {run.folder / 'experiment.toml'}   (every choice filled in)", markup=False)
    screen.print(f"Report:     {run.folder / 'report.html'}", markup=False)
    screen.print(f"Browse:     leadline open {run.name}{where}", markup=False)
    screen.print(f"Sound:      leadline sound {run.name}{where}   (what each remedy would bring)", markup=False)


def load_with_data(name: str, runs: Path, places: list[str] | None) -> Run:
    """A run by its name; with ``--data`` it is said first where its data are now."""
    run = load_run(name, runs)
    if places:
        from leadline.session.run_data import move_data

        move_data(run, places)
    return run


def experiment_of(wanted: str) -> Experiment:
    """What EXPERIMENT means: an experiment file, a bundled name, or a data file."""
    if wanted.lower().endswith(".toml"):
        return Experiment.from_toml(wanted)
    return Experiment.from_dict({"data": {"source": wanted}})


def assigned(assignments: list[str]) -> dict[str, Any]:
    """What ``--set`` says, by key."""
    return dict(_assignment(text) for text in assignments)


def _class_weights(given: list[str]) -> str | dict[str, float] | None:
    """What ``--class-weights`` says."""
    if given in ([], ["balanced"]):
        return "balanced" if given else None
    weights = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            weights[name.strip()] = float(number)
        except ValueError:
            name = ""
        if not name.strip():
            raise UsageError(f"--class-weights {text}: write balanced, or CLASS=WEIGHT such as sick=5.")
    return weights


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: write KEY=VALUE, such as training.clip_norm=1.")
    return key.strip(), _number(value.strip())


def _number(text: str) -> Any:
    """A value as in an experiment file; what is no TOML is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
