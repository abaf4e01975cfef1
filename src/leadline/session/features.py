"""Features: what frozen layers make of the examples, computed once and kept on disk (course 4, practical advice).

A file is named by all that its content depends on: the layers and their weights, the data, the preparation and the
rows. So it is never out of date, and whoever needs the same features again, with another head or another learning
rate, finds them there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from leadline.errors import LeadlineError
from leadline.files import cache_folder, replacing
from leadline.network import Network, Parameters
from leadline.session.pretrained import copy_layers
from leadline.session.transfer import feature_cut
from leadline.training import outputs

if TYPE_CHECKING:
    from leadline.runs.run import Run
    from leadline.session.plan import Plan

VERSION = 1
"""Changes when the same layers would compute something else."""


def set_features(plan: Plan, part: str, network: Network, parameters: Parameters) -> np.ndarray:
    """What ``network``, the frozen layers, makes of a set: an array (m, …), from the cache where it is there."""
    path = cache_folder("features") / f"{features_key(plan, part, network, parameters)}.npy"
    features = _read(path)
    if features is None:
        x = torch.as_tensor(plan.inputs(part)).to(parameters.theta)
        features = outputs(network, parameters, x).cpu().numpy()
        _write(path, features)
    return features


def frozen_features(run: Run, inputs: np.ndarray) -> tuple[Network | None, np.ndarray]:
    """The layers of a run that were not frozen, and what the frozen ones make of the inputs.

    None and the inputs as they are for a run without frozen layers.
    """
    record = run.transfer
    if record is None or not record["layers_frozen"]:
        return None, inputs
    trained = run.trained_network()
    network, parameters = trained.network, trained.parameters
    cut = feature_cut(network, inputs.shape[1:], record["layers_frozen"], record["layers_taken_over"])
    if cut == 0:
        return None, inputs
    first = Network(network.layers[:cut])
    own = first.initialize(inputs.shape[1:], dtype=parameters.theta.dtype)
    copy_layers(parameters, own, n=cut)
    return Network(network.layers[cut:]), outputs(first, own, torch.as_tensor(inputs)).numpy()


def features_key(plan: Plan, part: str, network: Network, parameters: Parameters) -> str:
    """A hash of all that the features depend on, 32 hexadecimal digits."""
    digest = hashlib.sha256(f"{VERSION} {network} {parameters.theta.device.type}".encode())
    for name, tensor in {**parameters.named(), **parameters.named_statistics()}.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    digest.update(plan.data.fingerprint()["sha256"].encode())
    digest.update(json.dumps(plan.preparation.to_json()["encoders"]).encode())
    digest.update(np.ascontiguousarray(plan.split.sets[part], "<i8").tobytes())
    return digest.hexdigest()[:32]


def _read(path: Path) -> np.ndarray | None:
    """The features in a file; None where it is missing or damaged, and then they are computed anew."""
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None


def _write(path: Path, features: np.ndarray) -> None:
    """A whole file or none: others may look for it at the same time."""
    try:
        with replacing(path) as draft, draft.open("wb") as file:
            np.save(file, features)
    except LeadlineError as error:
        raise LeadlineError(f"Features cannot be kept: {error} LEADLINE_CACHE names another folder.") from None
