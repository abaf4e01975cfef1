"""One way to add things of every kind: registered by being defined, known by name everywhere, each name once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import leadline as ll
from leadline import extensions
from leadline.architectures import Architecture, network_for
from leadline.data.sources.formats import FileFormat
from leadline.equations.activations import ActivationFunction
from leadline.equations.losses import LOSSES, Loss
from leadline.errors import LeadlineError, LeadlineWarning, UsageError
from leadline.extensions import kinds, load_module, modules_of, registry
from leadline.extensions.loading import loaded
from leadline.measure import METRICS, Breakdown, Metric, evaluate, proportion
from leadline.network.layer import LAYERS
from leadline.optimize import OPTIMIZERS, Optimizer, Schedule, optimizer_from_config
from leadline.report.figures.breakdown import segment_tables
from leadline.search import search, settings_of
from leadline.session.plan import make_plan

SIGN = """
from dataclasses import dataclass
import leadline as ll


@dataclass(frozen=True)
class Sign(ll.Optimizer):
    def equation(self, theta, gradient, state, rate):
        theta.sub_(gradient.sign() * rate)
"""


def sign_rule() -> type[Optimizer]:
    @dataclass(frozen=True)
    class Sign(Optimizer):
        def equation(self, theta: Tensor, gradient: Tensor, state: Any, rate: Any) -> None:
            theta.sub_(gradient.sign() * rate)

    return Sign


# --- registering ----------------------------------------------------------------------------------------------


def test_a_class_is_known_by_its_own_name_or_in_snake_case() -> None:
    rule = sign_rule()
    assert OPTIMIZERS["sign"] is rule and rule.name == "sign"
    assert optimizer_from_config("sign", 0.5) == rule(0.5)

    class Named(ll.Adam):
        name = "adam-2"

    assert OPTIMIZERS["adam-2"] is Named
    assert Named(0.1).to_config()["type"] == "adam-2"


def test_a_rule_without_a_name_of_its_own_does_not_take_its_parents() -> None:
    """It used to train as its parent, silently."""

    class Backwards(ll.Adam):
        def equation(self, theta: Tensor, gradient: Tensor, state: Any, rate: Any) -> None:
            theta.add_(gradient, alpha=1.0)

    assert Backwards.name == "backwards" and ll.Adam.name == "adam"
    rule = optimizer_from_config(Backwards(0.1).to_config(), 0.1)
    theta, gradient = torch.zeros(3), torch.ones(3)
    rule.update(theta, gradient, rule.start(theta))  # nor does it run its parent's kernel
    assert theta.tolist() == [1, 1, 1]


def test_a_name_twice_is_an_error_that_names_both() -> None:
    class First(Optimizer):
        name = "twice"

        def equation(self, theta: Tensor, gradient: Tensor, state: Any, rate: Any) -> None: ...

    with pytest.raises(UsageError, match=r"optimizer 'twice' is defined twice: by .*First of .*Second of .*") as caught:

        class Second(First):
            name = "twice"

    assert __file__ in str(caught.value)
    with pytest.raises(UsageError, match=r"optimizer 'adam' is defined twice: by Adam of .*Mine"):

        class Mine(ll.Adam):
            name = "adam"


def test_the_same_definition_run_again_takes_its_place() -> None:
    """As a cell of a notebook does; a value of the earlier class is refused, as a file could not say it."""
    first, second = sign_rule(), sign_rule()
    assert OPTIMIZERS["sign"] is second
    assert second().to_config() == {"type": "sign"}
    with pytest.raises(UsageError, match=r"optimizer 'sign': .*Sign was defined again; make this value anew"):
        first().to_config()


def test_a_class_in_between_has_no_name_of_its_own() -> None:
    class Between(Optimizer, abstract=True):
        def equation(self, theta: Tensor, gradient: Tensor, state: Any, rate: Any) -> None: ...

    assert "between" not in OPTIMIZERS
    with pytest.raises(UsageError, match=r"Between is not registered; give it a name of its own"):
        Between().to_config()


def test_a_class_that_lacks_a_method_says_which() -> None:
    class Half(Loss):
        def costs(self, z: Tensor, y: Tensor) -> Tensor:
            return z.sum(-1)

    assert "half" not in LOSSES
    with pytest.raises(UsageError, match=r"loss 'half' needs the method derivatives \(.*Half of "):
        LOSSES.lookup("half")


@pytest.mark.parametrize("name", ["", "two words", "a/b"])
def test_a_name_that_no_file_can_write_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="the name of a loss has letters, digits"):
        LOSSES.add(name, LOSSES["squared_error"], extensions.Origin("mine", "Mine"))


def test_looking_up_gives_the_nearest_names_of_the_users_own_too() -> None:
    sign_rule()
    with pytest.raises(UsageError, match=r"Unknown optimizer 'sgin'\. Did you mean 'sign'\?"):
        optimizer_from_config("sgin")
    with pytest.raises(UsageError, match=r"unknown kind 'los'\. Did you mean 'loss'"):
        registry("los")


def test_what_was_registered_for_a_while_is_let_go_of() -> None:
    with extensions.restored():
        sign_rule()
        assert "sign" in OPTIMIZERS
    assert "sign" not in OPTIMIZERS and "adam" in OPTIMIZERS


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_loads_what_comes_along_when_it_is_asked(kind: str) -> None:
    """In a program of its own: nothing is imported before, and the names known beforehand are those that there are."""
    code = (
        "import sys, json; from leadline.extensions import registry\n"
        f"r = registry({kind!r}); assert 'torch' not in sys.modules\n"
        "known = [name in r for name in r.builtin]; assert 'torch' not in sys.modules and all(known)\n"
        "names = list(r); assert all(r.lookup(name) is not None for name in names)\n"
        "print(json.dumps([list(r.builtin), [n for n in names if r.origins[n].is_own]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    builtin, names = json.loads(done.stdout)
    assert names and builtin in ([], names)


# --- modules --------------------------------------------------------------------------------------------------


def test_a_file_is_run_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SIGN, encoding="utf-8")
    load_module(str(path))
    first = OPTIMIZERS["sign"]
    load_module(str(path))
    assert OPTIMIZERS["sign"] is first
    path.write_text(SIGN.replace("Sign(", "Signum("), encoding="utf-8")
    load_module(str(path))
    assert "signum" in OPTIMIZERS
    assert modules_of([OPTIMIZERS["signum"]()]) == (str(path),)


def test_a_name_that_two_files_define_names_both(tmp_path: Path) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(SIGN, encoding="utf-8")
    load_module(str(tmp_path / "one.py"))
    with pytest.raises(LeadlineError, match=r"two\.py:7: optimizer 'sign' is defined twice: by Sign of .*one\.py, and"):
        load_module(str(tmp_path / "two.py"))


def test_a_module_is_imported_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_rules.py").write_text(SIGN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    load_module("own_rules")
    assert modules_of([OPTIMIZERS["sign"](), ll.Adam()]) == ("own_rules",)
    with pytest.raises(LeadlineError, match="own_ruls: there is no such file and no such module"):
        load_module("own_ruls")


def test_what_a_program_or_a_function_defines_no_other_program_can_load() -> None:
    assert modules_of([sign_rule()(), None, "adam"]) == ()


SAMPLER = """
from optuna.samplers import PartialFixedSampler, RandomSampler
from leadline.search.samplers import Sampler, Strategy


