"""Where the time of a training epoch goes, at default settings."""

from __future__ import annotations

import statistics
import time
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from gatewise.classify.plan import network_config, settle_recipe, training_config
from gatewise.classify.records import EncodedRecords
from gatewise.network.model import TextNetwork, log_probabilities
from gatewise.network.optimiser import NetworkOptimiser
from gatewise.network.precision import choose_precision, keep_freed_memory
from gatewise.network.recipes import choose_recipe
from gatewise.network.side_by_side import two_lanes
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import build_vocabulary
from speed_common import Bench

__all__ = ["measure_profile"]

STAGES = ("collate", "vectors", "lstm and pool", "decide", "loss", "backward", "update")
_MAX_NGRAMS, _MIN_NGRAM_WORDS = 200_000, 2


def measure_profile(
    bench: Bench, data: str, texts: list[str], labels: list[str], n_steps: int = 100
) -> None:
    """Take training steps by hand and time each part of them; the medians count."""
    token_lists = [tokenize(text) for text in texts]
    vocabulary = build_vocabulary(
        token_lists, max_ngrams=_MAX_NGRAMS, min_ngram_words=_MIN_NGRAM_WORDS
    )
    recipe, _ = settle_recipe(choose_recipe("modern"), np.array([len(t) for t in token_lists]))
    names = sorted(set(labels))
    records = EncodedRecords(
        encoded=vocabulary.encode(token_lists),
        rows=np.arange(len(texts)),
        targets=np.array([names.index(label) for label in labels]),
        weights=None,
        max_length=recipe.max_length,
        fixed_length=False,
    )
    network = TextNetwork(network_config(recipe, vocabulary, names), seed=bench.seed)
    with two_lanes("cpu"):  # as training does
        found = _steps(network, records, training_config(recipe), n_steps, bench.seed)
    whole = sum(found.values())
    facts = {f"{stage}_ms": 1e3 * seconds for stage, seconds in found.items()}
    shares = {f"{stage}_share": seconds / whole for stage, seconds in found.items()}
    n_batches = len(records.shuffled(recipe.batch_size, np.random.default_rng(0)))
    extra = {"step_ms": 1e3 * whole, "batch_size": recipe.batch_size}
    epoch = {"epoch_seconds": whole * n_batches, "epochs_chosen": recipe.epochs}
    bench.add("profile", "a training step at defaults", data, {**facts, **shares, **extra, **epoch})


class _TimedLoss:
    """A loss that remembers when its way back was over."""

    def __init__(self, loss: Tensor) -> None:
        self.loss, self.ended = loss, 0.0

    def backward(self) -> None:
        self.loss.backward()  # type: ignore[no-untyped-call]
        self.ended = time.perf_counter()


def _steps(
    network: TextNetwork, records: EncodedRecords, config: Any, n_steps: int, seed: int
) -> dict[str, float]:
    keep_freed_memory()
    network.train()
    optimiser = NetworkOptimiser(
        network,
        learning_rate=config.learning_rate,
        word_rate=config.word_rate,
        weight_decay=config.weight_decay,
        gradient_clip=config.gradient_clip,
        beta2=config.adam_beta2,
    )
    precision = choose_precision("cpu")
    order = records.shuffled(config.batch_size, np.random.default_rng(seed))
    times = []
    for number in range(n_steps + 5):  # five to warm up
        numbers = order[number % len(order)]
        clock = [time.perf_counter()]
        batch = records.batch(numbers)
        clock.append(time.perf_counter())
        with precision.autocast():
            vectors = network.embed(batch)  # (B, T, E)
            clock.append(time.perf_counter())
            pooled = network.summarise(vectors, batch.lengths)  # (B, P)
            clock.append(time.perf_counter())
            logits = network.decide(pooled)  # (B, C)
        clock.append(time.perf_counter())
        targets = torch.from_numpy(records.targets[numbers])  # (B,)
        predicted = log_probabilities(logits.float(), "softmax")  # (B, C)
        loss = _TimedLoss(-predicted.gather(1, targets[:, None]).mean())
        clock.append(time.perf_counter())
        optimiser.step(cast("Tensor", loss), 1.0)
        clock += [loss.ended, time.perf_counter()]
        times.append(np.diff(clock))
    medians = [statistics.median(column) for column in zip(*times[5:], strict=True)]
    return dict(zip(STAGES, medians, strict=True))
