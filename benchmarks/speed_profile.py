"""Where the time of a training epoch goes, at default settings."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import torch

from gatewise.classify.plan import network_config, settle_recipe, training_config
from gatewise.classify.records import EncodedRecords
from gatewise.network.adversarial import moved_vectors
from gatewise.network.model import TextNetwork, log_probabilities
from gatewise.network.optimiser import NetworkOptimiser
from gatewise.network.precision import choose_precision, keep_freed_memory
from gatewise.network.recipes import choose_recipe
from gatewise.network.side_by_side import two_lanes
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import build_vocabulary
from speed_common import Bench

__all__ = ["measure_profile"]

_MAX_NGRAMS, _MIN_NGRAM_WORDS = 200_000, 2
_TO_WARM_UP = 5  # steps


def measure_profile(
    bench: Bench, data: str, texts: list[str], labels: list[str], n_steps: int = 100
) -> None:
    """Take training steps by hand and time each part of them; the medians count."""
    token_lists = [tokenize(text) for text in texts]
    vocabulary = build_vocabulary(
        token_lists, max_ngrams=_MAX_NGRAMS, min_ngram_words=_MIN_NGRAM_WORDS
    )
    names = sorted(set(labels))
    lengths = np.array([len(tokens) for tokens in token_lists])
    recipe, _ = settle_recipe(choose_recipe("modern"), lengths)
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
    order = records.shuffled(config.batch_size, np.random.default_rng(seed))
    laps = []
    for number in range(n_steps + _TO_WARM_UP):
        watch = _Watch()
        _step(network, optimiser, records, order[number % len(order)], config.adversarial, watch)
        laps.append(watch.laps)
    return {stage: statistics.median(one[stage] for one in laps[_TO_WARM_UP:]) for stage in laps[0]}


class _Watch:
    """Keeps what each stage took, in their order."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps[stage], self._since = now - self._since, now


def _step(
    network: TextNetwork,
    optimiser: NetworkOptimiser,
    records: EncodedRecords,
    numbers: Any,
    adversarial: float,
    watch: _Watch,
) -> None:
    """Do what ``network.batch_gradients`` does, piece by piece."""
    batch = records.batch(numbers)
    targets = torch.from_numpy(records.targets[numbers])  # (B,)
    optimiser.zero_grad()
    watch.lap("collate")
    with choose_precision("cpu").autocast():
        vectors = network.embed(batch)  # (B, T, E)
    watch.lap("vectors")
    places = vectors.detach().requires_grad_()  # (B, T, E)
    slopes: Any = torch.zeros(())
    for moved in ("", ", moved texts") if adversarial else ("",):
        with choose_precision("cpu").autocast():
            pooled = network.summarise(places, batch.lengths)  # (B, P)
            watch.lap(f"lstm and pool{moved}")
            logits = network.decide(pooled)  # (B, C)
        predicted = log_probabilities(logits.float(), "softmax")  # (B, C)
        loss = -predicted.gather(1, targets[:, None]).mean()
        watch.lap(f"decide and loss{moved}")
        loss.backward()  # type: ignore[no-untyped-call]
        watch.lap(f"lstm backward{moved}")
        assert places.grad is not None
        slopes = slopes + places.grad  # (B, T, E)
        if adversarial and not moved:
            places = moved_vectors(places.detach(), places.grad, batch.lengths, adversarial)
            places.requires_grad_()
            watch.lap("moving")
    vectors.backward(slopes)  # type: ignore[no-untyped-call]
    watch.lap("vectors backward")
    optimiser.step(1.0)
    watch.lap("update")
