"""Tokens -> word vectors: gensim's word2vec behind a thin adapter (Mikolov et al. 2013)."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.base.config import check_choice, check_range, check_whole_number
from gatewise.base.errors import DataError
from gatewise.base.optional import require
from gatewise.base.progress import Progress, SilentProgress
from gatewise.base.seeding import derive_seed
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["Word2VecConfig", "Word2VecResult", "train_word2vec"]

# gensim cuts longer documents without a word.
_MAX_DOCUMENT = 10_000


@dataclass(frozen=True)
class Word2VecConfig:
    """How word vectors are trained.

    Attributes
    ----------
    dimension : int
        Length of a vector.
    algorithm : {"skip-gram", "cbow"}
        Predict the neighbours from the word, or the word from its neighbours.
    window : int
        Neighbours on each side, at most.
    sample : float
        Share of all words above which a word is left out at random, the oftener the commoner it
        is; 0: none is.
    passes : int
        Times all texts are read.
    min_count : int
        Rarer words get no vector.
    negative : int
        Random words drawn against each true one.
    workers : int
        Threads. Only 1 gives the same vectors every time.
    max_words : int or None
        At most so many words get a vector: of the rarest, all that stand equally often are left
        out together. None: any number.
    """

    dimension: int = 300
    algorithm: str = "skip-gram"
    window: int = 5
    sample: float = 1e-3
    passes: int = 20
    min_count: int = 1
    negative: int = 5
    workers: int = 1
    max_words: int | None = None

    def __post_init__(self) -> None:
        check_choice("algorithm", self.algorithm, ("skip-gram", "cbow"))
        check_whole_number("dimension", self.dimension, 1, 4096)
        check_whole_number("window", self.window, 1, 100)
        check_whole_number("passes", self.passes, 1, 1000)
        check_range("sample", self.sample, 0.0, 1.0)
        check_whole_number("min_count", self.min_count, 1, 1_000_000)
        check_whole_number("negative", self.negative, 1, 100)
        check_whole_number("workers", self.workers, 1, 256)
        if self.max_words is not None:
            check_whole_number("max_words", self.max_words, 1, 100_000_000)


@dataclass(frozen=True)
class Word2VecResult:
    """Word vectors and how their training went.

    Attributes
    ----------
    vectors : WordVectors
        One vector per word of the texts.
    losses : list of float
        Loss of each pass divided by the number of words read, in nats.
    """

    vectors: WordVectors
    losses: list[float] = field(default_factory=list)


def train_word2vec(
    token_lists: Sequence[Sequence[str]],
    config: Word2VecConfig,
    *,
    seed: int,
    progress: Progress | None = None,
) -> Word2VecResult:
    """Train word vectors on tokenised texts.

    Parameters
    ----------
    token_lists : sequence of sequence of str
        One sequence of tokens per text; texts of any length. They are gone through once and once
        more for each pass, and never held.
    config : Word2VecConfig
        Sizes and passes.
    seed : int
        The user's seed.
    progress : Progress, optional
        Told of every pass.

    Returns
    -------
    Word2VecResult

    Raises
    ------
    DataError
        If no word stands ``min_count`` times.
    MissingExtraError
        If gensim is not installed.
    """
    models = require("gensim.models", extra="train", purpose="train word vectors")
    progress = progress or SilentProgress()
    documents = _Documents(token_lists)
    model = models.Word2Vec(
        vector_size=config.dimension,
        window=config.window,
        min_count=config.min_count,
        max_final_vocab=config.max_words,
        sample=config.sample,
        sg=int(config.algorithm == "skip-gram"),
        negative=config.negative,
        seed=derive_seed(seed, "word2vec"),
        workers=config.workers,
        epochs=config.passes,
    )
    model.build_vocab(documents)
    if not model.wv.index_to_key:
        raise DataError(_why_none(token_lists, config))
    reporter = _PassReporter(progress)
    progress.start("word vectors", config.passes, "passes")
    with _corpus(documents, config.workers) as corpus:
        model.train(
            **corpus,
            total_examples=model.corpus_count,
            total_words=model.corpus_total_words,
            epochs=config.passes,
            compute_loss=True,
            callbacks=[reporter],
        )
    vectors = WordVectors(tuple(model.wv.index_to_key), model.wv.vectors.astype(np.float32))
    return Word2VecResult(vectors, reporter.losses)


def _why_none(token_lists: Sequence[Sequence[str]], config: Word2VecConfig) -> str:
    counts = Counter(itertools.chain.from_iterable(token_lists))
    if max(counts.values(), default=0) < config.min_count:
        return (
            f"no word stands {config.min_count} times in the {len(token_lists)} texts, so there is "
            "nothing to train word vectors on; give more texts or lower min_count"
        )
    return (
        f"the commonest of the {len(counts):,} words all stand equally often, and are more than "
        f"the {config.max_words:,} that may have a vector; allow more words, or check that the "
        "right column was read"
    )


@contextlib.contextmanager
def _corpus(documents: _Documents, workers: int) -> Iterator[dict[str, Any]]:
    """Give one thread the texts as they are, and several a file, which they read side by side.

    Lists would all have to pass through the one thread that makes them.
    """
    if workers == 1:
        yield {"corpus_iterable": documents}
        return
    with tempfile.TemporaryDirectory(prefix="gatewise-") as folder:
        path = Path(folder) / "tokens"
        with path.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as stream:
            stream.writelines(" ".join(tokens) + "\n" for tokens in documents)
        yield {"corpus_file": str(path)}


class _PassReporter:
    """Reads the loss after each pass (the four methods that gensim calls)."""

    def __init__(self, progress: Progress) -> None:
        self.losses: list[float] = []
        self._progress = progress

    def on_train_begin(self, model: Any) -> None:
        pass

    def on_epoch_begin(self, model: Any) -> None:
        # gensim sums the loss over all passes in single precision, which stops counting.
        model.running_training_loss = 0.0

    def on_epoch_end(self, model: Any) -> None:
        self.losses.append(float(model.running_training_loss) / model.corpus_total_words)
        self._progress.advance(1, f"loss {self.losses[-1]:.3f}")

    def on_train_end(self, model: Any) -> None:
        pass


class _Documents:
    """Texts in pieces that gensim reads to their end, made anew in every pass."""

    def __init__(self, token_lists: Sequence[Sequence[str]]) -> None:
        self._token_lists = token_lists

    def __iter__(self) -> Iterator[list[str]]:
        for tokens in self._token_lists:
            for start in range(0, len(tokens), _MAX_DOCUMENT):
                yield list(tokens[start : start + _MAX_DOCUMENT])
