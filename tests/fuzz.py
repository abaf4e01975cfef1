"""Files that are damaged at random, for every reader: an answer or one clear line, within 10 s and little memory.

``make fuzz`` runs it for a minute; ``python tests/fuzz.py --seconds 600 --seed 7`` for longer. Every input follows from
format, seed and number. Each is read in a child process, so that a crash or a hang in a library is noticed, too. What
fails is written into ``tests/data/damaged``, where `tests/data/test_fuzzed_files.py` reads it from then on.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import csv, feather, parquet
from safetensors.numpy import save

from leadline.architectures.files import read_tensors
from leadline.data import read
from leadline.errors import LeadlineError
from leadline.experiment import Experiment
from leadline.strategy.predictions_table import read_predictions

KEPT = Path(__file__).parent / "data" / "damaged"
SECONDS, BYTES = 10.0, 2 << 30
N = 24
PICTURES = ("png", "jpeg", "bmp", "gif", "tiff", "webp")


def _table() -> pa.Table:
    random = np.random.default_rng(0)
    x = random.normal(size=N)
    dates = pa.array(random.integers(0, 2**30, N), pa.int64()).cast(pa.timestamp("s"))
    words = [f"word {k % 5}" for k in range(N)]
    return pa.table(
        {"a": x, "n": np.arange(N) ** 2, "when": dates, "word": words, "y": ["b" if v > 0 else "c" for v in x]}
    )


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _hdf5(file: io.BytesIO) -> None:
    with h5py.File(file, "w") as opened:
        opened.create_dataset("x", data=np.random.default_rng(0).normal(size=(N, 3)), chunks=(8, 3), compression="gzip")
        opened["y"] = np.arange(N) % 2


def seeds() -> dict[str, bytes]:
    """A whole file of each format, by its ending."""
    table, x = _table(), np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
    rows = [{**row, "when": str(row["when"])} for row in table.to_pylist()]
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (16, 16, 3), dtype=np.uint8))
    predictions = "set,label,prediction\n" + "".join(f"dev,{'bc'[k % 2]},{'bc'[k % 3 == 0]}\n" for k in range(N))
    experiment = (
        '[data]\nsource = "digits"\n[network]\nlayers = [{ type = "dense", units = 10 }]\n[training]\nepochs = 3\n'
    )
    pictures = {ending: _written(lambda f, e=ending: picture.save(f, e)) for ending in PICTURES}
    idx = b"\0\0\x08\x02" + (N).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes(range(3 * N))
    return {
        "csv": _written(lambda f: csv.write_csv(table, f)),
        "jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "parquet": _written(lambda f: parquet.write_table(table, f)),
        "arrow": _written(lambda f: feather.write_feather(table, f)),
        "npz": _written(lambda f: np.savez_compressed(f, x=x, y=np.arange(N) % 2)),
        "npy": _written(lambda f: np.save(f, x)),
        "h5": _written(_hdf5),
        "idx": idx,
        "toml": experiment.encode(),
        "safetensors": save({"layers.0.weight": x, "layers.0.bias": x[0]}),
        "predictions.csv": predictions.encode(),
        **pictures,
    }


def reader(kind: str) -> Callable[[Path], object]:
    """What reads files of this format."""
    special = {
        "toml": Experiment.from_toml,
        "safetensors": read_tensors,
        "predictions.csv": lambda path: read_predictions(path),
        **dict.fromkeys(("npy", "idx"), _with_labels),
        **dict.fromkeys(PICTURES, _in_a_class),
    }
    return special.get(kind) or (lambda path: read(path, "y"))


def _with_labels(path: Path) -> object:
    """An array of inputs, with labels in a file beside it."""
    labels = path.with_name("labels.npy")
    np.save(labels, np.arange(N) % 2)
    return read(path, str(labels))


def _in_a_class(path: Path) -> object:
    """A picture among others, in a folder with a folder for each class."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name in ("a", "b"):
            (Path(folder) / name).mkdir()
            Image.new("RGB", (16, 16)).save(Path(folder) / name / "whole.png")
        (Path(folder) / "a" / path.name).write_bytes(path.read_bytes())
        return read(folder)


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """The content with a few bytes changed, cut, doubled or put in."""
    data = bytearray(content)
    for _ in range(int(random.integers(1, 6))):
        at = int(random.integers(0, max(len(data), 1)))
        kind = int(random.integers(0, 7))
        length = int(random.integers(1, 17))
        if kind == 0 and data:
            data[at] ^= 1 << int(random.integers(0, 8))
        elif kind == 1 and data:
            data[at] = int(random.choice([0, 1, 10, 34, 44, 91, 123, 127, 128, 255]))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length] * int(random.integers(1, 64))
        elif kind == 5:
            data[at : at + 4] = int(random.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**16])).to_bytes(4, "little")
        else:
            data[at:at] = [b"nan", b"1e400", b"\xff\xfe", b'"', b"[[[[", b"-9999999999999999999", b"\0"][
                int(random.integers(0, 7))
            ]
    return bytes(data)


def input_of(kind: str, seed: int, number: int) -> bytes:
    """The damaged file of this format and number."""
    return damaged(SEEDS[kind], np.random.default_rng([seed, number, *kind.encode()]))


def problem_with(kind: str, path: Path) -> str:
    """What is wrong with how a file is read; empty for an answer or a clear line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader(kind)(path)
    except LeadlineError as error:
        return "" if len(str(error).splitlines()) <= 4 else f"a long message: {str(error)[:200]}"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"[:300]
    return ""


def _read_one_after_another(connection: Connection, seed: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + BYTES, resource.RLIM_INFINITY))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEADLINE_CACHE"] = str(Path(folder) / "cache")
        while True:
            kind, number = connection.recv()
            path = Path(folder) / f"{number}.{kind}"
            path.write_bytes(input_of(kind, seed, number))
            connection.send(problem_with(kind, path))
            path.unlink()


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


class Child:
    """A process that reads damaged files; a new one takes its place when it has crashed or hangs."""

    def __init__(self, seed: int) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_read_one_after_another, args=(theirs, seed), daemon=True)
        self.process.start()
        theirs.close()

    def problem_with(self, kind: str, number: int) -> str:
        """What is wrong with how it reads this file."""
        self.connection.send((kind, number))
        try:
            if self.connection.poll(SECONDS):
                return str(self.connection.recv())
        except EOFError:
            self.process.join()
            return f"the process ended with {self.process.exitcode}"
        self.process.kill()
        self.process.join()
        return f"no answer within {SECONDS:g} s"


def fuzz(seconds: float, seed: int, most: int = 10**9) -> tuple[int, list[tuple[str, int, str]]]:
    """Read damaged files for so long; returns how many, and (format, number, problem) of those that failed."""
    failures: list[tuple[str, int, str]] = []
    deadline, count, child = time.monotonic() + seconds, 0, Child(seed)
    while time.monotonic() < deadline and count < most:
        kind, number = list(SEEDS)[count % len(SEEDS)], count // len(SEEDS)
        count += 1
        problem = child.problem_with(kind, number)
        if problem:
            failures.append((kind, number, problem))
        if not child.process.is_alive():
            child = Child(seed)
    child.process.kill()
    return count, failures


SEEDS = seeds()


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    count, failures = fuzz(given.seconds, given.seed)
    print(f"{count} damaged files of {len(SEEDS)} formats were read; {len(failures)} failed.")
    for kind, number, problem in failures:
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / f"{given.seed}-{number}.{kind}").write_bytes(input_of(kind, given.seed, number))
        print(f"  {given.seed}-{number}.{kind}: {problem}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(_main())
