"""From a file to a model as good as the forum question's recipe ends with, in Keras and here."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np

from data_sets import DataSet
from gatewise import TextClassifier, read_corpus
from gatewise.text.corpus import Corpus
from gatewise.text.tokens import tokenize
from gatewise.vectors.word2vec import Word2VecConfig, train_word2vec
from speed_common import Bench, padded

__all__ = ["measure_recipe"]

GENSIM = Word2VecConfig(algorithm="cbow", passes=5, min_count=5)  # gensim's defaults, 300 numbers
SECTION = "time to accuracy"
MOST_EPOCHS = 20


def measure_recipe(bench: Bench, data_set: DataSet, *, epochs: int, settings: Any = None) -> None:
    """Train the recipe in Keras on each backend, then gatewise until it is as good.

    gatewise is trained from the file to a finished model (network, companion, thresholds, last
    epochs, index) with 1, 2, 3, ... epochs instead of the number it chooses, each first without the
    companion, which takes longer than a few of them; the first whose accuracy on the test file
    passes the recipe's last one counts, with the whole time of that fit. It is trained at its own
    choice, too.
    """
    settings = settings or {}
    ends = {}
    for backend in bench.backends:
        found = _keras(bench, data_set, backend, epochs)
        if found:
            bench.add(SECTION, f"keras on {backend}, the question's recipe", data_set.name, found)
            ends[backend] = found
    default = _fit(data_set, settings, bench.seed)
    bench.add(SECTION, "gatewise, defaults", data_set.name, default)
    if ends:
        goal = max(found["accuracy"] for found in ends.values())
        tried = _until(goal, data_set, settings, bench.seed)
        ratios = {
            f"times_as_fast_as_{name}": found["seconds"] / tried["seconds"]
            for name, found in ends.items()
        }
        bench.add(SECTION, "gatewise, epochs until as good", data_set.name, tried | ratios)


def _until(goal: float, data_set: DataSet, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    tries = itertools.product(range(1, MOST_EPOCHS + 1), (False, True))
    for epochs, companion in tries:
        found = _fit(data_set, {**settings, "epochs": epochs, "companion": companion}, seed)
        if found["accuracy"] > goal:
            break
    found |= {"epochs": epochs, "companion": companion}
    return {**found, "goal": goal, "passed": found["accuracy"] > goal}


def _fit(data_set: DataSet, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    started = time.perf_counter()
    train = read_corpus(data_set.train, text_column="text", label_column="label")
    classifier = TextClassifier(**settings, random_state=seed).fit(train.texts, train.labels)
    seconds = time.perf_counter() - started
    test = _test(data_set)
    accuracy = float((classifier.predict(test.texts) == np.array(test.labels)).mean())
    stages = classifier.model_.facts["seconds"]
    return {"seconds": seconds, "accuracy": accuracy, "stages": stages}


def _test(data_set: DataSet) -> Corpus:
    assert data_set.test is not None
    corpus: Corpus = read_corpus(data_set.test, text_column="text", label_column="label")
    return corpus


def _keras(bench: Bench, data_set: DataSet, backend: str, epochs: int) -> dict[str, Any] | None:
    """Read, tokenise and train word2vec here (the same code), the network in Keras."""
    started = time.perf_counter()
    train = read_corpus(data_set.train, text_column="text", label_column="label")
    token_lists = [tokenize(text) for text in train.texts]
    vectors = train_word2vec(token_lists, GENSIM, seed=bench.seed).vectors
    ids = {word: number for number, word in enumerate(vectors.words, start=1)}
    rows = [
        np.array([ids[t] for t in tokens if t in ids], dtype=np.int64) for tokens in token_lists
    ]
    width = max(map(len, rows))
    prepared = time.perf_counter() - started
    test = _test(data_set)
    names = sorted({*train.labels, *test.labels})
    asked = [
        np.array([ids[t] for t in tokenize(text) if t in ids], dtype=np.int64)
        for text in test.texts
    ]
    arrays = {
        "vectors": np.vstack([np.zeros((1, vectors.dimension)), vectors.matrix]).astype(np.float32),
        "ids": padded(rows, width, front=True),
        "targets": np.array([names.index(label) for label in train.labels]),
        "test_ids": padded(asked, width, front=True),
        "test_targets": np.array([names.index(label) for label in test.labels]),
    }
    task = {"kind": "recipe", "n_classes": len(names), "units": 300, "epochs": epochs}
    found = bench.keras(backend, {**task, "seed": bench.seed}, arrays)
    if found is None:
        return None
    return {
        "seconds": prepared + sum(found["epoch_seconds"]),
        "accuracy": found["accuracies"][-1],
        "prepared_seconds": prepared,
        "padded_to": width,
        **found,
    }
