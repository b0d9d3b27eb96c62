"""The matrix product's peak, and the LSTM alone as a share of it; words and tokens per second."""

from __future__ import annotations

from typing import Any

import torch

from gatewise.network.lstm import LSTMLayer
from gatewise.network.precision import Precision, choose_precision, keep_freed_memory
from gatewise.network.side_by_side import two_lanes
from gatewise.text.tokens import tokenize
from gatewise.vectors.word2vec import Word2VecConfig, train_word2vec
from speed_common import Bench, best_of, seconds_of

__all__ = ["measure_lstm", "measure_text", "peaks"]

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# Texts in a batch, tokens, numbers of a vector, units; the defaults' sizes last.
SHAPES = [(64, 12, 400, 256), (64, 40, 400, 256), (64, 12, 128, 128), (40, 200, 128, 128)]


def peaks(size: int = 2048) -> dict[str, float]:
    """Measure the matrix product in GFLOP/s, by number format."""
    found = {}
    for name, kind in FORMATS.items():
        left, right = (torch.randn(size, size).to(kind) for _ in range(2))
        found[name] = 2e-9 * size**3 / best_of(lambda a=left, b=right: a @ b)  # type: ignore[misc]
    return found


def measure_lstm(bench: Bench, *, size: int = 2048, shapes: Any = None) -> dict[str, float]:
    """Measure the peak, and the two-way LSTM forwards and back, with and without two lanes."""
    keep_freed_memory()
    peak = peaks(size)
    bench.add("peak", "matrix product", f"{size} x {size}", {f"{k}_gflops": peak[k] for k in peak})
    for precision in {choose_precision("cpu"), Precision()}:
        kind = "bfloat16" if precision.bf16 else "float32"
        for shape in shapes or SHAPES:
            told = "{} texts, {} tokens, {} numbers, {} units".format(*shape)
            for way, lanes in (("", True), (", one direction after the other", False)):
                with two_lanes("cpu", wanted=lanes):
                    gflops = _lstm_gflops(shape, precision)
                found = {"gflops": gflops, "share_of_peak": gflops / peak[kind]}
                bench.add("lstm alone", f"gatewise, {kind}{way}", told, found)
    return peak


def _lstm_gflops(shape: tuple[int, int, int, int], precision: Precision) -> float:
    """Read and learn from texts of unequal length; padding does not count as work."""
    n_texts, n_tokens, dimension, units = shape
    layer = LSTMLayer(
        dimension,
        units,
        bidirectional=True,
        activation="tanh",
        recurrent_dropout=0.0,
        generator=torch.Generator().manual_seed(0),
    ).train()
    inputs = torch.randn(n_texts, n_tokens, dimension, requires_grad=True)  # (B, T, E)
    lengths = torch.full((n_texts,), n_tokens)  # (B,)
    lengths[: n_texts // 2] = max(1, n_tokens - 1)

    def step() -> None:
        with precision.autocast():
            states = layer(inputs, lengths)  # (B, T, 2H)
        states.backward(torch.ones_like(states))
        layer.zero_grad()

    flops = 3 * 2 * 2 * 4 * units * (dimension + units) * int(lengths.sum())
    return 1e-9 * flops / best_of(step)


def measure_text(bench: Bench, data: str, texts: list[str], passes: int = 2) -> None:
    """Time the cutting into tokens, and word2vec."""
    token_lists: list[list[str]] = []
    seconds = seconds_of(lambda: token_lists.extend(tokenize(text) for text in texts))
    n_tokens = sum(map(len, token_lists))
    found = {"tokens_per_second": n_tokens / seconds, "texts_per_second": len(texts) / seconds}
    bench.add("text", "tokens", data, found)
    config = Word2VecConfig(passes=passes)
    seconds = seconds_of(lambda: train_word2vec(token_lists, config, seed=bench.seed))
    read = {"words_per_second": passes * n_tokens / seconds, "passes": passes}
    bench.add("text", "word2vec, skip-gram, one thread", data, read)
