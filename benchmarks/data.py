"""Reading and preparing a table of a million rows and 20 columns, against pandas with scikit-learn's ColumnTransformer.

Both read the same CSV (12 columns of numbers, one in six with missing cells, 4 of whole numbers, 4 of categories) and
end with one array: numbers standardized with missing values as the mean and an indicator, categories one-hot. pandas
is given its fastest common form, `read_csv` with the C engine, and scikit-learn float32 and a dense array.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.compare import compare
from leadline.data import Preparation, read

ROWS = 1_000_000
ASKED = 2.0


def table(rows: int) -> pd.DataFrame:
    """A table like those that people have: numbers with digits to spare, gaps, counts and categories."""
    random = np.random.default_rng(0)
    columns: dict[str, object] = {f"number_{j}": random.normal(size=rows).round(6) for j in range(12)}
    for j in (0, 6):
        values = random.normal(size=rows).round(4)
        values[random.random(rows) < 0.05] = np.nan
        columns[f"number_{j}"] = values
    columns |= {f"count_{j}": random.poisson(30, rows) for j in range(4)}
    levels = np.array(["north", "south", "east", "west", "middle", "elsewhere"])
    columns |= {f"category_{j}": levels[random.integers(0, len(levels), rows)] for j in range(3)}
    columns["target"] = np.array(["no", "yes"])[random.integers(0, 2, rows)]
    return pd.DataFrame(columns)


def with_leadline(path: Path) -> np.ndarray:
    """Read, find out the types, prepare."""
    data = read(path, "target")
    return Preparation.fit(data, np.arange(data.n)).inputs(data)


def with_pandas(path: Path) -> np.ndarray:
    """Read with pandas, prepare with scikit-learn."""
    frame = pd.read_csv(path)
    frame.pop("target")
    numbers = [name for name in frame.columns if frame[name].dtype.kind in "if"]
    categories = [name for name in frame.columns if name not in numbers]
    frame[numbers] = frame[numbers].astype(np.float32)
    numeric = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    dtype: Any = np.float32
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=dtype)
    prepare = ColumnTransformer(
        [("numbers", numeric, numbers), ("categories", one_hot, categories)], sparse_threshold=0
    )
    return np.asarray(prepare.fit_transform(frame))


def run(rows: int = ROWS, repeats: int = 5) -> list[str]:
    """Lines of a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.csv"
        table(rows).to_csv(path, index=False)
        ways: dict[str, Callable[[], object]] = {
            "Leadline": partial(with_leadline, path),
            "pandas + scikit-learn": partial(with_pandas, path),
        }
        comparison = compare(f"{rows:,} rows, 20 columns, asked for {ASKED}×", ways, repeats, warm_up=1)
    lines = [
        "| table | way | seconds | pandas' and scikit-learn's time over this, median (quartiles) |",
        "|---|---|---|---|",
        *(
            f"| {comparison.name} | {way} | {seconds:.2f} | "
            f"{comparison.ratios[way][0]:.2f} ({comparison.ratios[way][1]:.2f} to {comparison.ratios[way][2]:.2f}) |"
            for way, seconds in comparison.seconds.items()
        ),
    ]
    print("\n".join(lines), flush=True)
    return lines


if __name__ == "__main__":
    run()
