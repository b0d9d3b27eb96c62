"""What the parts of ``speed.py`` share: texts as ids, other interpreters, rounds, results."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError
from gatewise.base.files import write_json
from gatewise.classify.records import EncodedRecords
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import EncodedTexts, build_vocabulary
from machine import machine_facts, package_versions
from run_store import RunStore, key_of

__all__ = [
    "BACKENDS",
    "Bench",
    "Sample",
    "best_of",
    "in_rounds",
    "make_sample",
    "padded",
    "seconds_of",
]

BACKENDS = ("tensorflow", "jax")
_WORKER = Path(__file__).with_name("speed_keras.py")
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Some labelled texts as ids.

    Attributes
    ----------
    encoded : EncodedTexts
        Word ids from 2; no n-grams.
    targets : ndarray of int64, shape (N,)
        Class numbers.
    n_words, n_classes : int
        Ids are below ``n_words``.
    max_length : int
        Texts are cut to so many tokens.
    """

    encoded: EncodedTexts
    targets: Ids
    n_words: int
    n_classes: int
    max_length: int

    @property
    def n_tokens(self) -> int:
        """Tokens of all texts as far as they are read."""
        return int(np.minimum(self.encoded.lengths, self.max_length).sum())

    def records(self) -> EncodedRecords:
        """Give them the form that training asks for."""
        return EncodedRecords(
            encoded=self.encoded,
            rows=np.arange(len(self.targets)),
            targets=self.targets,
            weights=None,
            max_length=self.max_length,
            fixed_length=False,
        )

    def rows(self) -> list[Ids]:
        """List the ids of each text."""
        ids = self.encoded.word_ids[self.encoded.tokens]
        texts = np.split(ids, self.encoded.offsets[1:-1])
        return [text[: self.max_length] for text in texts]


@dataclass
class Bench:
    """What all sections are given.

    Attributes
    ----------
    store : RunStore
        Where results go.
    threads, rounds, records, seed : int
        Processor threads, rounds that are timed in turn, texts per data set, seed.
    backends : tuple of str
        Of Keras.
    pythons : dict of str to str
        Interpreters that have Keras, by backend.
    """

    store: RunStore
    threads: int = 2
    rounds: int = 3
    records: int = 1024
    seed: int = 0
    backends: tuple[str, ...] = BACKENDS
    pythons: Mapping[str, str] = field(default_factory=dict)

    def add(self, section: str, method: str, data: str, found: Mapping[str, Any]) -> None:
        """Keep and print what was measured; the same again takes its place."""
        identity = {"section": section, "method": method, "data": data, "threads": self.threads}
        told = "  ".join(f"{name} {_told(value)}" for name, value in found.items())
        print(f"{section}  {data}  {method}: {told}", flush=True)
        versions = package_versions(["gatewise", "torch", "onnxruntime", "gensim", "numpy"])
        waiting = os.environ.get("OMP_WAIT_POLICY", "as OpenMP does")
        facts = {"versions": versions, "threads_wait": waiting}
        run = {"key": key_of(identity), **identity, **found, **facts}
        self.store.add(run, machine_facts())

    def keras(self, backend: str, task: Mapping[str, Any], arrays: Mapping[str, Any]) -> Any:
        """Let ``speed_keras.py`` do a task on a backend; None, said why, where there is none.

        Raises
        ------
        ConfigError
            If its interpreter cannot be run.
        """
        if backend not in self.pythons:
            why = f"no interpreter given: --{backend}-python"
            self.store.skip(f"keras on {backend}", why)
            print(f"keras on {backend} is left out: {why}", flush=True)
            return None
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, name) for name in ("task.json", "arrays.npz", "answer.json")]
            write_json(paths[0], dict(task))
            np.savez(paths[1], **arrays)
            command = [self.pythons[backend], str(_WORKER), *map(str, paths)]
            self._run(command, {**os.environ, **_keras_environment(backend, self.threads)})
            return json.loads(paths[2].read_text("utf-8"))

    @staticmethod
    def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
        try:
            done = subprocess.run(
                command, stderr=subprocess.PIPE, text=True, check=False, env=environment
            )
        except OSError as error:
            raise ConfigError(f"{command[0]} cannot be run: {error}; give a Python") from error
        if done.returncode:
            raise ConfigError(f"{command[0]} failed: {done.stderr[-2000:]}")


def _keras_environment(backend: str, threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": backend}
    return dict.fromkeys(names, str(threads)) | quiet


def make_sample(
    texts: Sequence[str], labels: Sequence[str], n_records: int, max_length: int, seed: int
) -> Sample:
    """Turn some texts, chosen by lot, into ids."""
    chosen = np.random.default_rng(seed).permutation(len(texts))[:n_records]
    token_lists = [tokenize(texts[row]) for row in chosen]
    names = sorted(set(labels))
    vocabulary = build_vocabulary(token_lists)
    return Sample(
        vocabulary.encode(token_lists),
        np.array([names.index(labels[row]) for row in chosen]),
        len(vocabulary),
        len(names),
        max_length,
    )


def padded(rows: Sequence[Ids], width: int, *, front: bool = False) -> NDArray[np.int32]:
    """Lay texts side by side with zeros behind (or in front of) them, (B, width)."""
    block = np.zeros((len(rows), width), dtype=np.int32)  # (B, width)
    for line, row in zip(block, rows, strict=True):
        kept = row[-width:] if front else row[:width]
        line[width - len(kept) if front else 0 :][: len(kept)] = kept
    return block


def in_rounds(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run all ways in turn, so that what else the machine does hits all; what each returned."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return found


def seconds_of(work: Callable[[], Any]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_of(work: Callable[[], Any], times: int = 10) -> float:
    """Time several calls, after one to warm up, and take the quickest: what is possible."""
    work()
    return min(seconds_of(work) for _ in range(times))


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list) and value and isinstance(value[0], float):
        return f"median {statistics.median(value):.4g} of {len(value)}"
    return str(value)
