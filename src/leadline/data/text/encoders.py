"""Encoders of text columns: TF-IDF of words and pairs, its projection, and tokens for an embedding.

A column of text holds codes into the different texts. What is learnt (words, weights, projection) comes from training
rows alone. An empty or missing text has no words: weights of 0, and only padding as tokens.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from leadline.data.dataset import Column
from leadline.data.text.words import document_counts, most_frequent, words, words_and_pairs
from leadline.errors import LeadlineError

MOST_TERMS = 10_000
MOST_VALUES = 1 << 28
"""TF-IDF weights of all training rows, at 4 bytes each: of more rows, fewer terms are kept …"""
FEWEST_TERMS = 1_000
"""… but at least so many."""
MOST_WORDS = 30_000
TOPICS = 32
LONGEST = 512
"""A longer text is cut: its first words are read."""
PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2


@dataclass(frozen=True)
class TfidfEncoder:
    """The weight of each term in a text, (1 + ln count) · idf, scaled so that each text's weights have length 1.

    ``terms`` are words and pairs of words; idf = ln((1 + n)/(1 + texts with the term)) + 1 over the n training texts.
    """

    type: ClassVar[str] = "tfidf"
    name: str
    terms: tuple[str, ...]
    idf: tuple[float, ...]
    kind: str = "text"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        return tuple(f"{self.name}: {term}" for term in self.terms)

    def encode(self, column: Column, out: np.ndarray) -> None:
        """Write the weights of the texts (m,) of ``column`` into ``out``, (m, terms)."""
        out[:] = 0
        rows, places, weights = self.weights(column)
        out[rows, places] = weights

    def weights(self, column: Column) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, places of terms and weights, of those that are not 0, row after row."""
        codes, inverse = np.unique(column.values, return_inverse=True)
        known, values, sizes = [], [], []
        for code in codes.tolist():
            counts = self._counts(column.levels[code] if code >= 0 else "")
            own = np.fromiter(counts.values(), np.float64, len(counts))
            place = np.fromiter(counts, np.int64, len(counts))
            weight = (1 + np.log(own)) * self._idf[place]
            known.append(place)
            values.append(weight / (np.sqrt(weight @ weight) or 1.0))
            sizes.append(len(place))
        of_row = inverse.reshape(-1).tolist()
        rows = np.repeat(np.arange(len(of_row)), [sizes[code] for code in of_row])
        empty = [np.zeros(0, np.int64)]
        return (
            rows,
            np.concatenate([known[code] for code in of_row] or empty),
            np.concatenate([values[code] for code in of_row] or [np.zeros(0)]),
        )

    def _counts(self, text: str) -> Counter[int]:
        """How often each known term occurs, by its place."""
        return Counter(place for term in words_and_pairs(text) if (place := self._places.get(term)) is not None)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}

    @cached_property
    def _idf(self) -> np.ndarray:
        return np.array(self.idf)


@dataclass(frozen=True)
class LsaEncoder:
    """TF-IDF projected onto a few directions in which the training texts differ most (latent semantic analysis).

    Each direction has mean 0 and standard deviation 1 over the training texts. ``projection`` holds float32
    (terms, topics), row by row, as base64.
    """

    type: ClassVar[str] = "lsa"
    name: str
    terms: tuple[str, ...]
    idf: tuple[float, ...]
    center: tuple[float, ...]
    projection: str
    kind: str = "text"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        return tuple(f"{self.name}, topic {k + 1}" for k in range(len(self.center)))

    def encode(self, column: Column, out: np.ndarray) -> None:
        """Write the projected texts (m,) of ``column`` into ``out``, (m, topics)."""
        rows, places, weights = self._tfidf.weights(column)
        projected = np.zeros((len(column.values), len(self.center)))
        np.add.at(projected, rows, weights[:, None] * self._matrix[places])
        out[:] = projected - np.array(self.center)

    @cached_property
    def _tfidf(self) -> TfidfEncoder:
        return TfidfEncoder(self.name, self.terms, self.idf)

    @cached_property
    def _matrix(self) -> np.ndarray:
        flat = np.frombuffer(base64.b64decode(self.projection), "<f4")
        return flat.reshape(len(self.terms), -1).astype(np.float64)


@dataclass(frozen=True)
class TokenEncoder:
    """The words of a text as whole numbers for an `Embedding`: 0 is padding, 1 an unknown word, 2 the first word known.

    A text of more than ``steps`` words is cut.
    """

    type: ClassVar[str] = "tokens"
    name: str
    words: tuple[str, ...]
    steps: int
    kind: str = "text"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        return tuple(f"{self.name}, token {k + 1}" for k in range(self.steps))

    @property
    def n_tokens(self) -> int:
        """Different tokens, padding and unknown words among them."""
        return FIRST_WORD + len(self.words)

    def encode(self, column: Column, out: np.ndarray) -> None:
        """Write the tokens of the texts (m,) of ``column`` into ``out``, (m, steps)."""
        codes, inverse = np.unique(column.values, return_inverse=True)
        table = np.zeros((len(codes), self.steps), out.dtype)
        for row, code in enumerate(codes.tolist()):
            found = self.tokens(column.levels[code] if code >= 0 else "")
            table[row, : len(found)] = found
        out[:] = table[inverse.reshape(-1)]

    def tokens(self, text: str) -> list[int]:
        """The tokens of one text, ``steps`` at most."""
        return [self._places.get(word, UNKNOWN) for word in words(text)[: self.steps]]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words, FIRST_WORD)}


