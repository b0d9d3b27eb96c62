"""Training records per second of one architecture: here, in plain torch and in Keras."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.network.config import NetworkConfig
from gatewise.network.model import TextNetwork
from gatewise.network.precision import Precision, choose_precision, keep_freed_memory
from gatewise.network.training import TrainingConfig, train_network
from gatewise.text.batches import ordered_batches
from speed_common import Bench, Sample, in_rounds, padded, seconds_of

__all__ = ["ARCHITECTURES", "keras_batches", "keras_task", "measure_training"]

SECTION = "training"
BATCH = 64
# Frozen random vectors of so many numbers, LSTM in two directions, pooling, softmax.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "256 units": {"dimension": 400, "units": 256, "pooling": "max"},
    "default sizes": {"dimension": 128, "units": 128, "pooling": "max-mean"},
}
Way = Callable[[], float]


def measure_training(bench: Bench, data: str, sample: Sample) -> None:
    """Time an epoch of each way, in rounds; Keras, in processes of its own, after them.

    gatewise and torch read the same texts. torch reads random batches, packed, as its
    documentation shows it. Keras reads batches of about one length, each padded to a multiple of 8,
    so that it compiles few shapes; and, as most people write it, all padded to the longest.
    """
    for name, sizes in ARCHITECTURES.items():
        ways = {
            "gatewise": _ours(sample, sizes, choose_precision("cpu"), bench.seed),
            "gatewise, float32": _ours(sample, sizes, Precision(), bench.seed),
            "torch, packed, float32": _packed(sample, sizes, Precision(), bench.seed),
            "torch, packed": _packed(sample, sizes, choose_precision("cpu"), bench.seed),
        }
        for way in ways.values():  # the first time much is made ready
            way()
        seconds = in_rounds(ways, bench.rounds)
        for backend in bench.backends:
            for kind, arrays in _keras_arrays(sample).items():
                task = keras_task(sample, sizes, len(arrays) // 2, "train", bench.rounds)
                found = bench.keras(backend, task, arrays)
                if found:
                    seconds[f"keras on {backend}, {kind}"] = [found["seconds"]]
        _keep(bench, f"{data}, {name}", sample, sizes, seconds)


def _keep(
    bench: Bench,
    data: str,
    sample: Sample,
    sizes: dict[str, Any],
    seconds: dict[str, list[float]],
) -> None:
    n_records = len(sample.targets)
    ours = statistics.median(seconds["gatewise"])
    for method, times in seconds.items():
        middle = statistics.median(times)
        found = {
            "records_per_second": n_records / middle,
            "every_round": [n_records / one for one in times],
            "lstm_gflops": 1e-9 * lstm_flops(sizes, sample.n_tokens) / middle,
            "gatewise_is_times_as_fast": middle / ours,
        }
        bench.add(SECTION, method, data, found)


def lstm_flops(sizes: dict[str, Any], n_tokens: int) -> float:
    """Count what the LSTM multiplies and adds, forwards and back, without padding."""
    units, dimension = sizes["units"], sizes["dimension"]
    return float(3 * 2 * 2 * 4 * units * (dimension + units) * n_tokens)


def _ours(sample: Sample, sizes: dict[str, Any], precision: Precision, seed: int) -> Way:
    config = NetworkConfig(
        n_words=sample.n_words,
        n_ngrams=0,
        n_classes=sample.n_classes,
        word_dimension=sizes["dimension"],
        ngram_dimension=0,
        units=sizes["units"],
        pooling=sizes["pooling"],
        max_length=sample.max_length,
        frozen_words=True,
        spatial_dropout=0.0,
        dropout=0.0,
    )
    network, records = TextNetwork(config, seed=seed), sample.records()
    settings = TrainingConfig(epochs=1, batch_size=BATCH, patience=0)

    def epoch() -> float:
        (found,) = train_network(network, records, settings, seed=seed, precision=precision)
        return float(found.seconds)

    return epoch


class _Packed(nn.Module):
    def __init__(self, sample: Sample, sizes: dict[str, Any]) -> None:
        super().__init__()
        self.words = nn.Embedding(sample.n_words, sizes["dimension"]).requires_grad_(False)
        self.both = sizes["pooling"] == "max-mean"
        self.lstm = nn.LSTM(
            sizes["dimension"], sizes["units"], batch_first=True, bidirectional=True
        )
        self.dense = nn.Linear(2 * sizes["units"] * (1 + self.both), sample.n_classes)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        vectors = self.words(ids)  # (B, T, E)
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, padding_value=-torch.inf
        )  # (B, T, 2H)
        parts = [states.amax(dim=1)]  # (B, 2H)
        if self.both:
            parts.append(states.where(states.isfinite(), 0.0).sum(dim=1))  # (B, 2H)
            parts[1] = parts[1] / lengths[:, None]  # (B, 2H)
        logits: Tensor = self.dense(torch.cat(parts, dim=1))  # (B, C)
        return logits


def _packed(sample: Sample, sizes: dict[str, Any], precision: Precision, seed: int) -> Way:
    network = _Packed(sample, sizes)
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad])
    rows, targets = sample.rows(), torch.from_numpy(sample.targets)
    draws = np.random.default_rng(seed)

    def epoch() -> None:
        order = draws.permutation(len(rows))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            texts = [torch.from_numpy(rows[row]) for row in chosen]
            lengths = torch.tensor([max(1, len(text)) for text in texts])  # (B,)
            ids = nn.utils.rnn.pad_sequence(texts, batch_first=True)  # (B, T)
            with precision.autocast():
                logits = network(ids, lengths)  # (B, C)
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(logits.float(), targets[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    keep_freed_memory()
    return lambda: seconds_of(epoch)


def keras_task(
    sample: Sample, sizes: dict[str, Any], n_batches: int, kind: str, epochs: int
) -> dict[str, Any]:
    """Describe a task for ``speed_keras.py``."""
    facts = {"n_words": sample.n_words, "n_classes": sample.n_classes, "n_batches": n_batches}
    return {"kind": kind, "epochs": epochs, **facts, **sizes}


def _keras_arrays(sample: Sample) -> dict[str, dict[str, Any]]:
    return {
        "batches of one length": keras_batches(sample, BATCH, longest=False),
        "padded to the longest": keras_batches(sample, BATCH, longest=True),
    }


def keras_batches(sample: Sample, size: int, *, longest: bool) -> dict[str, Any]:
    """Make the arrays of all batches: the longest texts, then from the shortest on.

    Keras takes the shapes that may come from the first two batches.
    """
    rows = sample.rows()
    most = max(map(len, rows))
    arrays: dict[str, Any] = {}
    batches = list(ordered_batches(np.array([len(row) for row in rows]), size))
    for number, chosen in enumerate([batches[-1], *batches[:-1]]):
        width = max(len(rows[row]) for row in chosen)
        arrays[f"ids{number}"] = padded(
            [rows[row] for row in chosen], most if longest else -(-max(1, width) // 8) * 8
        )
        arrays[f"targets{number}"] = sample.targets[chosen]
    return arrays
