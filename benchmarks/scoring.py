"""How fast texts are scored: the predictor, torch and Keras with the same network, side by side.

    python benchmarks/scoring.py [--data FILE] [--texts N] [--threads N] [--rounds N] [--out FILE]

Models of the recipes modern and classic are trained for one epoch on a labelled file, by default
the bundled tickets: what is measured does not depend on how good they are. All ways are timed in
turn, several rounds in one process, from texts to probabilities; the median counts. Keras gets the
network alone, on the backend of KERAS_BACKEND (else the first that is installed), at several batch
sizes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gatewise import TextClassifier, load, load_plain, load_predictor, read_corpus, save
from gatewise.classify.predictor import Predictor
from gatewise.data import load_tickets
from gatewise.network.precision import Precision
from gatewise.store.keras_model import keras_ids, open_keras, to_keras
from machine import machine_facts
from run_store import RunStore, key_of

RESULTS = Path(__file__).parent / "results" / "scoring.json"
RECIPES = ("modern", "classic")
KERAS_BATCHES = (32, 128, 512)
N_ALONE = 300  # texts that are timed one by one
LOADING = """
import sys, time
started = time.perf_counter()
import gatewise
gatewise.load_predictor(sys.argv[1])
print(time.perf_counter() - started)
"""

Score = Callable[[list[str]], Any]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", help="labelled texts; else the bundled tickets")
    parser.add_argument("--texts", type=int, default=2000, help="how many are scored")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    corpus = read_corpus(options.data) if options.data else load_tickets("train")
    repeats = -(-options.texts // len(corpus.texts))
    texts = (list(corpus.texts) * repeats)[: options.texts]
    store = RunStore(options.out)
    with tempfile.TemporaryDirectory() as name:
        for recipe in RECIPES:
            folder = Path(name) / recipe
            classifier = TextClassifier(recipe=recipe, epochs=1, device="cpu", random_state=0)
            save(classifier.fit(corpus.texts, corpus.labels), folder)
            for run in _measured(folder, texts, options.threads, options.rounds):
                print(recipe, "  ".join(f"{key} {_told(run[key])}" for key in run), flush=True)
                source = Path(options.data).name if options.data else "tickets"
                identity = {"recipe": recipe, "method": run["method"], "data": source}
                identity |= {"threads": options.threads, "texts": options.texts}
                store.add({"key": key_of(identity), **identity, **run}, machine_facts())
    return 0


def _measured(folder: Path, texts: list[str], threads: int, rounds: int) -> list[dict[str, Any]]:
    predictor = load_predictor(folder, threads=threads)
    ways = _ways(folder, predictor)
    for score in ways.values():  # the first time much is made ready
        score(texts[:64])
    bulk: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, score in ways.items():
            started = time.perf_counter()
            score(texts)
            bulk[name].append(len(texts) / (time.perf_counter() - started))
    runs = []
    for name, score in ways.items():
        alone = sorted(_times_alone(score, texts[:N_ALONE]))
        runs.append(
            {
                "method": name,
                "records_per_second": statistics.median(bulk[name]),
                "every_round": [round(speed) for speed in bulk[name]],
                "one_text_ms_p50": 1e3 * statistics.median(alone),
                "one_text_ms_p99": 1e3 * alone[int(0.99 * (len(alone) - 1))],
                "answers_as_predictor": _agreement(score, predictor, texts[:256]),
            }
        )
    return [*runs, {"method": "loading", "seconds": _loading(folder, rounds)}]


def _ways(folder: Path, predictor: Predictor) -> dict[str, Score]:
    classifier, plain = load(folder), load_plain(folder)
    classifier.model_ = replace(classifier.model_, precision=Precision())
    network = to_keras(plain)

    def keras(size: int) -> Score:
        def score(texts: list[str]) -> Any:
            ids = keras_ids(plain, [predictor.tokens(text) for text in texts])
            return network.predict(ids, batch_size=size, verbose=0)

        return score

    backend = open_keras().config.backend()
    ways: dict[str, Score] = {"predictor": predictor.predict_proba}
    ways["predictor, all it says"] = lambda texts: predictor.read(texts).parts.blend
    ways["torch, float32"] = classifier.predict_proba
    return ways | {f"keras on {backend}, batches of {size}": keras(size) for size in KERAS_BATCHES}


def _times_alone(score: Score, texts: list[str]) -> list[float]:
    seconds = []
    for text in texts:
        started = time.perf_counter()
        score([text])
        seconds.append(time.perf_counter() - started)
    return seconds


def _agreement(score: Score, predictor: Predictor, texts: list[str]) -> float:
    """Compute the share of equal answers; in Keras there are neither n-grams nor companion."""
    return float(
        (score(texts).argmax(axis=1) == predictor.predict_proba(texts).argmax(axis=1)).mean()
    )


def _loading(folder: Path, rounds: int) -> float:
    """Time the start of a process that answers, imports included."""
    command = [sys.executable, "-c", LOADING, str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = [
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        for _ in range(rounds)
    ]
    return statistics.median(float(one.stdout) for one in done)


def _told(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
