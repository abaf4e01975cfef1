"""Tables with text, from the file to predictions: what is chosen, what is kept, and what cannot be (T5.14, T5.15)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leadline as ll
from leadline.data.text.encoders import TokenEncoder
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.network import GRU, Dense, Embedding, Network, gradient_check
from leadline.session.plan import Plan, make_plan
from leadline.session.training import run_experiment
from leadline.training import fit
from leadline.variants.variants import PreparedExperiment

SPAM = ["win a free prize now", "claim your cash prize", "free entry, call 08712460324", "urgent! your prize waits"]
HAM = ["see you at home", "call me when you are home", "ok, see you later", "are you at work now?"]


def written(folder: Path, m: int = 200, numbers: bool = False) -> Path:
    random = np.random.default_rng(0)
    lines = ["label\tmessage" + "\tsize" * numbers]
    for i in range(m):
        spam = bool(random.random() < 0.4)
        text = f"{random.choice(SPAM if spam else HAM)} {random.choice(['x', 'y', 'z'])} number {i}"
        text = "" if i % 40 == 7 else text
        lines.append(f"{'spam' if spam else 'ham'}\t{text}" + f"\t{random.normal():.3f}" * numbers)
    path = folder / "messages.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def plan(folder: Path, numbers: bool = False, **keys: Any) -> Plan:
    values = {"data.source": str(written(folder, numbers=numbers)), "data.target": "label"}
    return make_plan(Experiment().replace({**values, **{key.replace("__", "."): v for key, v in keys.items()}}))


def test_text_alone_gets_words_and_one_hidden_layer(tmp_path: Path) -> None:
    chosen = plan(tmp_path)
    experiment = chosen.experiment
    assert experiment.data.text == "tfidf"
    assert [layer["type"] for layer in experiment.network.layers or ()] == ["dropout", "dense", "dropout", "dense"]
    assert (experiment.training.optimizer or {})["type"] == "adamw"
    assert any("message is text:" in notice for notice in chosen.notices)
    again = make_plan(experiment)
    assert again.experiment == experiment
    assert np.array_equal(again.inputs("train"), chosen.inputs("train"))


def test_a_run_learns_keeps_and_predicts(tmp_path: Path) -> None:
    source = written(tmp_path)
    run = ll.train(data=str(source), target="label", runs=tmp_path / "runs", quick=True)
    loaded = ll.load_run(run.name, tmp_path / "runs").trained_network()
    texts = ["FREE prize!!", "see you at home", "", "zzz qqq"]
    assert loaded.predict(texts)[:2].tolist() == ["spam", "ham"]
    assert np.isfinite(loaded.predict_probabilities(texts)).all()
    rows = [{"message": text} for text in texts]
    assert np.array_equal(loaded.predict_probabilities(rows), loaded.predict_probabilities(texts))
    both = loaded.predict_probabilities([{"message": None}, {"message": ""}])
    assert np.array_equal(both[0], both[1])
    with pytest.raises(LeadlineError, match="'message' is text, which has no ONNX form here"):
        loaded.export(tmp_path / "x.onnx")
    assert "message" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_text_beside_other_columns_is_projected(tmp_path: Path) -> None:
    chosen = plan(tmp_path, numbers=True)
    assert chosen.experiment.data.text == "lsa"
    assert chosen.experiment.network.members == 8
    layers = list(chosen.experiment.network.layers or ())
    assert [chosen.preparation.feature_names[i] for i in layers[1]["columns"]] == ["size"]  # topics are not embedded
    result = fit(chosen.network, chosen.loss, chosen.training_set(), chosen.dev_set(), chosen.training)
    rows = [{"message": "claim your free prize", "size": 0.0}, {"message": "see you at home", "size": 0.0}]
    assert chosen.trained(result).predict(rows).tolist() == ["spam", "ham"]


@pytest.mark.parametrize("network", ["none", "gru"])
def test_tokens_for_layers_over_sequences(tmp_path: Path, network: str) -> None:
    """T5.15: a class per sequence; the number of tokens is that of the training rows."""
    keys: dict[str, Any] = {"data__text": "tokens"}
    if network == "gru":
        embedding, gru = {"type": "embedding", "units": 8}, {"type": "gru", "units": 8, "last": True}
        keys = {"network__layers": [embedding, gru, {"type": "dense", "units": 1}], "training__learning_rate": 0.02}
    chosen = plan(tmp_path, training__epochs=40, **keys)
    encoder = chosen.preparation.encoders[0]  # type: ignore[index]
    assert isinstance(encoder, TokenEncoder)
    first = chosen.network.layers[0]
    assert isinstance(first, Embedding) and first.tokens == encoder.n_tokens
    assert chosen.experiment.data.text == "tokens"
    x = chosen.inputs("train")[:6]
    y = chosen.targets(chosen.data.target[chosen.split.train[:6]])
    assert gradient_check(chosen.network, x, y, chosen.loss).passed
    run = run_experiment(chosen.experiment, runs=tmp_path / "runs")
    trained = ll.load_run(run.name, tmp_path / "runs").trained_network()
    assert trained.predict(["win a free prize", "see you at home"]).tolist() == ["spam", "ham"]
    long = "see you at home " * 200  # longer than any text in training: its first words are read
    assert trained.predict([long]).tolist() == ["ham"]


def test_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'"tokens" needs a column of text alone.*features = \["message"\]'):
        plan(tmp_path, numbers=True, data__text="tokens")
    embedding = [{"type": "embedding", "units": 4}, {"type": "last"}, {"type": "dense", "units": 1}]
    with pytest.raises(UsageError, match=r'an embedding takes tokens, and data\.text is "lsa"'):
        plan(tmp_path, data__text="lsa", network__layers=embedding)
    with pytest.raises(UsageError, match=r"data\.text"):
        ll.read(str(written(tmp_path)), target="label", text="words")
    nothing = tmp_path / "nothing.tsv"
    letters = [chr(97 + i) for i in range(26)]
    rows = [f"{'ab'[i % 2]}\tword{each}q x{each} y{each}" for i, each in enumerate(letters)]
    nothing.write_text("\n".join(["label\tmessage", *rows]))
    with pytest.raises(LeadlineError, match="no word occurs in two training texts"):
        make_plan(Experiment().replace({"data.source": str(nothing), "data.target": "label"}))


def test_variants_keep_the_encoding(tmp_path: Path) -> None:
    """Searches and soundings change one key; the text stays encoded as it was."""
    prepared = PreparedExperiment(Experiment().replace({"data.source": str(written(tmp_path)), "data.target": "label"}))
    variant = prepared.variant({"training.learning_rate": 0.01})
    assert variant.prepared.plan.data.text_encoding == "tfidf"
    assert variant.prepared.train.x.shape == prepared.plan.training_set().x.shape  # type: ignore[union-attr]


@pytest.mark.needs_data
@pytest.mark.verify
def test_sms_spam_by_default(data_folder: Path) -> None:
    """F1 of spam from the text alone, one split; five folds gave 0.966 (logistic regression on TF-IDF: 0.946)."""
    source = str(data_folder / "text" / "sms_spam.tsv")
    chosen = make_plan(Experiment().replace({"data.source": source, "data.target": "1"}))
    result = fit(chosen.network, chosen.loss, chosen.training_set(), chosen.dev_set(), chosen.training)
    predicted = chosen.trained(result).outputs(chosen.inputs("test")).argmax(1)
    truth, spam = chosen.data.target[chosen.split.test], chosen.data.classes.index("spam")
    hits = int(((predicted == spam) & (truth == spam)).sum())
    assert 2 * hits / int((predicted == spam).sum() + (truth == spam).sum()) >= 0.94


def test_networks_of_tokens_in_python(tmp_path: Path) -> None:
    run = ll.train(
        Network([Embedding(60, 8), GRU(6, last=True), Dense(1)]),
        str(written(tmp_path)),
        target="label",
        runs=tmp_path / "runs",
        epochs=1,
    )
    assert run.experiment.data.text == "tokens"
