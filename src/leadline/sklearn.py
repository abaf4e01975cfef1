"""Leadline's networks as scikit-learn estimators: they go into pipelines, grid searches and cross-validation.

>>> from leadline.sklearn import NetworkClassifier
>>> NetworkClassifier(hidden=(64, 32), random_state=0).fit(X, y).score(X_dev, y_dev)

They take arrays of numbers as scikit-learn does; for tables with categories and missing values, runs and their
diagnosis, use `leadline.train`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.limits import Precision
from leadline.measure.tasks import REGRESSION, task_of_classes
from leadline.network import Dense, Layer, Network
from leadline.optimize import Constant, Cosine, Optimizer, optimizer_from_config
from leadline.session.defaults import default_adam_rate, default_epochs, hidden_units
from leadline.training import EarlyStopping, Examples, FitResult, TrainingSettings, fit, outputs
from leadline.training.batches import default_batch_size
from leadline.training.threads import limited_threads, threads_for


class _NetworkEstimator(BaseEstimator):
    """What classifier and regressor share; ``_loss`` and ``_targets`` are theirs."""

    def __init__(
        self,
        hidden: Sequence[int | Layer] | None = None,
        *,
        activation: str = "relu",
        optimizer: str | dict[str, Any] | Optimizer = "adam",
        learning_rate: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        clip_norm: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 20,
        standardize: bool = True,
        precision: Precision = "float32",
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.l2 = l2
        self.l1 = l1
        self.clip_norm = clip_norm
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.standardize = standardize
        self.precision: Precision = precision
        self.device = device
        self.random_state = random_state

    def _fit(self, x: np.ndarray, y: np.ndarray, n_outputs: int, loss: str) -> Self:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._fit_scale(x)
        train, dev = self._examples(x, y, seed)
        network = Network([*self._hidden_layers(x.shape[1], len(train)), Dense(n_outputs)])
        settings = self._settings(len(train), seed)
        batch_size = settings.batch_size or len(train)
        with limited_threads(threads_for(network, (x.shape[1],), batch_size)):
            finished = fit(network, loss, train, dev, settings)
        if finished.divergence is not None:
            raise finished.divergence
        self.fit_: FitResult = finished
        self.loss_, self.n_iter_ = finished.history[-1].cost, len(finished.history)
        self.loss_curve_ = [epoch.cost for epoch in finished.history]
        self.n_outputs_ = n_outputs
        return self

    def _fit_scale(self, x: np.ndarray) -> None:
        """μ and σ of each column; a constant one is only centred."""
        self.mean_ = x.mean(0) if self.standardize else np.zeros(x.shape[1])
        scale = x.std(0) if self.standardize else np.ones(x.shape[1])
        self.scale_ = np.where(scale > 0, scale, 1.0)

    def _inputs(self, x: np.ndarray) -> torch.Tensor:
        dtype = torch.float64 if self.precision == "float64" else torch.float32
        return torch.as_tensor((x - self.mean_) / self.scale_, dtype=dtype, device=self.device)

    def _examples(self, x: np.ndarray, y: np.ndarray, seed: int) -> tuple[Examples, Examples | None]:
        """The training set, and the dev set that early stopping watches."""
        inputs = self._inputs(x)
        targets = torch.as_tensor(y, device=self.device)
        targets = targets if targets.dtype == torch.int64 else targets.to(inputs.dtype)
        if not self.early_stopping:
            return Examples(inputs, targets), None
        if not 0 < self.validation_fraction < 1:
            raise UsageError(f"validation_fraction must lie between 0 and 1, got {self.validation_fraction!r}")
        n_dev = max(1, round(len(x) * self.validation_fraction))
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(x)))
        held, kept = order[:n_dev], order[n_dev:]
        return Examples(inputs[kept], targets[kept]), Examples(inputs[held], targets[held])

    def _hidden_layers(self, n_inputs: int, m: int) -> list[Layer]:
        hidden = hidden_units(n_inputs, m) if self.hidden is None else self.hidden
        return [layer if isinstance(layer, Layer) else Dense(int(layer), self.activation) for layer in hidden]

    def _settings(self, m: int, seed: int) -> TrainingSettings:
        batch_size = min(self.batch_size or default_batch_size(m), m)
        full = batch_size == m
        epochs = self.epochs or default_epochs(m, batch_size)
        return TrainingSettings(
            epochs=epochs,
            batch_size=batch_size,
            optimizer=self._optimizer(full),
            schedule=Constant() if self.learning_rate else Cosine(epochs),
            l2=self.l2,
            l1=self.l1,
            clip_norm=self.clip_norm,
            early_stopping=EarlyStopping(self.patience) if self.early_stopping else None,
            precision=self.precision,
            seed=seed,
            device=self.device,
        )

    def _optimizer(self, full: bool) -> Optimizer:
        if isinstance(self.optimizer, Optimizer):
            return self.optimizer
        config = {"type": self.optimizer} if isinstance(self.optimizer, str) else self.optimizer
        rate = self.learning_rate
        if rate is None and config["type"] == "adam" and "learning_rate" not in config:
            rate = default_adam_rate(full)
        return optimizer_from_config(config, rate)

    def _outputs(self, loss: str, x: Any) -> np.ndarray:
        """Probabilities, or values in the scale of training: (m, k)."""
        check_is_fitted(self, "fit_")
        rows = np.asarray(validate_data(self, x, reset=False, dtype=np.float64))
        # In float64 a row's answer does not depend on which rows stand beside it, whatever kernel they get.
        parameters = self.fit_.parameters.to(self.device, torch.float64)
        z = outputs(self.fit_.network, parameters, self._inputs(rows).double())
        return LOSSES[loss].prediction(z).double().cpu().numpy()


class NetworkClassifier(ClassifierMixin, _NetworkEstimator):
    """A dense network that classifies; the output layer (a logit, or softmax) follows from the classes in ``y``.

    ``hidden`` are units or `leadline.Layer`s, chosen by the amount of data when None. ``learning_rate``, ``epochs`` and
    ``batch_size`` have `leadline.train`'s defaults. ``standardize`` brings each column to mean 0 and deviation 1.
    ``early_stopping`` holds out ``validation_fraction`` and goes back to the best parameters after ``patience`` epochs.

    After `fit`: ``classes_``, ``loss_curve_`` (cost per epoch), ``n_iter_``, ``fit_`` (network, θ and history).
    `leadline.errors.UsageError`: a setting that cannot be; `leadline.DivergenceError`: the cost left the numbers.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on inputs (m, n) and classes (m,)."""
        inputs, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        x = np.asarray(inputs)
        self.classes_, indices = np.unique(labels, return_inverse=True)
        k = len(self.classes_)
        if k < 2:
            raise ValueError(f"a classifier needs at least 2 classes; y has 1 class: {self.classes_[0]!r}")
        if k == 2:
            return self._fit(x, indices[:, None].astype(np.float64), 1, self._loss(k))
        return self._fit(x, indices.astype(np.int64), k, self._loss(k))

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class: (m, k), in the order of ``classes_``."""
        check_is_fitted(self, "fit_")
        p = self._outputs(self._loss(len(self.classes_)), X)
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row: (m,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(1)]

    @staticmethod
    def _loss(n_classes: int) -> str:
        return task_of_classes(n_classes).loss


class NetworkRegressor(RegressorMixin, _NetworkEstimator):
    """A dense network for numbers, one or several a row; parameters and attributes as of `NetworkClassifier`.

    Targets are standardized for training and predictions given back in their own units.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on inputs (m, n) and targets (m,) or (m, k)."""
        inputs, targets = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        x, values = np.asarray(inputs), np.asarray(targets, dtype=np.float64)
        self._single = values.ndim == 1
        values = values.reshape(len(values), -1)
        spread = values.std(0)
        self.target_mean_, self.target_scale_ = values.mean(0), np.where(spread > 0, spread, 1.0)
        return self._fit(x, (values - self.target_mean_) / self.target_scale_, values.shape[1], REGRESSION.loss)

    def predict(self, X: Any) -> np.ndarray:
        """Values in the targets' units: (m,), or (m, k) where several were trained."""
        values = self._outputs(REGRESSION.loss, X) * self.target_scale_ + self.target_mean_
        return values[:, 0] if self._single else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
