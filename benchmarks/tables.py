"""Leadline's default on tables, given nothing but file and target, against the field's methods at their defaults.

Every method sees the same columns and the same rows: Leadline's training and dev set. The others learn from both;
Leadline learns from the first and chooses its epoch by the second, and tables of few rows train once more on both, as
their runs do. Errors are measured on the test set, which nobody sees:
the fraction wrong, or for numbers the root mean squared error. A method's figure is its error over the least error of
any other method on the same table, means over the splits; the geometric mean over tables has a bootstrap interval over
tables.

The default was chosen on the tables of `DEVELOPMENT` alone, every second one of the folder by name; those of `PROOF`
were left out. Peers come with ``pip install leadline[bench]``; one that is not installed is left out and named.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from leadline.data import Dataset
from leadline.experiment import Experiment
from leadline.runs.decision import Decision
from leadline.session.deciding import decide
from leadline.session.final import train_final, trains_once_more
from leadline.session.plan import Plan, make_plan
from leadline.session.results import predict_set
from leadline.training import fit
from leadline.training.threads import limited_threads, threads_for


@dataclass(frozen=True)
class Table:
    """A file of the folder, what is predicted from it, and keys of the experiment that say how it is read."""

    name: str
    target: str
    keys: tuple[tuple[str, Any], ...] = ()


NUMBER = (("data.task", "regression"),)
LESIONS = ("column_3", "column_25", "column_26", "column_27")
CLASSES = (("data.task", "classification"),)
DEVELOPMENT = (
    Table("abalone", "column_9", NUMBER),
    Table("banknote", "column_5"),
    Table("breast_cancer", "column_10"),
    Table("glass", "column_10", CLASSES),
    Table("mpg", "mpg"),
    Table("oil_spill", "column_50"),
    Table("pima-indians-diabetes", "column_9"),
    Table("tips", "tip"),
    Table("winequality-red", "column_12", NUMBER),
)
PROOF = (
    Table("boston_housing", "column_14", NUMBER),
    Table("california_housing", "median_house_value"),
    Table("ecoli", "column_8"),
    Table(
        "horse_colic", "column_24", (*CLASSES, ("data.exclude", ("column_3", "column_25", "column_26", "column_27")))
    ),
    Table("new_thyroid", "column_6", CLASSES),
    Table("penguins", "species"),
    Table("sonar", "column_61"),
    Table("titanic", "Survived"),
    Table("winequality-white", "column_12", NUMBER),
)

Answers = np.ndarray
"""Probabilities (m, k) of classes, or values (m,)."""
Fitted = Callable[[pd.DataFrame, np.ndarray, pd.DataFrame, bool, int], Answers]
"""Training inputs and targets, test inputs, whether the targets are classes, a seed."""


# --- the peers ------------------------------------------------------------------------------------------------


def boosting(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame, classes: bool, seed: int) -> Answers:
    """scikit-learn's histogram boosting."""
    kind: Any = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return _answers(kind(categorical_features="from_dtype", random_state=seed).fit(x, y), new, classes)


def forest(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame, classes: bool, seed: int) -> Answers:
    """scikit-learn's random forest, categories one-hot and missing numbers as the median."""
    kind: Any = RandomForestClassifier if classes else RandomForestRegressor
    categories = list(x.select_dtypes("category").columns)
    numbers = [name for name in x.columns if name not in categories]
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepare = make_column_transformer((SimpleImputer(strategy="median"), numbers), (one_hot, categories))
    return _answers(make_pipeline(prepare, kind(random_state=seed, n_jobs=-1)).fit(x, y), new, classes)


def lightgbm(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame, classes: bool, seed: int) -> Answers:
    """LightGBM."""
    kind = _peer("lightgbm", "LGBMClassifier" if classes else "LGBMRegressor")
    return _answers(kind(random_state=seed, verbose=-1).fit(x, y), new, classes)


def catboost(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame, classes: bool, seed: int) -> Answers:
    """CatBoost."""
    kind = _peer("catboost", "CatBoostClassifier" if classes else "CatBoostRegressor")
    categories = list(x.select_dtypes("category").columns)
    as_text = {
        name: lambda frame, name=name: frame[name].astype(object).fillna("missing").astype(str) for name in categories
    }
    x, new = x.assign(**as_text), new.assign(**as_text)
    model = kind(random_seed=seed, verbose=0, allow_writing_files=False, cat_features=categories)
    return _answers(model.fit(x, y), new, classes)


