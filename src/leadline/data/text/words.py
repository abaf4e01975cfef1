"""Texts as words (T5.14): a plain rule that is the same for training and for prediction."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

# Scripts without spaces between words are read character by character: kana and Chinese characters.
_WORD = re.compile(
    r"\d+"
    r"|[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|(?:(?![\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])[^\W\d_])+(?:['’][^\W\d_]+)*"
    r"|[^\w\s]|_"
)

SHORT_NUMBER = 2
"""Numbers with more digits become a token that says how many: they are rarely the same twice."""


def words(text: str) -> list[str]:
    """Lower-case words, numbers and single punctuation marks, in order; ``"<5 digits>"`` for 12345."""
    return [
        f"<{len(word)} digits>" if word.isdigit() and len(word) > SHORT_NUMBER else word
        for word in _WORD.findall(text.lower())
    ]


def words_and_pairs(text: str) -> list[str]:
    """The words, and behind them every two words that follow each other, with a blank between."""
    single = words(text)
    return [*single, *(f"{first} {second}" for first, second in pairwise(single))]


def document_counts(texts: Iterable[Sequence[str]], weights: Iterable[int]) -> Counter[str]:
    """In how many texts each term occurs; a text that occurs ``weights`` times counts as often."""
    counts: Counter[str] = Counter()
    for terms, weight in zip(texts, weights, strict=True):
        for term in set(terms):
            counts[term] += weight
    return counts


def most_frequent(counts: Counter[str], most: int, least: int = 2) -> tuple[str, ...]:
    """Terms that occur in at least ``least`` texts, the most frequent first, equal ones by alphabet."""
    frequent = [(-count, term) for term, count in counts.items() if count >= least]
    return tuple(term for _, term in sorted(frequent)[:most])
