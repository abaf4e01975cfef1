"""Features: what frozen layers make of the examples, computed once and kept on disk (course 4, practical advice).

A file is named by all that its content depends on: the layers and their weights, the data, the preparation and the
rows. So it is never out of date, and whoever needs the same features again, with another head or another learning
rate, finds them there.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from leadline.architectures.files import cache_folder
from leadline.errors import LeadlineError
from leadline.network import Network, Parameters
from leadline.training import outputs

if TYPE_CHECKING:
    from leadline.session.plan import Plan

VERSION = 1
"""Changes when the same layers would compute something else."""


def set_features(plan: Plan, part: str, network: Network, parameters: Parameters) -> np.ndarray:
    """What ``network``, the frozen layers, makes of a set: an array (m, …), from the cache where it is there."""
    path = cache_folder() / "features" / f"{features_key(plan, part, network, parameters)}.npy"
    found = _read(path)
    if found is None:
        x = torch.as_tensor(plan.inputs(part)).to(parameters.theta)
        found = outputs(network, parameters, x).cpu().numpy()
        _write(path, found)
    return found


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
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            np.save(file, features)
        draft.replace(path)
    except OSError as error:
        raise LeadlineError(
            f"The features cannot be kept in {path.parent}: {error.strerror}. LEADLINE_CACHE names another folder."
        ) from None
    finally:
        draft.unlink(missing_ok=True)