def _texts(column: pd.Series) -> pd.Series:
    """A category as text, the missing one, too."""
    return column.astype(object).fillna("missing").astype(str)


def realmlp(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame, classes: bool, seed: int) -> Answers:
    """RealMLP with its tuned defaults, from pytabkit."""
    kind = _peer("pytabkit", "RealMLP_TD_Classifier" if classes else "RealMLP_TD_Regressor")
    return _answers(kind(random_state=seed, device="cpu", verbosity=0).fit(x, y), new, classes)


def tabm(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame, classes: bool, seed: int) -> Answers:
    """TabM with its defaults, from pytabkit."""
    kind = _peer("pytabkit", "TabM_D_Classifier" if classes else "TabM_D_Regressor")
    return _answers(kind(random_state=seed, device="cpu", verbosity=0).fit(x, y), new, classes)


PEERS: dict[str, Fitted] = {
    "boosting": boosting,
    "forest": forest,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
    "RealMLP": realmlp,
    "TabM": tabm,
}


def _peer(package: str, name: str) -> Any:
    """A class of a package that need not be there for anything else."""
    return getattr(import_module(package), name)


def _answers(model: Any, new: pd.DataFrame, classes: bool) -> Answers:
    return np.asarray(model.predict_proba(new) if classes else model.predict(new), float)


# --- the data -------------------------------------------------------------------------------------------------


def experiment_of(table: Table, seed: int, changes: Mapping[str, Any] | None = None) -> Experiment:
    """The experiment of one split: file, target, and what else is asked for."""
    folder = Path(os.environ.get("LEADLINE_DATA", "data")) / "tables"
    keys = {"data.source": str(folder / f"{table.name}.csv"), "data.target": table.target, "split.seed": seed}
    return Experiment().replace({**keys, **dict(table.keys), **(changes or {})})


def frame_of(data: Dataset) -> pd.DataFrame:
    """The columns that the network is given, as other methods take them."""
    columns: dict[str, Any] = {}
    for column in data.inputs:
        assert not isinstance(column, np.ndarray)
        if column.kind == "category":
            columns[column.name] = pd.Categorical.from_codes(column.values, [*column.levels])
        elif column.kind == "date":
            dates = pd.Series(column.values)
            columns |= {f"{column.name} {part}": getattr(dates.dt, part) for part in ("year", "month", "day", "hour")}
        else:
            columns[column.name] = column.values.astype(float)
    return pd.DataFrame(columns)


def leadline_answers(plan: Plan) -> Answers:
    """Train by the plan and predict the test set, as a run does: with its final network, where it trains once more."""
    data, dev = plan.data, plan.dev_set()
    with limited_threads(threads_for(plan.network, plan.input_shape, plan.batch_size)):
        done = fit(plan.network, plan.loss, plan.training_set(), dev, plan.training)
        trained, decision = plan.trained(done), Decision()
        if dev is not None:
            seen = predict_set(trained, plan, "dev")
            decision = decide(plan.experiment, data.task, data.classes, seen.labels, seen.outputs, seen.groups)
        if trains_once_more(plan.experiment, done):
            trained = train_final(plan, done, decision).trained
        else:
            trained = replace(trained, decision=decision)
    values = trained.outputs(plan.inputs("test"))
    return values if data.classes else values[:, 0]


# --- measuring ------------------------------------------------------------------------------------------------


def error_and_cost(answers: Answers, y: np.ndarray) -> tuple[float, float]:
    """The fraction wrong and the log loss of probabilities (m, k), or the RMSE twice."""
    if answers.ndim == 1:
        rmse = float(np.sqrt(np.mean((answers - y) ** 2)))
        return rmse, rmse
    chosen = np.clip(answers[np.arange(len(y)), y.astype(int)], 1e-7, 1)
    return float((answers.argmax(1) != y).mean()), float(-np.log(chosen).mean())


def measure(table: Table, seed: int, peers: Mapping[str, Fitted], changes: Mapping[str, Any] | None = None) -> Results:
    """Error, log loss and seconds of every method on one split."""
    plan = make_plan(experiment_of(table, seed, changes))
    y = np.asarray(plan.data.target).reshape(plan.data.n)
    rows, test = np.concatenate([plan.split.train, plan.split.dev]), plan.split.test
    results: Results = {}
    started = time.perf_counter()
    answers = leadline_answers(plan)
    results["Leadline"] = (*error_and_cost(answers, y[test]), time.perf_counter() - started)
    frame = frame_of(plan.data) if peers else pd.DataFrame()
    for name, fitted in peers.items():
        started = time.perf_counter()
        answers = fitted(frame.iloc[rows], y[rows], frame.iloc[test], bool(plan.data.classes), seed)
        answers = answers.reshape(len(test)) if not plan.data.classes else answers
        results[name] = (*error_and_cost(answers, y[test]), time.perf_counter() - started)
    return results


