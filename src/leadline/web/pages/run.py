"""One run: how it trains, where its error comes from, and what to do about it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.report.page import pictures_part, report_values, training_curves
from leadline.report.quantities import ErrorScale, duration
from leadline.runs.control import set_rate
from leadline.runs.control import stop as stop_training
from leadline.runs.life import silence
from leadline.runs.run import Run
from leadline.runs.soundings import load_prediction
from leadline.runs.tags import change_tag, load_tags
from leadline.session.inside import run_pictures
from leadline.session.results import run_report
from leadline.soundings.prediction import Prediction
from leadline.web.live import RunWatch, events, last_epoch
from leadline.web.memory import RecentValues, signature
from leadline.web.site import CurrentSite, FormFields, NamedRun, Site

router = APIRouter(prefix="/runs/{name}")
WEIGHTS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""β to choose from: averages over about the last 1/(1 − β) epochs."""

_pictures: RecentValues[list[dict[str, Any]]] = RecentValues(4)

Weight = Annotated[float, Query(ge=0, lt=1)]


@router.get("")
def overview(request: Request, site: CurrentSite, run: NamedRun) -> Response:
    """The run's page: live while it trains, and all that was measured when it is done."""
    running = run.status == "running"
    values: dict[str, Any] = {"report": None, "curves": _curves(run), "running": running}
    if running:
        values |= _progress(run)
    elif run.has_diagnosis:
        values |= report_values(run_report(run)) | _prediction(site, run)
    return site.render(
        request,
        "run.html",
        **{"tags": load_tags(run.folder), "weights": WEIGHTS, "startable": _startable(run), **values},
        pictured=_pictured(run),
        run=run,
    )


@router.get("/events")
def watch(site: CurrentSite, run: NamedRun) -> Response:
    """New epochs and the end of the training, as they happen."""
    return events(site, RunWatch(run.folder).look)


@router.get("/progress")
def progress(request: Request, site: CurrentSite, run: NamedRun) -> Response:
    """How far the training is, as a part of the page."""
    return site.render(request, "run_progress.html", **_progress(run))


@router.get("/pictures")
def pictures(request: Request, site: CurrentSite, run: NamedRun) -> Response:
    """Filters, activation maps and varied training images, as a part of the page; they take a moment."""
    key = (run.name, signature(run.checkpoint_path))
    return site.render(request, "run_pictures.html", pictures=_pictures.get(key, lambda: _drawn(site, run)))


@router.get("/prediction")
def prediction(request: Request, site: CurrentSite, run: NamedRun) -> Response:
    """What soundings had foretold, as a part of the page."""
    return site.render(request, "run_prediction.html", run=run, **_prediction(site, run))


@router.get("/curves")
def curves(run: NamedRun, beta: Weight = 0.0) -> Response:
    """The figures of the training as data, smoothed with a weight β, in the order of the page."""
    return JSONResponse([figure.to_json() for figure in _curves(run, beta)])


