"""``leadline mistakes`` and ``leadline labels``: what people look through and say about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.runs import RunName
from leadline.cli.screen import console, print_diagnosis, print_json
from leadline.cli.train import AsJson, MovedData, RunsFolder, load_with_data
from leadline.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from leadline.review.label_audit import RunLabels
    from leadline.review.mistakes import RunMistakes
    from leadline.review.value_audit import RunValueLabels
    from leadline.runs.run import Run

SHOWN_SUSPECTS = 10
UNREVIEWED = (
    "Suspects hold the network's own confusions, too, which look systematic; reviewed labels tell. "
    "Review some: leadline labels {run} --export labels.csv"
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(mistakes)
    app.command()(labels)


def mistakes(
    run: RunName,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write mistakes to look through, to tick causes in (.csv).")
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", help="Read the table with the causes ticked, and keep it.")
    ] = None,
    cause: Annotated[list[str] | None, typer.Option("--cause", help="A cause column for --export; may repeat.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="How many mistakes --export writes.")] = None,
    data: MovedData = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Analyse dev mistakes: causes with their share and ceiling, and error slices."""
    from leadline.review.mistakes import find_mistakes, import_causes, keep_findings

    loaded = load_with_data(run, runs, data)
    if import_ is not None:
        import_causes(loaded, import_)
    mistakes_of_run = find_mistakes(loaded, suggest=export is None)
    if export is None:
        keep_findings(loaded, mistakes_of_run)
    if export is not None:
        table = mistakes_of_run.to_look_through(size, cause or [])
        _check_csv(export)
        table.to_csv(export)
        count = f"{len(table.rows)} of {int(mistakes_of_run.wrong.sum())} mistakes"
        console(stderr=True).print(f"{count}: {export}. Add a column per cause and tick with x.", markup=False)
        if as_json:
            print_json({"exported": str(export), "mistakes": len(table.rows)})
        return
    if as_json:
        print_json(mistakes_of_run.to_json() | {"run": loaded.name})
    else:
        _print_mistakes(console(), loaded.name, mistakes_of_run)


def _print_mistakes(screen: Console, run: str, mistakes: RunMistakes) -> None:
    count = int(mistakes.wrong.sum())
    screen.print(f"{run}: {mistakes.heading}", markup=False)
    if mistakes.analysis is not None:
        screen.print(str(mistakes.analysis), markup=False)
    elif count:
        screen.print(
            f"Nobody has looked through them yet; {_enough(mistakes)}:\n"
            f"  leadline mistakes {run} --export mistakes.csv --cause blurry",
            markup=False,
        )
    if mistakes.slices or mistakes.clusters:
        screen.print("\n[bold]Error slices[/bold]")
    for part in mistakes.slices:
        screen.print(f"  {part}", markup=False)
    for cluster in mistakes.clusters:
        screen.print(f"  {cluster}", markup=False)
        rows = ", ".join(str(mistakes.rows[k]) for k in cluster.representatives)
        screen.print(f"    typical mistakes, by row: {rows}", markup=False)


def _enough(mistakes: RunMistakes) -> str:
    if mistakes.task.graded:
        return f"{mistakes.suggested_sample}, the largest first, are a beginning"
    return f"{mistakes.suggested_sample} tell every share to within 10 points"