class Smallest(Sampler):
    def strategy(self, space, trials, seed):
        return Strategy(PartialFixedSampler({each.key: each.low for each in space}, RandomSampler(seed)))
"""


class Announced:
    """An installed package's entry point."""

    name, value, dist = "sign", "rules", None

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> None:
        load_module(str(self.path))


@pytest.mark.parametrize("works", [True, False])
def test_an_installed_package_announces_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    path = tmp_path / "rules.py"
    path.write_text(SIGN if works else "raise ValueError('oh')", encoding="utf-8")
    monkeypatch.setattr(loaded, "installed", False)
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [Announced(path)] if group == "leadline.extensions" else []
    )
    if works:
        assert optimizer_from_config("sign").to_config() == {"type": "sign"}
        return
    with pytest.warns(LeadlineWarning, match="The extension 'sign' of rules cannot be loaded and is left out: .*oh"):
        assert "sign" not in OPTIMIZERS


# --- training with one's own ----------------------------------------------------------------------------------


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(SIGN, encoding="utf-8")
    return tmp_path


def test_a_rule_of_the_users_own_trains_and_its_run_says_so() -> None:
    rule = sign_rule()
    network = ll.Network([ll.Dense(8, "relu"), ll.Dense(10)])
    with torch.random.fork_rng():
        run = ll.train(network, ll.read("digits"), optimizer=rule(0.01), epochs=2)
    assert run.experiment.training.optimizer == {"type": "sign"}
    assert run.experiment.training.learning_rate == 0.01


