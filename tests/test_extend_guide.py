"""The pages on adding one's own: the example of each is complete, at most 30 lines long, and runs as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leadline as ll
from leadline.extensions import kinds, load_module, registry
from leadline.measure import METRICS
from leadline.search import search
from leadline.session.plan import make_plan
from leadline.strategy.evidence import Evidence
from leadline.strategy.remedies import candidates, remedies

GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "extend"
PAGES = sorted(path.stem for path in GUIDE.glob("*.md") if path.stem != "README")
NAMES = {
    "activations": ("activation", "softsign"),
    "architectures": ("architecture", "plain"),
    "file-formats": ("file format", "records"),
    "layers": ("layer", "scale"),
    "losses": ("loss", "huber"),
    "metrics": ("metric", "weighted_error"),
    "optimizers": ("optimizer", "lion"),
    "remedies": ("remedy", "smaller_batches"),
    "samplers": ("sampler", "explorer"),
    "schedules": ("schedule", "triangle"),
    "tasks": ("task", "counts"),
}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (GUIDE / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ll.Experiment]:
    """Writes the example of a page, its experiment, and a source of houses beside them."""

    def write(page: str) -> ll.Experiment:
        rng = np.random.default_rng(0)
        rows = [(k, int(k % 5), 20 * k + int(rng.integers(9))) for k in rng.integers(20, 200, 200).tolist()]
        records = [f"area: {area}\nrooms: {rooms}\nprice: {price}" for area, rooms, price in rows]
        (tmp_path / "houses.rec").write_text("\n\n".join(records), encoding="utf-8")
        lines = ["area,rooms,price", *(f"{area},{rooms},{price}" for area, rooms, price in rows)]
        (tmp_path / "houses.csv").write_text("\n".join(lines), encoding="utf-8")
        (tmp_path / "mine.py").write_text(blocks(page, "python")[0], encoding="utf-8")
        (tmp_path / "experiment.toml").write_text(blocks(page, "toml")[0], encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        return ll.Experiment.from_toml("experiment.toml")

    return write


def test_every_kind_has_a_page_and_a_line_in_the_overview() -> None:
    assert sorted(NAMES) == PAGES
    assert {kind for kind, _ in NAMES.values()} == set(kinds())
    overview = (GUIDE / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(([\w-]+)\.md\)", overview)) == PAGES
    for base in re.findall(r"\| `ll\.(\w+)`", overview):
        assert base in ll.__all__


@pytest.mark.parametrize("page", PAGES)
def test_the_example_of_a_page_is_short_and_registers_what_it_says(page: str, tmp_path: Path) -> None:
    (code,) = blocks(page, "python")
    assert len(code.splitlines()) <= 30
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    kind, name = NAMES[page]
    assert name not in registry(kind)
    load_module(str(tmp_path / "mine.py"))
    assert name in registry(kind)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ("samplers", "remedies")])
def test_the_experiment_of_a_page_trains_with_it(page: str, experiment: Callable[[str], ll.Experiment]) -> None:
    run = ll.run_experiment(experiment(page))
    assert run.status == "done"
    again: Any = ll.Network.from_run(ll.load_run(run.name))
    assert again.network.layers
    if page == "metrics":
        assert run.optimizing == "weighted_error" and METRICS["weighted_error"].title == "weighted absolute error"
    if page in ("activations", "optimizers", "schedules", "losses"):
        assert again.export("model.onnx").exists()


def load_example(page: str, folder: Path) -> None:
    path = folder / f"{page}.py"
    path.write_text(blocks(page, "python")[0], encoding="utf-8")
    load_module(str(path))


def test_the_activation_is_right(tmp_path: Path) -> None:
    load_example("activations", tmp_path)
    network = ll.Network([ll.Dense(6, "softsign"), ll.Dense(3)])
    x, y = np.random.default_rng(0).normal(size=(12, 4)), np.arange(12) % 3
    assert ll.gradient_check(network, x, y, "softmax_cross_entropy").passed


def test_the_loss_and_the_layer_are_right(tmp_path: Path) -> None:
    load_example("losses", tmp_path)
    load_example("layers", tmp_path)
    scale = registry("layer")["scale"]
    x = np.random.default_rng(0).normal(size=(12, 4))
    network = ll.Network([ll.Dense(6), scale(0.5), ll.Dense(1)])
    assert ll.gradient_check(network, x, 3 * x[:, :1], "huber").passed


def test_the_sampler_searches(experiment: Callable[[str], ll.Experiment]) -> None:
    found = search(experiment("samplers"))
    assert len({trial.values["training.learning_rate"] for trial in found.trials}) == 4


def test_the_remedy_is_among_the_candidates(experiment: Callable[[str], ll.Experiment]) -> None:
    plan = make_plan(experiment("remedies"))
    evidence = Evidence(batch_size=plan.training.batch_size)
    (found,) = [each for each in candidates(evidence) if each.key == "smaller_batches"]
    assert [option.changes for option in found.options] == [{"training.batch_size": 128}]
    assert "Smaller batches" in [advice.title for advice in remedies("variance", evidence)]
    assert "Smaller batches" not in [advice.title for advice in remedies("bias", evidence)]
