"""Keras for ``speed.py``, in an interpreter of its own: needs Keras, a backend and numpy alone.

KERAS_BACKEND=tensorflow python speed_keras.py TASK.json ARRAYS.npz ANSWER.json
"""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

_BATCH = 128

Arrays = dict[str, NDArray[Any]]
Answer = dict[str, Any]


def recipe(task: Answer, arrays: Arrays) -> Answer:
    """Train the forum question's network, and measure it after every epoch."""
    keras.utils.set_random_seed(task["seed"])
    network = _question_network(task, arrays["ids"].shape[1], arrays["vectors"])
    network.compile(loss="categorical_crossentropy", optimizer="adam")
    targets = keras.utils.to_categorical(arrays["targets"], task["n_classes"])
    seconds, accuracies = [], []
    for _ in range(task["epochs"]):
        started = time.perf_counter()
        network.fit(arrays["ids"], targets, batch_size=32, epochs=1, verbose=0)
        seconds.append(time.perf_counter() - started)
        found = network.predict(arrays["test_ids"], verbose=0).argmax(axis=1)
        accuracies.append(float((found == arrays["test_targets"]).mean()))
    return {"epoch_seconds": seconds, "accuracies": accuracies}


def train(task: Answer, arrays: Arrays) -> Answer:
    """Train epochs on ready batches, the first to warm up."""
    network = _network(task)
    network.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    batches = _Batches(arrays, task["n_batches"])
    network.fit(batches, epochs=1, verbose=0, shuffle=False)
    started = time.perf_counter()
    network.fit(batches, epochs=task["epochs"], verbose=0, shuffle=False)
    return {"seconds": (time.perf_counter() - started) / task["epochs"]}


def predict(task: Answer, arrays: Arrays) -> Answer:
    """Score ready batches, the first time to warm up."""
    network = _network(task)
    batches = _Batches(arrays, task["n_batches"])
    network.predict(batches, verbose=0)
    started = time.perf_counter()
    for _ in range(task["epochs"]):
        network.predict(batches, verbose=0)
    return {"seconds": (time.perf_counter() - started) / task["epochs"]}


def file(task: Answer, arrays: Arrays) -> Answer:
    """Label each line of a file; timed from when this process was started."""
    signs = str.maketrans(task["signs"], " " * len(task["signs"]))
    ids = {word: number for number, word in enumerate(task["words"], start=1)}
    texts = Path(task["rows"]).read_text("utf-8").splitlines()
    rows = [
        [ids[word] for word in text.lower().translate(signs).split() if word in ids]
        for text in texts
    ]
    label = _label_by_length if task["by_length"] else _label
    if task["recipe"]:
        shape = task["n_words"], task["dimension"]
        vectors = np.random.default_rng(0).normal(0.0, 0.1, shape).astype(np.float32)
        network = _question_network(task, task["longest"], vectors)
    else:
        network = _network(task)
    found = label(network, rows, task["longest"])
    with Path(task["out"]).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label", "probability"])
        for text, shares in zip(texts, found, strict=True):
            best = shares.argmax()
            writer.writerow([text, f"label {best}", float(shares[best])])
    return {"seconds": time.time() - task["started"]}


def _label(network: Any, rows: list[list[int]], longest: int) -> NDArray[Any]:
    ids = keras.utils.pad_sequences(rows, maxlen=longest)
    return np.asarray(network.predict(ids, verbose=0))


def _label_by_length(network: Any, rows: list[list[int]], longest: int) -> NDArray[Any]:
    order = np.argsort([len(row) for row in rows], kind="stable")
    arrays: Arrays = {}
    # Keras takes the shapes that may come from the first two batches.
    *others, last = range(0, len(order), _BATCH)
    starts = [last, *others]
    for number, start in enumerate(starts):
        chosen = [rows[row] for row in order[start : start + _BATCH]]
        width = min(longest, -(-max(1, *map(len, chosen)) // 8) * 8)
        arrays[f"ids{number}"] = keras.utils.pad_sequences(chosen, maxlen=width, padding="post")
        arrays[f"targets{number}"] = np.zeros(len(chosen))
    found: NDArray[Any] = network.predict(_Batches(arrays, len(starts)), verbose=0)
    answers = np.empty_like(found)
    answers[np.concatenate([order[start : start + _BATCH] for start in starts])] = found
    return answers


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    def __init__(self, arrays: Arrays, n_batches: int) -> None:
        super().__init__()
        names = range(n_batches)
        self.parts = [(arrays[f"ids{name}"], arrays[f"targets{name}"]) for name in names]

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        return self.parts[number]


def _question_network(task: Answer, n_positions: int, vectors: NDArray[Any]) -> Any:
    """Build what the forum question shows: all texts padded, LSTM with relu, Flatten, sigmoid."""
    n_words, dimension = vectors.shape
    return keras.Sequential(
        [
            layers.Input((n_positions,), dtype="int32"),
            layers.Embedding(n_words, dimension, weights=[vectors], trainable=False),
            layers.SpatialDropout1D(0.3),
            layers.LSTM(task["units"], return_sequences=True, activation="relu"),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(task["n_classes"], activation="sigmoid"),
        ]
    )


def _network(task: Answer) -> Any:
    """Build embedding (frozen) -> LSTM in two directions -> pooling -> softmax."""
    ids = layers.Input((None,), dtype="int32")
    vectors = layers.Embedding(task["n_words"], task["dimension"], trainable=False)(ids)
    states = layers.Bidirectional(layers.LSTM(task["units"], return_sequences=True))(vectors)
    pooled = layers.GlobalMaxPooling1D()(states)
    if task["pooling"] == "max-mean":
        mean = layers.GlobalAveragePooling1D()(states)
        pooled = layers.Concatenate()([pooled, mean])
    return keras.Model(ids, layers.Dense(task["n_classes"], activation="softmax")(pooled))


if __name__ == "__main__":
    task_path, arrays_path, answer_path = map(Path, sys.argv[1:])
    given = json.loads(task_path.read_text("utf-8"))
    answer = {"recipe": recipe, "train": train, "predict": predict, "file": file}[given["kind"]](
        given, dict(np.load(arrays_path))
    )
    answer["keras"] = keras.__version__
    answer_path.write_text(json.dumps(answer), encoding="utf-8")