TextEncoder = TfidfEncoder | LsaEncoder | TokenEncoder
TEXT_ENCODERS: Mapping[str, type[TextEncoder]] = {kind.type: kind for kind in (TfidfEncoder, LsaEncoder, TokenEncoder)}


def text_encoder(kind: str, saved: Mapping[str, Any]) -> TextEncoder:
    """The encoder whose fields JSON has kept, where tuples are lists."""
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in saved.items()}
    return TEXT_ENCODERS[kind](**fields)


def fit_text(column: Column, encoding: str) -> TextEncoder:
    """The encoder for a column of text, fitted on all its values: "tfidf", "lsa" or "tokens"."""
    if encoding == "tokens":
        return fit_tokens(column)
    tfidf = fit_tfidf(column)
    return tfidf if encoding == "tfidf" else fit_lsa(column, tfidf)


def fit_tfidf(column: Column) -> TfidfEncoder:
    """Words and pairs that occur in two texts or more, the most frequent ones."""
    n = len(column.values)
    counts = document_counts(*_texts(column, words_and_pairs))
    terms = most_frequent(counts, max(FEWEST_TERMS, min(MOST_TERMS, MOST_VALUES // max(n, 1))))
    if not terms:
        raise LeadlineError(
            f"Column '{column.name}': no word occurs in two training texts, so nothing can be learnt from them; "
            f'leave it out: exclude = ["{column.name}"].'
        )
    idf = tuple(float(np.log((1 + n) / (1 + counts[term])) + 1) for term in terms)
    return TfidfEncoder(column.name, terms, idf)


def fit_lsa(column: Column, tfidf: TfidfEncoder) -> LsaEncoder:
    """The first singular vectors of the training texts' TF-IDF."""
    rows, places, weights = tfidf.weights(column)
    shape = len(column.values), len(tfidf.terms)
    matrix = csr_matrix((weights, (rows, places)), shape)
    directions = _directions(matrix, shape, TOPICS)
    projected = matrix @ directions.T
    scale = projected.std(0)
    varying = scale > 1e-9
    directions, scale = directions[varying], scale[varying]
    if not len(scale):
        raise LeadlineError(
            f"Column '{column.name}' holds the same words in all training rows; leave it out: "
            f'exclude = ["{column.name}"].'
        )
    projection = np.ascontiguousarray((directions / scale[:, None]).T, "<f4")
    center = tuple((projected[:, varying].mean(0) / scale).tolist())
    encoded = base64.b64encode(projection.tobytes()).decode("ascii")
    return LsaEncoder(column.name, tfidf.terms, tfidf.idf, center, encoded)


def _directions(matrix: csr_matrix, shape: tuple[int, int], most: int) -> np.ndarray:
    """The first right singular vectors, by falling singular value, each with its largest entry positive."""
    smaller = min(shape)
    if smaller <= most + 1:
        vectors = np.linalg.svd(matrix.toarray(), full_matrices=False)[2][:most]
    else:
        start = np.random.default_rng(0).normal(size=smaller)
        _, values, rows = svds(matrix, most, v0=start)
        vectors = np.asarray(rows)[np.argsort(-np.asarray(values))]
    largest = np.abs(vectors).argmax(1)
    return vectors * np.sign(vectors[np.arange(len(vectors)), largest])[:, None]


def fit_tokens(column: Column) -> TokenEncoder:
    """The most frequent words of the training texts, and as many steps as the longest of them has."""
    texts, weights = _texts(column, words)
    counts = document_counts(texts, weights)
    longest = max((len(each) for each in texts), default=0)
    return TokenEncoder(column.name, most_frequent(counts, MOST_WORDS), min(max(longest, 1), LONGEST))


def text_notice(encoder: TextEncoder) -> str:
    """What a person should know about how a column of text is used."""
    if isinstance(encoder, TokenEncoder):
        cut = " Longer ones are cut." if encoder.steps == LONGEST else ""
        return (
            f"{encoder.name} is text: {len(encoder.words)} words of the training texts as tokens, {encoder.steps} at "
            f"most.{cut}"
        )
    used = f"{encoder.name} is text: {len(encoder.terms)} words and pairs of the training texts by TF-IDF"
    return f"{used}." if isinstance(encoder, TfidfEncoder) else f"{used}, projected onto {len(encoder.center)} topics."


def _texts(column: Column, split: Callable[[str], list[str]]) -> tuple[list[list[str]], list[int]]:
    """The terms of each different text, and how often the text occurs."""
    codes, counts = np.unique(column.values[column.values >= 0], return_counts=True)
    return [split(column.levels[code]) for code in codes.tolist()], counts.tolist()