Results = dict[str, tuple[float, float, float]]


def installed(names: Mapping[str, str]) -> dict[str, Fitted]:
    """The peers whose packages are there; the others are named."""
    found = {}
    for name, fitted in PEERS.items():
        try:
            import_module(names.get(name, "sklearn"))
        except ImportError:
            print(f"{name} is left out: {names[name]} is not installed (pip install 'leadline[bench]').")
            continue
        found[name] = fitted
    return found


PACKAGES = {"LightGBM": "lightgbm", "CatBoost": "catboost", "RealMLP": "pytabkit", "TabM": "pytabkit"}


def ratios(means: Mapping[str, Mapping[str, np.ndarray]], kind: int) -> dict[str, dict[str, float]]:
    """By method and table: its figure over the best peer's but its own; tables on which a method has 0 are left out."""
    found: dict[str, dict[str, float]] = {}
    for table, methods in means.items():
        if min(figures[kind] for figures in methods.values()) == 0:
            continue
        for name, figures in methods.items():
            best = min(other[kind] for peer, other in methods.items() if peer != name and peer != "Leadline")
            found.setdefault(name, {})[table] = float(figures[kind] / best)
    return found


def interval(values: list[float], draws: int = 10_000) -> tuple[float, float, float]:
    """The geometric mean over tables, and its 95 % interval by drawing tables."""
    logs = np.log(np.maximum(values, 1e-3))
    drawn = np.random.default_rng(0).choice(logs, (draws, len(logs))).mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.exp(logs.mean())), float(np.exp(low)), float(np.exp(high))


def report(measured: Mapping[str, list[Results]]) -> list[str]:
    """Lines of Markdown: every table's errors, and the geometric means."""
    means = {
        table: {name: np.mean([split[name] for split in splits], axis=0) for name in splits[0]}
        for table, splits in measured.items()
    }
    names = list(next(iter(means.values())))
    lines = [f"| table | {' | '.join(names)} | Leadline over the best |", "|---" * (len(names) + 2) + "|"]
    over = ratios(means, 0)
    for table, methods in means.items():
        cells = " | ".join(f"{methods[name][0]:.4g}" for name in names)
        lines.append(f"| {table} | {cells} | {over.get('Leadline', {}).get(table, float('nan')):.3f} |")
    lines += ["", "| method | error over the best of the others | log loss | seconds |", "|---|---|---|---|"]
    costs = ratios({table: methods for table, methods in means.items() if _has_classes(table)}, 1)
    for name in names:
        middle, low, high = interval(list(over[name].values()))
        cost = interval(list(costs[name].values())) if name in costs else (float("nan"),) * 3
        seconds = sum(methods[name][2] for methods in means.values())
        lines.append(
            f"| {name} | {middle:.3f} ({low:.3f} to {high:.3f}) | {cost[0]:.3f} ({cost[1]:.3f} to {cost[2]:.3f}) "
            f"| {seconds:.0f} |"
        )
    return lines


def _has_classes(name: str) -> bool:
    table = next(table for table in (*DEVELOPMENT, *PROOF) if table.name == name)
    return table.keys != NUMBER and name not in ("mpg", "tips", "california_housing")


def run(splits: int = 5, half: str = "proof") -> list[str]:
    """Lines of Markdown. ``BENCH_SPLITS`` and ``BENCH_TABLES`` ("proof", "development" or names) ask for other ones."""
    splits = int(os.environ.get("BENCH_SPLITS", splits))
    asked = os.environ.get("BENCH_TABLES", half)
    halves = {"proof": PROOF, "development": DEVELOPMENT}
    tables = halves.get(asked) or tuple(t for t in (*DEVELOPMENT, *PROOF) if t.name in asked.split(","))
    peers, measured = installed(PACKAGES), {}
    for table in tables:
        measured[table.name] = [measure(table, seed, peers) for seed in range(splits)]
        shown = {name: round(figures[0], 4) for name, figures in measured[table.name][0].items()}
        print(f"{table.name}: {json.dumps(shown)}", file=sys.stderr, flush=True)
    lines = [f"{len(tables)} tables, {splits} splits, torch {torch.__version__}", "", *report(measured)]
    print("\n".join(lines), flush=True)
    return lines
