from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from leadline.data.targets import Target, encode_several, encode_target
from leadline.errors import LeadlineError


def encoded(values: Any, wanted: str | None = None, names: tuple[str, ...] = ()) -> Target:
    return encode_target("y", pa.chunked_array([pa.array(values)]), wanted, lambda row: f"t.csv, line {row + 2}", names)


def test_two_classes() -> None:
    target = encoded(["no", "yes", "no"] * 5)
    assert (target.task, target.classes) == ("binary", ("no", "yes"))
    assert target.values[:3].tolist() == [0, 1, 0]
    assert target.values.dtype == np.int64


def test_numbers_are_classes_in_their_order_under_the_names_given() -> None:
    assert encoded(["10", "9", "1"] * 5).classes == ("1", "9", "10")
    assert encoded(["01", "02", "03"] * 5).classes == ("01", "02", "03")
    assert encoded([2.0, 1.0, 3.0] * 5).classes == ("1", "2", "3")


def test_one_number_written_in_two_ways_is_one_class() -> None:
    assert encoded(["1", "1.0", "2"] * 5).classes == ("1", "2")


def test_two_classes_may_be_asked_for_as_multiclass() -> None:
    assert encoded(["a", "b"] * 5, "multiclass").task == "multiclass"
    with pytest.raises(LeadlineError, match="3 classes; a binary task has two"):
        encoded(["a", "b", "c"] * 5, "binary")


def test_numbers_to_predict() -> None:
    target = encoded([f"{i}.5" for i in range(30)])
    assert (target.task, target.classes) == ("regression", ())
    assert target.values.shape == (30, 1)
    with pytest.raises(LeadlineError, match="line 3, column 'y': the value is not finite"):
        encoded([0.5, float("inf"), *np.arange(30) / 3])


def test_a_mistake_in_a_target_of_numbers_is_named() -> None:
    values = [f"{i}.5" for i in range(30)]
    values[4] = "abc"
    with pytest.raises(LeadlineError, match="line 6, column 'y': 'abc' is not a number"):
        encoded(values)


def test_names_of_classes_that_a_file_gives() -> None:
    target = encoded([0, 1, 1, 0], names=("non-cat", "cat"))
    assert (target.task, target.classes) == ("binary", ("non-cat", "cat"))
    with pytest.raises(LeadlineError, match="line 3: the label 2 has no name; the file names 2 classes"):
        encoded([0, 2, 1], names=("non-cat", "cat"))


def test_notices_about_numbers_taken_for_classes_and_rare_classes() -> None:
    assert "taken for classes" in encoded([3, 4, 5] * 5).notices[0]
    assert encoded([0, 1, 2] * 5).notices == ()
    assert encoded(["a", "b"] * 5 + ["c"]).notices == ("Classes with fewer than 5 examples: 'c' (1).",)


def test_several_labels_numbers_and_one_hot_classes() -> None:
    labels = encode_several("y", np.array([[1, 0, np.nan], [1, 1, 0]]), None)
    assert (labels.task, labels.classes) == ("multilabel", ("0", "1", "2"))
    assert np.isnan(labels.values[0, 2])
    assert encode_several("y", np.array([[1.5, 0], [1, 1]]), None).task == "regression"
    one_hot = encode_several("y", np.eye(3)[[2, 0, 1]], None, ("a", "b", "c"))
    assert (one_hot.task, one_hot.classes, one_hot.values.tolist()) == ("multiclass", ("a", "b", "c"), [2, 0, 1])
    assert encode_several("y", np.eye(3), "multilabel").task == "multilabel"


def test_several_targets_that_fit_no_task() -> None:
    with pytest.raises(LeadlineError, match=r"nan at \[0, 1\]"):
        encode_several("y", np.array([[1.5, np.nan]]), None)
    with pytest.raises(LeadlineError, match="does not fit"):
        encode_several("y", np.array([[1.5, 0.5]]), "multilabel")
    with pytest.raises(LeadlineError, match="must be numbers"):
        encode_several("y", np.array([["a", "b"]]), None)
