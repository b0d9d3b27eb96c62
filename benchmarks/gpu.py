"""A graphics processor beside the processor: same numbers, how fast, and what share of its peak.

    python benchmarks/gpu.py --data DIR [--set banking77] [--out FILE]

Trained at default settings on the card, in bfloat16 and in float32, with accuracy on the test file
and seconds of each stage. The same weights score the test texts on both; the largest difference of
a probability is kept. A short training runs on both in float32, and its losses are compared.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_sets import find_sets
from gatewise import TextClassifier
from gatewise.base.files import write_json
from gatewise.classify.model import FittedModel, score_tokens
from gatewise.network.precision import Precision
from gatewise.text.corpus import Corpus, read_corpus
from gatewise.text.tokens import tokenize
from machine import machine_facts, package_versions

RESULTS = Path(__file__).parent / "results"
N_SHORT = 2000  # records of the training that runs on both


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", dest="name", default="banking77")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args(arguments)
    (data_set,) = find_sets(options.data, [options.name], with_test=True)
    train, test = read_corpus(data_set.train), read_corpus(data_set.test)
    found: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "set": options.name,
        "machine": machine_facts(),
        "packages": package_versions(["gatewise", "torch", "gensim"]),
        "card": torch.cuda.get_device_name(0) if options.device == "cuda" else "none",
        "peak": {name: peak(options.device, kind) for name, kind in KINDS.items()},
        "losses": compare_losses(train, options.device),
    }
    for kind in KINDS:
        found[kind] = run(train, test, options.device, kind, found["peak"])
        print(kind, found[kind], flush=True)
        write_json(options.out or RESULTS / f"gpu-{options.name}.json", found)
    return 0


KINDS = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def peak(device: str, kind: torch.dtype, size: int = 4096) -> float:
    """Measure the matrix product in GFLOP/s, with float32 as exact as torch makes it by itself."""
    left, right = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    seconds = timed(lambda: [left @ right for _ in range(5)], device)
    return 5 * 2 * size**3 / seconds / 1e9


def timed(work: Callable[[], Any], device: str) -> float:
    work()
    wait(device)
    started = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - started


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def compare_losses(train: Corpus, device: str) -> dict[str, Any]:
    """Train two epochs on both, with the same draws, and compare the losses."""
    curves = {}
    for place in ("cpu", device):
        classifier = TextClassifier(
            epochs=2, final_epochs=0, word2vec_passes=1, device=place, precision="float32"
        ).fit(train.texts[:N_SHORT], train.labels[:N_SHORT])
        curves[place] = [epoch.loss for epoch in classifier.model_.history]
    first, second = np.array(curves["cpu"]), np.array(curves[device])
    return {"curves": curves, "largest_difference": float(np.abs(first - second).max())}


def run(
    train: Corpus, test: Corpus, device: str, kind: str, peaks: dict[str, float]
) -> dict[str, Any]:
    """Train with everything, score the test texts, and hold them against the processor's."""
    started = time.perf_counter()
    classifier = TextClassifier(device=device, precision=kind).fit(train.texts, train.labels)
    wait(device)
    seconds = time.perf_counter() - started
    model = classifier.model_
    tokens = [tokenize(text, model.language) for text in test.texts]
    scoring = timed(lambda: score_tokens(model, tokens), device)
    here = np.exp(score_tokens(replace(model, precision=Precision(device)), tokens).blend)
    accuracy = float((classifier.predict(test.texts) == np.array(test.labels)).mean())
    last = model.history[-1]
    per_second = len(train.texts) / last.seconds
    return {
        "accuracy": accuracy,
        "seconds": seconds,
        "stages": model.facts["seconds"],
        "epoch_seconds": [epoch.seconds for epoch in model.history],
        "training_records_per_second": per_second,
        "lstm_share_of_peak": per_second * lstm_flops(model, train) / 1e9 / peaks[kind],
        "scoring_records_per_second": len(tokens) / scoring,
        "float32_difference_from_cpu": float(
            np.abs(here - model.reference_probabilities(test.texts)).max()
        ),
    }


def lstm_flops(model: FittedModel, corpus: Corpus) -> float:
    """Count the multiplications and additions of a training step in the LSTM, per record."""
    recipe = model.recipe
    directions = 2 if recipe.bidirectional else 1
    size = recipe.projection or recipe.word_dimension + recipe.ngram_dimension
    tokens = min(float(model.facts["mean_length"]), recipe.max_length)
    gates = 4 * recipe.units * (size + recipe.units)
    return 3 * 2 * directions * gates * tokens  # forwards, and twice backwards


if __name__ == "__main__":
    sys.exit(main())