def test_it_trains_repeats_and_exports_from_a_file(own_files: Path) -> None:
    experiment = ll.Experiment.from_dict(
        {
            "extensions": {"modules": ["mine.py"]},
            "data": {"source": "digits"},
            "network": {"layers": [{"type": "dense", "units": 8}, {"type": "dense", "units": 10}]},
            "training": {"optimizer": "sign", "learning_rate": 0.01, "epochs": 2},
        }
    )
    first = ll.run_experiment(experiment)
    again = ll.run_experiment(ll.Experiment.from_toml(first.folder / "experiment.toml"))
    assert first.experiment.modules == ("mine.py",)
    assert all(torch.equal(tensor, again.parameters[name]) for name, tensor in first.parameters.items())
    adam = ll.run_experiment(experiment.replace({"training.optimizer": "adam"}))
    assert not torch.equal(first.parameters["layers.0.weight"], adam.parameters["layers.0.weight"])
    assert ll.Network.from_run(first).export(own_files / "model.onnx").exists()


def test_what_python_is_given_names_its_module_in_the_run(own_files: Path) -> None:
    load_module("mine.py")
    rule = OPTIMIZERS["sign"](0.01)
    run = ll.train(None, ll.read("digits"), optimizer=rule, epochs=1)
    assert [Path(name).name for name in run.experiment.extensions.modules] == ["mine.py"]


