"""Columns of text: words, and the encoders that are learnt from training rows (T5.14)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from leadline.data import Dataset, DataSettings, Preparation, read
from leadline.data.columns import typed
from leadline.data.dataset import Column
from leadline.data.encoders import encoder_from_json, fit_column
from leadline.data.splitting.row_hashes import column_words
from leadline.data.text.encoders import LONGEST, LsaEncoder, TfidfEncoder, TokenEncoder, fit_text
from leadline.data.text.words import words, words_and_pairs
from leadline.errors import LeadlineError

TEXTS = [
    "Win a prize now! Call 08712460324",
    "win the PRIZE, call now",
    "see you at home",
    "are you at home now?",
    "",
    "see the prize",
]


def column(texts: Sequence[str | None], name: str = "message") -> Column:
    return typed(name, pa.chunked_array([pa.array(texts, pa.string())]), "text", lambda row: f"row {row}")


def encoded(encoder: TfidfEncoder | LsaEncoder | TokenEncoder, texts: Sequence[str | None]) -> np.ndarray:
    given_column = column(texts)
    out = np.full((len(texts), len(encoder.outputs)), np.nan, np.float32)
    encoder.encode(given_column, out)
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don’t go, it's 5pm", ["don’t", "go", ",", "it's", "5", "pm"]),
        ("call 08712460324 in 24 h", ["call", "<11 digits>", "in", "24", "h"]),
        ("£100!!", ["£", "<3 digits>", "!", "!"]),
        ("ÜBER naïve", ["über", "naïve"]),
        ("机器学习 is ok", ["机", "器", "学", "习", "is", "ok"]),
        ("snake_case 😀", ["snake", "_", "case", "😀"]),
        ("\ufffd\x00 a", ["\ufffd", "\x00", "a"]),
        (" \n\t", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """T5.14."""
    assert words(text) == expected


@given(st.text(max_size=60))
def test_any_text_has_words_without_blanks(text: str) -> None:
    single = words(text)
    assert all(word.strip() and "\n" not in word for word in single)
    assert len(words_and_pairs(text)) == max(2 * len(single) - 1, 0)


def test_tfidf_is_that_of_scikit_learn() -> None:
    """Weights as TfidfVectorizer has them with the same words."""
    encoder = fit_text(column(TEXTS), "tfidf")
    assert isinstance(encoder, TfidfEncoder)
    rule: dict[str, Any] = {"tokenizer": words_and_pairs, "token_pattern": None, "lowercase": False}
    theirs = TfidfVectorizer(**rule, sublinear_tf=True, min_df=2)
    expected = theirs.fit_transform(TEXTS).toarray()
    order = [encoder.terms.index(term) for term in theirs.get_feature_names_out()]
    np.testing.assert_allclose(encoded(encoder, TEXTS)[:, order], expected, atol=1e-6)
    assert "at home" in encoder.terms
    assert encoder.outputs[0] == f"message: {encoder.terms[0]}"


def test_new_words_empty_and_missing_texts_weigh_nothing() -> None:
    encoder = fit_text(column(TEXTS), "tfidf")
    rows = encoded(encoder, ["quite unknown", "", None, "prize prize"])
    assert not rows[:3].any()
    assert np.linalg.norm(rows[3]) == pytest.approx(1)


def test_projection_has_mean_0_and_deviation_1_on_training_texts() -> None:
    encoder = fit_text(column(TEXTS), "lsa")
    assert isinstance(encoder, LsaEncoder)
    rows = encoded(encoder, TEXTS)
    np.testing.assert_allclose(rows.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(rows.std(0), 1, atol=1e-5)
    # Texts that share words lie closer than others along the first direction.
    assert abs(rows[0, 0] - rows[1, 0]) < abs(rows[0, 0] - rows[2, 0])


def test_projection_of_many_texts_is_the_singular_vectors() -> None:
    random = np.random.default_rng(0)
    vocabulary = [f"w{chr(97 + k // 26)}{chr(97 + k % 26)}" for k in range(80)]
    texts = [" ".join(random.choice(vocabulary, 12)) for _ in range(200)]
    tfidf, lsa = (fit_text(column(texts), encoding) for encoding in ("tfidf", "lsa"))
    weights = encoded(tfidf, texts).astype(np.float64)
    directions = np.linalg.svd(weights, full_matrices=False)[2][:5]
    projected = weights @ directions.T
    expected = (projected - projected.mean(0)) / projected.std(0)
    ours = encoded(lsa, texts)[:, :5]
    assert len(lsa.outputs) == 32
    np.testing.assert_allclose(np.abs(ours), np.abs(expected), atol=2e-3)


def test_tokens_with_padding_unknown_words_and_longer_texts() -> None:
    """T5.14: 0 pads, 1 is a word that training did not have twice; the longest training text sets the steps."""
    encoder = fit_text(column(TEXTS), "tokens")
    assert isinstance(encoder, TokenEncoder)
    assert encoder.steps == 7
    rows = encoded(encoder, ["you you never", "", None, "home " * 50])
    place = encoder.words.index("you") + 2
    assert rows[0].tolist() == [place, place, 1, 0, 0, 0, 0]
    assert not rows[1:3].any()
    assert rows[3].tolist() == [encoder.words.index("home") + 2] * 7
    assert rows.max() < encoder.n_tokens
    assert [encoder.words[int(token) - 2] for token in encoded(encoder, ["see you"])[0, :2]] == ["see", "you"]
    assert fit_text(column(["a b " * 1000, "a b"]), "tokens").outputs[-1] == f"message, token {LONGEST}"


@pytest.mark.parametrize("encoding", ["tfidf", "lsa", "tokens"])
def test_kept_as_json(encoding: str) -> None:
    encoder = fit_column(column(TEXTS), "standardize", encoding)
    saved = json.loads(json.dumps({"type": encoder.type, **vars(encoder)}, default=list))
    again = encoder_from_json({key: value for key, value in saved.items() if not key.startswith("_")})
    assert again == encoder
    np.testing.assert_array_equal(encoded(again, TEXTS), encoded(encoder, TEXTS))  # type: ignore[arg-type]


def test_texts_without_a_common_word() -> None:
    with pytest.raises(
        LeadlineError, match=r"'message': no word occurs in two training texts.*exclude = \[\"message\"\]"
    ):
        fit_text(column(["a", "b", "c d"]), "tfidf")
    with pytest.raises(LeadlineError, match="holds the same words in all training rows"):
        fit_text(column(["a b", "a  b", "A b"]), "lsa")


# ----- in tables


def table(n: int = 60) -> pa.Table:
    random = np.random.default_rng(0)
    spam = np.arange(n) % 3 == 0
    wordy = ["free prize call now please {}", "see you at home soon {}"]
    names = random.permutation(["alpha", "beta", "gamma", "delta", "epsilon"] * n)[:n]
    text = [wordy[0 if s else 1].format(f"{name} {k}") for k, (s, name) in enumerate(zip(spam, names, strict=True))]
    return pa.table({"message": text, "length": random.normal(size=n), "label": np.where(spam, "spam", "ham")})


def test_a_column_of_text_is_used_and_shown() -> None:
    data = read(table(), target="label")
    assert [(each.name, each.kind, each.used) for each in data.features] == [
        ("message", "text", True),
        ("length", "number", True),
    ]
    assert data.text_columns == ("message",)
    preparation = Preparation.fit(data, np.arange(40))
    assert data.text_encoding == "lsa"
    assert "message is text:" in preparation.notices[0]
    assert "projected onto" in preparation.notices[0]
    again = Preparation.from_json(json.dumps(preparation.to_json()))
    np.testing.assert_array_equal(again.inputs(data), preparation.inputs(data))
    new = again.inputs([{"message": "free prize", "length": 0.1}, {"message": None, "length": 0.1}])
    assert new.shape == (2, preparation.n_inputs)
    assert np.isfinite(new).all()


def test_words_come_from_training_rows_alone() -> None:
    rows = table()
    only = rows.set_column(
        0,
        "message",
        pa.array([f"{t} zebra zebra" if k >= 40 else t for k, t in enumerate(rows["message"].to_pylist())]),
    )
    data = read(only, target="label", features=["message"])
    assert data.text_encoding == "tfidf"
    encoder = Preparation.fit(data, np.arange(40)).encoders[0]  # type: ignore[index]
    assert isinstance(encoder, TfidfEncoder)
    assert "zebra" not in encoder.terms
    assert "zebra" in Preparation.fit(data, np.arange(60)).encoders[0].terms  # type: ignore[index,union-attr]


def test_types_overrule() -> None:
    short = pa.table({"word": ["a b", "a c", "b c"] * 10, "y": [0, 1, 0] * 10})
    assert read(short, target="y").features[0].kind == "category"
    assert read(short, target="y", types={"word": "text"}).text_columns == ("word",)
    data = read(table(), target="label", types={"message": "identifier"})
    assert data.text_columns == ()


def test_equal_texts_hash_alike_whatever_the_others_are() -> None:
    one, two = column(["b", "a", None]), column(["a", "zz", "b"])
    assert column_words(one)[0] == column_words(two)[2]
    assert column_words(one)[1] == column_words(two)[0]


def test_bytes_that_are_not_utf_8_are_read_with_a_notice(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    lines = ["message,label", *(f"caf\u00e9 au lait num\u00e9ro {k},{'ab'[k % 2]}" for k in range(30))]
    path.write_bytes("\n".join(lines).encode("latin-1"))
    data = read(path, target="label")
    assert data.rows([0])[0]["message"] == "caf\u00e9 au lait num\u00e9ro 0"
    assert any("latin.csv is not UTF-8" in notice for notice in data.notices)


def test_text_of_a_streamed_table(tmp_path: Path) -> None:
    from leadline.data.settings import SplitSettings
    from leadline.data.streaming.table import streamed

    path = tmp_path / "table.parquet"
    pq.write_table(table(600), path, row_group_size=100)
    opened = streamed(DataSettings(source=str(path), target="label"), SplitSettings(test=0))
    assert opened.data.text_columns == ("message",)
    kinds = [encoder.type for encoder in opened.preparation.encoders]  # type: ignore[union-attr]
    assert kinds == ["lsa", "number"]
    assert np.isfinite(opened.preparation.inputs(opened.data)).all()


def test_a_data_set_takes_up_rows_as_they_were_read() -> None:
    data = read(table(), target="label")
    assert isinstance(data, Dataset)
    assert data.rows([0])[0]["message"].startswith("free prize")
    assert data.fingerprint()["sha256"] == read(table(), target="label").fingerprint()["sha256"]