@router.post("/tags")
def tag(request: Request, site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Add a tag, or take one away (``remove``); answers with all of them."""
    change_tag(run.folder, fields.one("tag"), kept="remove" not in fields)
    site.index.add(run.folder)
    return site.render(request, "run_tags.html", run=run, tags=load_tags(run.folder))


@router.post("/rate")
def rate(run: NamedRun, fields: FormFields) -> Response:
    """Change the learning rate of a training, or give it back to its schedule (``release``)."""
    given = None if "release" in fields else _number(fields.one("rate"))
    set_rate(run, given)
    change = "follows its schedule again" if given is None else f"trains with a learning rate of {given:g}"
    return _notice(f"{run.name} {change} from its next epoch on.")


@router.post("/stop")
def stop(run: NamedRun) -> Response:
    """End a training and keep what it has reached."""
    stop_training(run)
    return _notice(f"{run.name} ends after its present epoch and keeps what it has reached.")


@router.get("/remedies/{place}/experiment.toml")
def remedy_file(run: NamedRun, place: int) -> Response:
    """The experiment file of a remedy."""
    return PlainTextResponse(_remedied(run, place).to_toml())


@router.post("/remedies/{place}/start")
def start_remedy(request: Request, site: CurrentSite, run: NamedRun, place: int) -> Response:
    """Train the run's experiment with a remedy's change; it appears among the runs."""
    if not _startable(run):
        raise UsageError(f"The data of {run.name} came from Python: train it there, with the experiment file.")
    training = site.trainings.start(_remedied(run, place), _stem(run))
    values = {"name": training.name, "training": training, "there": False}
    return site.render(request, "training_state.html", **values)


@router.post("/next")
def start_next(request: Request, site: CurrentSite, run: NamedRun) -> Response:
    """Train the remedy that was best in soundings, and compare what was predicted with what comes."""
    training = site.trainings.start_next(run.name, _stem(run))
    values = {"name": training.name, "training": training, "there": False}
    return site.render(request, "training_state.html", **values)


def _stem(run: Run) -> str:
    """What runs on the same data are named after."""
    return run.fingerprint.get("name") or "run"


def _drawn(site: Site, run: Run) -> list[dict[str, Any]]:
    data = site.examples.data(run)
    return [] if data is None else [pictures_part(section) for section in run_pictures(run, data)]


def _pictured(run: Run) -> bool:
    """Whether there is something to draw: filters, or images that were varied, with the data at hand."""
    experiment = run.experiment
    convolutional = '"convolution' in json.dumps(experiment.network.layers or ())
    varied = bool(experiment.to_dict().get("augment"))
    return run.image_shape is not None and _startable(run) and (convolutional or varied)


def _prediction(site: Site, run: Run) -> dict[str, Any]:
    """What soundings had foretold of this run, and whether it came so; or whether that is still to come."""
    record = load_prediction(run.folder)
    if record is None:
        return {"prediction": None, "awaited": site.trainings.compares(run.name)}
    text = str(Prediction.from_json(record)).splitlines()[0]
    return {"prediction": {"text": text, "before": record["before"]}, "awaited": False}


def _startable(run: Run) -> bool:
    return run.experiment.data.source is not None


def _remedied(run: Run, place: int) -> Experiment:
    """The experiment of the run with the change of the remedy at this place."""
    remedies = run.diagnosis.remedies
    if not 0 <= place < len(remedies) or not remedies[place].change:
        raise HTTPException(404, "There is no such remedy.")
    return run.experiment.replace(remedies[place].change)


def _curves(run: Run, beta: float = 0.0) -> list[Any]:
    return training_curves(run.history, run.task, "", run.best_epoch, beta)


def _progress(run: Run) -> dict[str, Any]:
    last, epochs = last_epoch(run.folder), run.experiment.training.epochs
    scale = ErrorScale.of(run.task)
    shown = [
        ("cost", _significant(last.get("cost")), "", "training set, penalties included"),
        ("dev error", _significant(last.get("dev_error"), scale.factor), scale.unit, "not the final measurement"),
        ("train error", _significant(last.get("train_error"), scale.factor), scale.unit, ""),
        ("learning rate", _significant(last.get("learning_rate")), "", "of this epoch"),
    ]
    quiet = silence(run.folder.path)
    return {
        "last": last,
        "epochs": epochs,
        "numbers": [line for line in shown if line[1]],
        "silent": duration(quiet) if quiet else "",
    }


def _significant(value: float | None, factor: float = 1.0) -> str:
    return "" if value is None else f"{value * factor:.4g}"


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise UsageError(f"A learning rate is a number such as 0.001, got {text[:40]!r}.") from None


def _notice(text: str) -> Response:
    """Nothing to show but a passing line."""
    return Response(status_code=204, headers={"HX-Trigger": json.dumps({"notice": text})})
