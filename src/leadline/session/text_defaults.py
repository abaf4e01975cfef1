"""What is chosen for text: how it becomes numbers, and for a table of text alone the network and its training.

TF-IDF of words and pairs with one hidden layer is the default: on short messages and on film reviews it was as good as
a convolutional encoder of words (Kim, 2014), which ``text = "tokens"`` gives, in a tenth of the time (decision 39).
Dropout on the inputs and label smoothing keep rare words from being learnt by heart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leadline.data import Dataset, Preparation, Split
from leadline.data.text.encoders import TokenEncoder
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.network import Concatenate, Convolution1D, Dense, Dropout, Embedding, Layer, Network, PoolOverTime
from leadline.session.defaults import output_units

HIDDEN, INPUT_KEEP_PROB, KEEP_PROB = 128, 0.8, 0.5
UNITS, FILTERS, SIZES, WORD_KEEP_PROB = 64, 48, (2, 3, 4), 0.6
RATE, TOKEN_RATE, WEIGHT_DECAY, LABEL_SMOOTHING = 0.003, 0.002, 0.02, 0.1
EPOCHS, FEWEST_STEPS, BATCH_SIZE = 15, 600, 64


def with_text_encoding(experiment: Experiment, data: Dataset) -> Dataset:
    """The data with the encoding of their text settled; `UsageError` where the network cannot take it."""
    if not data.text_columns:
        return data
    asked, embeds = experiment.data.text, begins_with_embedding(experiment)
    if asked not in ("auto", data.settings.text):
        data = replace(data, settings=replace(data.settings, text=asked))
    encoding = "tokens" if embeds and data.settings.text == "auto" else data.text_encoding
    if encoding == "tokens" and len(data.inputs) > 1:
        raise UsageError(
            f'data.text: "tokens" needs a column of text alone, and {data.name} has {len(data.inputs)} columns to '
            f'predict from; use features = ["{data.text_columns[0]}"].'
        )
    if embeds and encoding != "tokens":
        raise UsageError(
            f'network.layers[0]: an embedding takes tokens, and data.text is "{encoding}"; leave that out.'
        )
    return replace(data, settings=replace(data.settings, text=encoding))


def begins_with_embedding(experiment: Experiment) -> bool:
    """Whether the first layer that is given takes tokens."""
    layers = experiment.network.layers
    return bool(layers) and layers[0].get("type") == "embedding"


def with_vocabulary(experiment: Experiment, preparation: Preparation) -> Experiment:
    """The experiment with the number of tokens that training rows gave, where its embedding leaves that open."""
    encoder = tokens_of(preparation)
    layers = experiment.network.layers
    if encoder is None or not layers or "tokens" in layers[0]:
        return experiment
    first = {"type": "embedding", "tokens": encoder.n_tokens} | layers[0]
    return experiment.replace({"network.layers": [first, *layers[1:]]})


def tokens_of(preparation: Preparation) -> TokenEncoder | None:
    """The encoder of a table whose text alone is read as tokens."""
    encoders = preparation.encoders
    first = encoders[0] if isinstance(encoders, tuple) and len(encoders) == 1 else None
    return first if isinstance(first, TokenEncoder) else None


def is_text_alone(data: Dataset) -> bool:
    """Whether one column of text is all that there is to predict from, each word for itself."""
    return len(data.inputs) == 1 and bool(data.text_columns) and data.text_encoding != "lsa"


def text_choices(experiment: Experiment, data: Dataset, preparation: Preparation, split: Split) -> dict[str, Any]:
    """Network and training for text alone, as keys of the experiment."""
    section, m, encoder = experiment.training, len(split.train), tokens_of(preparation)
    batch_size = BATCH_SIZE if section.batch_size is None else m if section.batch_size == "full" else section.batch_size
    batch_size = min(batch_size, m)
    epochs = section.epochs or max(EPOCHS, FEWEST_STEPS * batch_size // m)
    outputs = output_units(data)
    network = tfidf_network(outputs) if encoder is None else token_network(encoder.n_tokens, outputs)
    chosen: dict[str, Any] = {
        "network.layers": network.config(),
        "training.epochs": epochs,
        "training.batch_size": batch_size,
        "training.schedule": {"type": "cosine"},
    }
    if section.optimizer is None:
        chosen["training.optimizer"] = {"type": "adamw", "weight_decay": WEIGHT_DECAY}
        chosen["training.learning_rate"] = RATE if encoder is None else TOKEN_RATE
    if data.classes and section.loss is None:
        chosen["training.label_smoothing"] = LABEL_SMOOTHING
    if len(split.dev):
        usual = experiment.goal.optimizing in (None, data.task.usual_metric)
        chosen["training.early_stopping"] = {"patience": epochs, "monitor": "dev_cost" if usual else "goal"}
    return chosen


def tfidf_network(outputs: int) -> Network:
    """One hidden layer on the weights of words and pairs."""
    return Network(
        [Dropout(keep_prob=INPUT_KEEP_PROB), Dense(HIDDEN, "relu"), Dropout(keep_prob=KEEP_PROB), Dense(outputs)]
    )


def token_network(tokens: int, outputs: int) -> Network:
    """The largest response of filters over two, three and four words, and the mean word."""
    parts: list[list[Layer]] = [[Convolution1D(FILTERS, size, activation="relu"), PoolOverTime()] for size in SIZES]
    return Network(
        [
            Embedding(tokens, UNITS),
            Dropout(keep_prob=WORD_KEEP_PROB),
            Concatenate([*parts, [PoolOverTime("mean")]]),
            Dropout(keep_prob=KEEP_PROB),
            Dense(outputs),
        ]
    )
