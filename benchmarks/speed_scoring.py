"""Texts scored per second, in memory and from file to file: gatewise, ONNX Runtime, Keras."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_sets import DataSet
from gatewise import TextClassifier, load_plain, load_predictor, read_corpus, save
from gatewise.classify.predictor import Predictor
from gatewise.store.onnx_model import onnx_bytes
from gatewise.store.onnx_session import make_predictor
from speed_common import Bench, Sample, in_rounds, seconds_of
from speed_files import measure_files
from speed_training import ARCHITECTURES, keras_batches, keras_task

__all__ = ["measure_keras_scoring", "measure_scoring"]

SECTION = "scoring"
Way = Callable[[], float]


def measure_scoring(bench: Bench, data_set: DataSet, *, settings: Any = None) -> None:
    """Score the test texts in all ways that gatewise has, in turn.

    From file to file Keras does the same beside it. The same weights in Keras, and texts one by
    one, are what ``scoring.py`` measures.
    """
    corpus = read_corpus(data_set.train, text_column="text", label_column="label")
    assert data_set.test is not None
    texts = list(read_corpus(data_set.test, text_column="text", label_column="label").texts)
    texts = (texts * -(-bench.records // len(texts)))[: bench.records]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "model")
        classifier = TextClassifier(**{"epochs": 1, **(settings or {})}, random_state=bench.seed)
        save(classifier.fit(corpus.texts, corpus.labels), folder)
        readers = {
            "load_predictor, in memory": load_predictor(folder, threads=bench.threads),
            "torch, in memory": classifier,
            **_graphs(folder, bench.threads),
        }
        ways: dict[str, Way] = {name: _in_memory(one, texts) for name, one in readers.items()}
        for way in ways.values():
            way()
        for method, seconds in in_rounds(ways, bench.rounds).items():
            bench.add(SECTION, method, data_set.name, _speeds(len(texts), seconds))
        measure_files(bench, data_set.name, folder, corpus, texts)


def _in_memory(reader: Any, texts: list[str]) -> Way:
    return lambda: seconds_of(lambda: reader.predict_proba(texts))


def _speeds(n_texts: int, seconds: list[float]) -> dict[str, Any]:
    return {
        "records_per_second": n_texts / statistics.median(seconds),
        "every_round": [n_texts / one for one in seconds],
        "texts": n_texts,
    }


def _graphs(folder: Path, threads: int) -> dict[str, Predictor]:
    """Put ONNX Runtime's graphs, of 32 and of 8 bits, where the predictor has its own."""
    plain = load_plain(folder)
    network = plain.network
    return {
        f"onnx runtime, {name}": make_predictor(
            plain, onnx_bytes(network.config, network.arrays, int8=int8), threads=threads
        )
        for name, int8 in (("float32", False), ("int8", True))
    }


def measure_keras_scoring(bench: Bench, data: str, sample: Sample) -> None:
    """Score with the network of the default sizes in Keras, at two batch sizes."""
    sizes = ARCHITECTURES["default sizes"]
    for backend in bench.backends:
        for size in (32, 128):
            arrays = keras_batches(sample, size, longest=False)
            task = keras_task(sample, sizes, len(arrays) // 2, "predict", bench.rounds)
            found = bench.keras(backend, task, arrays)
            if found:
                speed = _speeds(len(sample.targets), [found["seconds"]])
                bench.add(SECTION, f"keras on {backend}, batches of {size}", data, speed)
