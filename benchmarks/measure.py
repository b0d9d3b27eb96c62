"""A task -> a process of its own -> scores, seconds and peak memory."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gatewise.base.errors import ConfigError
from gatewise.base.files import write_json
from one_run import BAD_DATA, BAD_SETTINGS
from tasks import Task

__all__ = ["RunFailedError", "measure", "score"]

_RUNNER = Path(__file__).with_name("one_run.py")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class RunFailedError(Exception):
    """A run ended without an answer; the message says why."""


def measure(task: Task) -> dict[str, Any]:
    """Do one run in a process of its own.

    Parameters
    ----------
    task : Task
        What to run.

    Returns
    -------
    dict
        ``scores`` by part of the method, ``seconds`` from the start of the process to its end,
        ``cpu_seconds``, ``peak_memory_mb`` (10**6 bytes), ``records``, ``details``, ``warnings``.

    Raises
    ------
    ConfigError
        If a setting is not allowed, so that no run of this benchmark can succeed.
    RunFailedError
        If the run failed for another reason.
    """
    with tempfile.TemporaryDirectory() as name:
        task_path, answer_path = Path(name, "task.json"), Path(name, "answer.json")
        write_json(task_path, dataclasses.asdict(task))
        command = [sys.executable, str(_RUNNER), str(task_path), str(answer_path)]
        threads = dict.fromkeys(_THREAD_VARIABLES, str(task.threads))
        started = time.perf_counter()
        done = subprocess.run(
            command, stderr=subprocess.PIPE, text=True, check=False, env={**os.environ, **threads}
        )
        seconds = time.perf_counter() - started
        _check_ending(done.returncode, done.stderr)
        answer: dict[str, Any] = json.loads(answer_path.read_text("utf-8"))
    truth, predictions = answer.pop("truth"), answer.pop("predictions")
    scores = {part: score(truth, labels) for part, labels in predictions.items()}
    return {**answer, "seconds": seconds, "scores": scores}


def _check_ending(status: int, complaints: str) -> None:
    if status == 0:
        return
    last = next((line for line in reversed(complaints.splitlines()) if line.strip()), "no message")
    if status == BAD_SETTINGS:
        raise ConfigError(last)
    if status < 0:
        raise RunFailedError(f"ended by signal {-status}; if that is 9, memory was probably short")
    if status != BAD_DATA:  # not foreseen, so all there is to see is shown
        print(complaints, file=sys.stderr)
    raise RunFailedError(last)


def score(truth: Sequence[str], predicted: Sequence[str | None]) -> dict[str, float]:
    """Compute accuracy and macro F1, shares from 0 to 1.

    Parameters
    ----------
    truth : sequence of str, length N
        The right labels.
    predicted : sequence of str or None, length N
        The labels named; None, no answer, is never right.

    Returns
    -------
    dict
        ``accuracy`` and ``macro_f1``: the mean over all labels that are right or named
        somewhere, as scikit-learn computes it.
    """
    # Own arithmetic, because importing scikit-learn here would raise every run's peak memory:
    # a process starts with the peak of the one that started it.
    hits = Counter(label for label, named in zip(truth, predicted, strict=True) if label == named)
    right, named = Counter(truth), Counter(label for label in predicted if label is not None)
    labels = right.keys() | named.keys()
    f1 = [2 * hits[label] / (right[label] + named[label]) for label in sorted(labels)]
    return {"accuracy": hits.total() / len(truth), "macro_f1": sum(f1) / len(f1)}