def test_a_loss_of_the_users_own_is_minimized_and_fits_its_task() -> None:
    class Huber(Loss):
        """½ e² up to |e| = 1, |e| − ½ beyond."""

        def costs(self, z: Tensor, y: Tensor) -> Tensor:
            return torch.nn.functional.huber_loss(z, y, reduction="none").sum(-1)

        def derivatives(self, z: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
            return (z - y).clamp_(-1, 1)

    torch.manual_seed(0)
    x = torch.randn(300, 3)
    y = x.sum(1) + (torch.rand(300) < 0.05) * 50
    network = ll.Network([ll.Dense(1)])
    check = ll.gradient_check(network, x[:12], y[:12].unsqueeze(1), "huber")
    assert check.passed
    run = ll.train(network, (x.numpy(), y.numpy()), loss=Huber(), epochs=30, split={"dev": 50, "test": 0})
    assert run.experiment.training.loss == "huber"
    squared = ll.train(network, (x.numpy(), y.numpy()), epochs=30, split={"dev": 50, "test": 0})
    differs = run.parameters["layers.0.weight"] - squared.parameters["layers.0.weight"]
    assert differs.abs().max() > 1e-3
    with pytest.raises(UsageError, match=r"'huber' is a loss for regression targets, these are multiclass"):
        ll.train(None, ll.read("digits"), loss="huber", epochs=1)
    with pytest.raises(UsageError, match=r"training\.loss: unknown loss 'hubr'\. Did you mean 'huber'"):
        ll.train(network, (x.numpy(), y.numpy()), loss="hubr", epochs=1)


def test_an_activation_of_the_users_own_is_right_and_exports_where_it_says_how() -> None:
    class Squeezed(ActivationFunction):
        """x / (1 + |x|)."""

        def forward(self, z: Tensor, out: Tensor | None = None) -> Tensor:
            return z / (1 + z.abs())

        def backward(self, d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
            return d_a * (1 - a.abs()) ** 2

    network = ll.Network([ll.Dense(6, "squeezed"), ll.Dense(3)])
    x, y = torch.randn(12, 4), torch.arange(12) % 3
    assert ll.gradient_check(network, x, y, "softmax_cross_entropy").passed
    with pytest.raises(LeadlineError, match="activation 'squeezed' cannot be exported: its class has no method onnx"):
        ActivationFunction.registry["squeezed"].onnx(None, "z")


def test_layers_and_schedules_are_registered_alike() -> None:
    @dataclass(frozen=True)
    class Halving(Schedule):
        def __call__(self, base_rate: Any, epoch: int, step: int) -> Any:
            return base_rate * 0.5**epoch

    assert Halving().to_config() == {"type": "halving"}

    @dataclass(frozen=True)
    class Repeated(ll.Dense):
        pass

    assert LAYERS["repeated"] is Repeated
    assert ll.Network.from_config(ll.Network([Repeated(3)]).config()).layers == (Repeated(3),)


def test_a_metric_of_the_users_own_has_an_interval_and_may_be_the_goal(tmp_path: Path) -> None:
    class LargestError(Metric):
        tasks = ("regression",)
        needs = "values"
        direction = "minimize"
        unit = ""

        def value(self, y_true: Any, prediction: Any) -> float:
            return float(abs(y_true - prediction).max())

    measured = evaluate("largest_error", [1.0, 2.0, 3.0, 5.0], [1.0, 2.5, 3.0, 3.0])
    assert measured.value == 2.0 and METRICS["largest_error"].title == "largest error"
    low, high = measured.interval
    assert 0 <= low < high <= 2.0
    x = np.random.default_rng(0).normal(size=(200, 2))
    experiment = ll.Experiment.from_dict({"goal": {"optimizing": "largest_error"}})
    run = ll.train(ll.Network([ll.Dense(1)]), (x, x.sum(1)), epochs=2, experiment=experiment, runs=tmp_path / "runs")
    assert run.metrics["dev"].overall["largest_error"].value > 0
    assert "largest error" in (run.folder / "report.html").read_text(encoding="utf-8").lower()
    with pytest.raises(UsageError, match=r"Unknown metric 'largest_eror'\. Did you mean 'largest_error'"):
        evaluate("largest_eror", [1.0], [1.0])


def test_a_run_with_a_metric_that_is_not_known_here_is_still_shown() -> None:
    row = {"their_own": proportion(3, 10)}
    assert [table.columns for table in segment_tables(Breakdown(10, row, {}, {"country": {"de": row}}, ()))] == [
        ["their own"]
    ]


def test_an_architecture_of_the_users_own_is_built_by_name() -> None:
    class TwoLayers(Architecture):
        input_shape, outputs = (1, 8, 8), 10

        def build(self, outputs: int = 10, **options: Any) -> ll.Network:
            return ll.Network([ll.Flatten(), ll.Dense(16, "relu"), ll.Dense(outputs)])

    experiment = ll.Experiment.from_dict({"data": {"source": "digits"}, "network": {"architecture": "two_layers"}})
    assert len(network_for("two_layers", (8, 8, 1), 10).layers) == 4
    plan = make_plan(experiment.replace({"training.epochs": 1}))
    assert [table["type"] for table in plan.experiment.network.layers or ()] == ["image", "flatten", "dense", "dense"]


def test_a_sampler_of_the_users_own_chooses_the_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(SAMPLER, encoding="utf-8")
    experiment = ll.Experiment.from_dict(
        {
            "extensions": {"modules": ["mine.py"]},
            "data": {"source": "digits"},
            "training": {"epochs": 1},
            "search": {
                "sampler": "smallest",
                "trials": 2,
                "finalists": 0,
                "space": {"training.l2": {"log": [0.1, 10]}},
            },
        }
    )
    settings = settings_of(experiment, {})
    found = search(experiment, settings=settings)
    assert [trial.values["training.l2"] for trial in found.trials] == [0.1, 0.1]
    with pytest.raises(UsageError, match=r"search\.sampler: unknown sampler 'smalest'\. Did you mean 'smallest'"):
        settings_of(experiment, {"sampler": "smalest"})


@pytest.mark.parametrize("pair", [False, True])
def test_a_file_format_of_the_users_own_is_read_like_the_others(tmp_path: Path, pair: bool) -> None:
    class Ledger(FileFormat):
        endings = (".ledger", ".txt")

        def read(self, path: Path, request: Any) -> Any:
            rows = [line.split("|") for line in path.read_text(encoding="utf-8").splitlines()]
            values = np.array(rows, float)
            return (values[:, :2], values[:, 2]) if pair else {"a": values[:, 0], "b": values[:, 1], "y": values[:, 2]}

    text = "\n".join(f"{i}|{i % 7}|{i / 2}" for i in range(100))
    for name in ("book.ledger", "book.txt"):  # endings of the user's own come before those that come along
        (tmp_path / name).write_text(text, encoding="utf-8")
        data = ll.read(tmp_path / name, **({} if pair else {"target": "y"}))
        assert data.name == "book" and data.n == 100 and data.task == "regression"
        assert data.target[-1] == 49.5
    (tmp_path / "book.ledger").write_text("1|x|2", encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"book\.ledger cannot be read as the format 'ledger': could not convert"):
        ll.read(tmp_path / "book.ledger", target="y")
