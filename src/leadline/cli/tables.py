"""``leadline human`` and ``leadline pipeline``: what people reach, and which stage is worth the work, from tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline.cli.screen import console, print_json
from leadline.cli.train import AsJson
from leadline.errors import LeadlineError, UsageError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

TableFile = Annotated[str, typer.Argument(metavar="TABLE", help="A table: .csv, .tsv or .parquet.")]
PERFECT, OUTPUT, TRUTH = "perfect_", "output_", "truth_"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(human)
    app.command()(pipeline)


def human(
    table: TableFile,
    annotators: Annotated[
        str | None, typer.Option(help="Columns with their answers: a,b,c; by default all annotator_NAME.")
    ] = None,
    truth: Annotated[
        str | None, typer.Option(help="Column with the right answer; without it the others' majority takes its place.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the human level from the answers of several annotators, one column each."""
    import numpy as np

    from leadline.strategy import human_level

    read = _read(table)
    prefix = "annotator_"
    names = _listed(annotators) or [name for name in read.column_names if name.startswith(prefix)]
    if not names:
        raise UsageError(f"{table} has no columns {prefix}NAME; name the annotators' with --annotators a,b,c.")
    answers = {name.removeprefix(prefix): np.array(_column(read, table, name), object) for name in names}
    right = None if truth is None else np.array(_column(read, table, truth), object)
    estimate = human_level(answers, right)
    if as_json:
        print_json(estimate.to_json())
        return
    screen = console()
    screen.print(str(estimate), markup=False)
    screen.print(f"In an experiment file: [goal] human_error = {estimate.level.value:.4g}", markup=False)


def pipeline(
    table: TableFile,
    truth: Annotated[str, typer.Option(help="Column with the right final answer.")] = "label",
    whole: Annotated[str, typer.Option(help="Column with the pipeline's own final answer.")] = "prediction",
    stages: Annotated[
        str | None,
        typer.Option(help="Columns with the final answer when a stage and all before it are perfect: a,b,c, in order."),
    ] = None,
    end_to_end: Annotated[
        str | None, typer.Option(help="Column with the answers of one end-to-end network, to compare with.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which stage of a pipeline is worth the work: what the whole gains when stages are replaced by the truth.

    The table has the columns label, prediction, and perfect_STAGE for each stage in their order; or output_STAGE and
    truth_STAGE for each, where the pipeline cannot be run anew.
    """
    import numpy as np

    from leadline.strategy import ceilings_of_outputs, ceilings_of_table, end_to_end_or_pipeline

    read = _read(table)
    names = _listed(stages) or [name for name in read.column_names if name.startswith(PERFECT)]
    chain = [name.removeprefix(OUTPUT) for name in read.column_names if name.startswith(OUTPUT)]

    def texts(name: str) -> Any:
        return np.array([str(value) for value in _column(read, table, name)])

    if names:
        right = texts(truth)
        columns = {name.removeprefix(PERFECT): texts(name) == right for name in names}
        ceilings, answers = ceilings_of_table({whole: texts(whole) == right, **columns}), texts(whole)
    elif chain:
        ceilings = ceilings_of_outputs(*({name: texts(kind + name) for name in chain} for kind in (OUTPUT, TRUTH)))
        right, answers = texts(TRUTH + chain[-1]), texts(OUTPUT + chain[-1])
    else:
        raise UsageError(
            f"{table} has neither columns {PERFECT}STAGE nor {OUTPUT}STAGE with {TRUTH}STAGE, one for each "
            "stage. See: leadline pipeline --help"
        )
    compared = None if end_to_end is None else end_to_end_or_pipeline(right, texts(end_to_end), answers)
    if as_json:
        print_json(ceilings.to_json() | {"end_to_end": None if compared is None else compared.to_json()})
        return
    screen = console()
    screen.print(str(ceilings), markup=False)
    if compared is not None:
        screen.print(str(compared), markup=False)


def _read(path: str) -> pa.Table:
    from leadline.strategy.predictions_table import read_any_table

    table = read_any_table(path)
    if not table.num_rows:
        raise LeadlineError(f"{path} has no rows.")
    return table


def _listed(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


def _column(table: pa.Table, path: str, name: str) -> list[Any]:
    if name not in table.column_names:
        raise UsageError(f"{path} has no column '{name}'.{nearest(name, table.column_names)}")
    return table[name].to_pylist()
