"""Files of texts -> files of labels, from start to end of a process: here and in Keras."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gatewise.text.corpus import Corpus
from speed_common import Bench, in_rounds, seconds_of
from speed_training import ARCHITECTURES

__all__ = ["FILE_ROWS", "KERAS_WAYS", "measure_files"]

SECTION = "file to file"
FILE_ROWS = 20_000
_DEFAULT_SIZES: dict[str, Any] = {**ARCHITECTURES["default sizes"], "recipe": False}
# What Keras labels with: the forum question's network as it stands there, and ours, its texts as
# in the question and as cheaply as it can have them.
KERAS_WAYS: dict[str, dict[str, Any]] = {
    "the question's recipe": {"by_length": False, "recipe": True, "dimension": 300, "units": 300},
    "padded to the longest, batches of 32": {"by_length": False, **_DEFAULT_SIZES},
    "batches of one length, of 128": {"by_length": True, **_DEFAULT_SIZES},
}
# What the Tokenizer of Keras took for no part of a word.
SIGNS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def measure_files(bench: Bench, data: str, model: Path, train: Corpus, test: Sequence[str]) -> None:
    """Label a file with a text on each line, in rounds.

    Parameters
    ----------
    bench : Bench
        Where to keep it; Keras is left out where it has no interpreter.
    data : str
        Name of the data set.
    model : Path
        A saved model, of the default sizes.
    train : Corpus
        Keras has as many classes, and knows its words.
    test : sequence of str
        What is labelled, as often as it takes.
    """
    texts = [" ".join(text.split()) for text in test]
    texts = (texts * -(-FILE_ROWS // len(texts)))[:FILE_ROWS]
    rows = model.with_name("rows.txt")
    rows.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    ways: dict[str, Callable[[], float]] = {
        "gatewise predict": partial(_command, model, rows, bench.threads),
        "gatewise predict --int8": partial(_command, model, rows, bench.threads, "--int8"),
    }
    for backend in bench.backends:
        for kind, options in KERAS_WAYS.items():
            task = {**_keras_task(train, rows), **options}
            if bench.keras(backend, {**task, "started": time.time()}, {}):
                ways[f"keras on {backend}, {kind}"] = partial(_keras, bench, backend, task)
    seconds = in_rounds(ways, bench.rounds)
    ours = statistics.median(seconds["gatewise predict"])
    for method, times in seconds.items():
        middle = statistics.median(times)
        found = {
            "records_per_second": len(texts) / middle,
            "every_round": [len(texts) / one for one in times],
            "gatewise_is_times_as_fast": middle / ours,
            "texts": len(texts),
        }
        bench.add(SECTION, method, data, found)


def _command(model: Path, rows: Path, threads: int, *options: str) -> float:
    command = [sys.executable, "-m", "gatewise", "predict", str(model), str(rows), "--lines"]
    command += options
    command += ["--threads", str(threads), "--out", str(rows.with_suffix(".answers.csv"))]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return seconds_of(
        lambda: subprocess.run(command, check=True, capture_output=True, env=environment)
    )


def _keras_task(train: Corpus, rows: Path) -> dict[str, Any]:
    texts = [text.lower().translate(str.maketrans(SIGNS, " " * len(SIGNS))) for text in train.texts]
    words = sorted({word for text in texts for word in text.split()})
    return {
        "kind": "file",
        "rows": str(rows),
        "out": str(rows.with_suffix(".keras.csv")),
        "words": words,
        "signs": SIGNS,
        "longest": max(len(text.split()) for text in texts),
        "n_words": len(words) + 1,
        "n_classes": len(set(train.labels)),
    }


def _keras(bench: Bench, backend: str, task: dict[str, Any]) -> float:
    return float(bench.keras(backend, {**task, "started": time.time()}, {})["seconds"])