def labels(
    run: RunName,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write labels to review (.csv): fill verdict and correction.")
    ] = None,
    apply: Annotated[
        Path | None, typer.Option("--apply", help="Lay a reviewed file over the data and measure dev and test anew.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take all corrections back.")] = False,
    corrections: Annotated[
        Path | None, typer.Option("--corrections", help="Write the corrections in force as a file (.csv).")
    ] = None,
    size: Annotated[int, typer.Option(min=2, help="How many labels --export writes.")] = 100,
    folds: Annotated[int, typer.Option(min=2, help="How many networks are trained, each without one part.")] = 5,
    segment: Annotated[
        list[str] | None, typer.Option("--segment", help="A column in which wrong labels may gather; may repeat.")
    ] = None,
    data: MovedData = None,
    runs: RunsFolder = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Look for wrong labels: suspects, random or systematic, their share of the error, and corrections."""
    given = [name for name, is_given in (("--export", export), ("--apply", apply), ("--undo", undo)) if is_given]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} do not go together: give one of them.")
    loaded = load_with_data(run, runs, data)
    if corrections is not None:
        from leadline.runs.reviews import load_reviews

        _check_csv(corrections)
        load_reviews(loaded.folder).to_csv(corrections)
    if apply is not None or undo:
        _correct(loaded, apply, as_json)
        return
    from leadline.review.label_audit import audit_labels
    from leadline.review.value_audit import audit_values

    by_class = loaded.task.one_class
    audit = (audit_labels if by_class else audit_values)(loaded, k=folds, segments=segment or [])
    if export is not None:
        from leadline.runs.predictions import write_table

        _check_csv(export)
        table = audit.queue(size)
        write_table(table, export)
        text = f"{table.num_rows} labels to review: {export}. Fill verdict with right, wrong or unclear."
        console(stderr=True).print(text, markup=False)
        if as_json:
            print_json({"exported": str(export), "labels": table.num_rows})
    elif as_json:
        print_json(audit.to_json() | {"run": loaded.name})
    else:
        _print_labels(console(), loaded.name, audit)


def _correct(run: Run, path: Path | None, as_json: bool) -> None:
    from leadline.review.label_audit import apply_corrections, undo_corrections
    from leadline.strategy import Corrections

    before = dict(run.errors)
    run = undo_corrections(run) if path is None else apply_corrections(run, Corrections.from_csv(path))
    after = run.errors
    if as_json:
        errors = [{name: each.to_json() for name, each in some.items()} for some in (before, after)]
        diagnosis = run.diagnosis.to_json()
        print_json({"run": run.name, "before": errors[0], "after": errors[1], "diagnosis": diagnosis})
        return
    screen = console()
    for name in before:
        old, new = before[name], after[name]
        if old != new:
            screen.print(f"{name}: {old.plain()} → {new}", markup=False)
    print_diagnosis(screen, run.diagnosis)


def _print_labels(screen: Console, run: str, audited: RunLabels | RunValueLabels) -> None:
    screen.print(str(audited.audit).splitlines()[0], markup=False)
    if audited.task.graded:
        screen.print(
            f"Half of the error of networks that have not seen an example is in {audited.contradicted}", markup=False
        )
    else:
        text = f"Networks that have not seen an example contradict its label in {audited.contradicted}"
        screen.print(text, markup=False)
    if audited.pattern.n:
        subject = "confirmed wrong labels" if audited.pattern is not audited.audit.pattern else "the suspects"
        screen.print(audited.pattern.sentence(subject), markup=False)
    if len(audited.reviews):
        screen.print(f"{len(audited.reviews)} reviewed, {len(audited.reviews.changed)} corrected", markup=False)
    if len(audited.waiting):
        text = f"{len(audited.waiting)} more reviewed in the application and not applied yet: leadline open {run}"
        screen.print(text, markup=False)
    if audited.share is not None:
        screen.print(_share(audited), markup=False)
    suspects = audited.table(audited.audit.suspects[:SHOWN_SUSPECTS]).to_pylist()
    if suspects:
        screen.print("\n[bold]Least credible labels[/bold]")
    for line in suspects:
        text = f"row {line['row']} ({line['set']}): labelled {line['label']}, looks like {line['suggestion']}"
        screen.print(f"  {text}; {100 * line['quality']:.1f} % credible", markup=False)
    if not len(audited.reviews) and suspects:
        screen.print("\n" + UNREVIEWED.format(run=run), markup=False)


def _share(audited: RunLabels | RunValueLabels) -> str:
    """What wrong labels explain; suspects that nobody has looked at are a reason to look, not to change labels."""
    share = audited.share
    assert share is not None
    if audited.confirmed:
        return f"Confirmed so far: {share}"
    advice = "Review them first of all." if share.worth_fixing == "yes" else share.advice
    return f"If the suspects are wrong: {share.finding} {advice}"


def _check_csv(path: Path) -> None:
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{path}: the table is written as .csv, for people to fill.")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: the folder {path.parent} does not exist.")
