"""Texts and targets -> a fitted model: the stages of a fit, one function each.

    tokens -> held-out records -> vocabulary -> word vectors -> network -> training
           -> companion -> blend, chosen on the held-out records -> last epochs on all records

Everything that learns from texts happens in here, so k-fold cross-validation of the whole is
honest.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.seeding import derive_seed, numpy_generator
from gatewise.classify.blend import Blend, blend_log_probabilities
from gatewise.classify.calibration import fit_blend
from gatewise.classify.companion import CountedNgrams, count_ngrams
from gatewise.classify.model import FittedModel
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.plan import (
    check_recipe,
    choose_held_out,
    companion_config,
    has_long_texts,
    last_epochs_config,
    network_config,
    settle_recipe,
    training_config,
)
from gatewise.classify.records import EncodedRecords, split_records
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.classify.starting_vectors import measure_coverage, own_vectors, put_into
from gatewise.network.model import TextNetwork
from gatewise.network.training import EpochResult, score_records, train_network
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import Vocabulary, build_vocabulary
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["fit_model"]

Numbers = NDArray[np.int64]

_MAX_NGRAMS = 200_000
# An n-gram of a single word can only repeat what that word's own vector says.
_MIN_NGRAM_WORDS = 2
# Fewer held-out records say nothing about temperatures, weights or when to stop.
_MIN_HELD_OUT = 30
_UNMEASURED_BLEND = Blend(ngram_temperature=0.25, ngram_weight=0.5)


def fit_model(data: LabelledTexts, request: FitRequest) -> FittedModel:
    """Fit everything.

    Parameters
    ----------
    data : LabelledTexts
        The training records.
    request : FitRequest
        What to do with them.

    Returns
    -------
    FittedModel

    Raises
    ------
    DataError
        If no text has a token.
    ConfigError
        If a setting is outside what is allowed, or vectors have another length than asked for.
    CheckpointError
        If the checkpoint belongs to another fit.
    """
    check_recipe(request.recipe)
    return _Fit(data, request).run()


class _Fit:
    """The stages of one fit, and what they hand on to each other."""

    def __init__(self, data: LabelledTexts, request: FitRequest) -> None:
        self.data, self.request = data, request
        self.recipe, self.progress = request.recipe, request.progress
        self.facts: dict[str, Any] = {"n_records": len(data.texts), "seconds": {}, "notes": []}

    def run(self) -> FittedModel:
        tokens = self._timed("tokens", self._tokenise)
        kept, held_out = self._hold_out()
        unlabelled = [tokenize(text, self.request.language) for text in self.request.unlabelled]
        own = [tokens[row] for row in range(len(self.data.texts))]
        vocabulary = self._vocabulary([*own, *unlabelled])
        network, records = self._timed(
            "word vectors", lambda: self._prepare(tokens, own, unlabelled, vocabulary)
        )
        history = self._timed("training", lambda: self._train(network, records, kept, held_out))
        ngrams, blend = self._timed(
            "companion", lambda: self._companion(network, records, tokens, kept, held_out)
        )
        history += self._timed("last epochs", lambda: self._train_on_all(network, records))
        return FittedModel(
            recipe=self.recipe,
            language=self.request.language,
            labels=self.request.labels,
            vocabulary=vocabulary,
            network=network,
            ngrams=ngrams,
            blend=blend,
            history=history,
            facts=self.facts,
            seed=self.request.seed,
            precision=self.request.precision,
        )

    def _tokenise(self) -> list[list[str]]:
        """Cut the training texts and, behind them, the validation texts into tokens."""
        validation = self.request.validation
        texts = [*self.data.texts, *(validation.texts if validation else ())]
        self.progress.start("tokens", len(texts), "texts")
        tokens = []
        for text in texts:
            tokens.append(tokenize(text, self.request.language))
            self.progress.advance(1)
        if not any(tokens[: len(self.data.texts)]):
            raise DataError(
                f"none of the {len(self.data.texts)} texts has a word or number in it; check that "
                "the right column was read"
            )
        return tokens

    def _hold_out(self) -> tuple[Numbers, Numbers]:
        """Choose the rows to train on and those to hold out."""
        n_records = len(self.data.texts)
        validation = self.request.validation
        if validation is not None:
            return np.arange(n_records), np.arange(n_records, n_records + len(validation.texts))
        fraction = self.request.validation_fraction
        if fraction is None:
            fraction = choose_held_out(n_records)
        generator = numpy_generator(self.request.seed, "held out")
        kept, held_out = split_records(self.data.targets, fraction, generator)
        if len(held_out) < _MIN_HELD_OUT:
            why = "too few records to hold some out" if fraction else "no records are held out"
            half = " and the blend is half and half" if self.recipe.companion else ""
            self._note(
                f"{why} ({len(held_out)} of {n_records}), so nothing was measured while "
                f"training{half}"
            )
            return np.arange(n_records), held_out[:0]
        return kept, held_out

    def _vocabulary(self, token_lists: Sequence[Sequence[str]]) -> Vocabulary:
        return build_vocabulary(
            token_lists,
            min_count=self.recipe.min_count,
            max_words=self.request.max_words,
            max_ngrams=_MAX_NGRAMS if self.recipe.ngram_dimension else 0,
            min_ngram_words=_MIN_NGRAM_WORDS,
        )

    def _prepare(
        self,
        tokens: Sequence[Sequence[str]],
        own: Sequence[Sequence[str]],
        unlabelled: Sequence[Sequence[str]],
        vocabulary: Vocabulary,
    ) -> tuple[TextNetwork, EncodedRecords]:
        """Make the network with its starting vectors, and the encoded records."""
        lengths = np.array([len(text) for text in own])
        self.recipe, notes = settle_recipe(self.recipe, lengths)
        for note in notes:
            self._note(note)
        self.facts["mean_length"] = float(lengths.mean())
        records = self._records(vocabulary, tokens)
        network = TextNetwork(
            network_config(self.recipe, vocabulary, self.request.labels),
            seed=derive_seed(self.request.seed, "network"),
        )
        if self.recipe.embedding != "random":
            vectors = self._vectors([*own, *unlabelled])
            coverage = measure_coverage(vocabulary, vectors)
            self.facts["coverage"] = asdict(coverage)
            self.progress.message(
                f"vectors for {coverage.words:.1%} of {len(vocabulary) - 2:,} words, "
                f"{coverage.occurrences:.1%} of all occurrences"
            )
            put_into(
                network,
                vocabulary,
                vectors,
                self.recipe.vector_scale,
                one_length=has_long_texts(self.facts["mean_length"]),
            )
        return network.to(self.request.precision.device), records

    def _vectors(self, token_lists: Sequence[Sequence[str]]) -> WordVectors:
        if self.request.vectors is not None:
            given = self.request.vectors
            if given.dimension != self.recipe.word_dimension:
                raise ConfigError(
                    f"the vectors given have {given.dimension} numbers a word, but word_dimension "
                    f"is {self.recipe.word_dimension}; leave word_dimension away"
                )
            return given
        found = own_vectors(
            token_lists,
            self.recipe,
            seed=self.request.seed,
            checkpoint=self.request.checkpoint,
            progress=self.progress,
        )
        self.facts["word2vec_losses"] = found.losses
        return found.vectors

    def _records(self, vocabulary: Vocabulary, tokens: Sequence[Sequence[str]]) -> EncodedRecords:
        validation = self.request.validation
        targets = [self.data.targets, *([validation.targets] if validation else [])]
        return EncodedRecords(
            encoded=vocabulary.encode(tokens),
            rows=np.arange(len(tokens)),
            targets=np.concatenate(targets),
            weights=None,
            max_length=self.recipe.max_length,
            fixed_length=self.recipe.fixed_length,
            device=self.request.precision.device,
        )

    def _rows(self, records: EncodedRecords, rows: Numbers, *, weighted: bool) -> EncodedRecords:
        weights = self.data.weights
        chosen = weights[rows].astype(np.float32) if weighted and weights is not None else None
        return replace(records, rows=rows, targets=records.targets[rows], weights=chosen)

    def _train(
        self, network: TextNetwork, records: EncodedRecords, kept: Numbers, held_out: Numbers
    ) -> list[EpochResult]:
        validation = self._rows(records, held_out, weighted=False) if len(held_out) else None
        return train_network(
            network,
            self._rows(records, kept, weighted=True),
            training_config(self.recipe),
            seed=self.request.seed,
            validation=validation,
            precision=self.request.precision,
            checkpoint=self.request.checkpoint,
            progress=self.progress,
        )

    def _train_on_all(self, network: TextNetwork, records: EncodedRecords) -> list[EpochResult]:
        """Let the network see the held-out records too, now that everything is chosen."""
        held_out_own = self.request.validation is None and self.facts.get("held_out")
        if not (self.recipe.final_epochs and held_out_own):
            return []
        return train_network(
            network,
            self._rows(records, np.arange(len(self.data.texts)), weighted=True),
            last_epochs_config(self.recipe),
            seed=self.request.seed,
            precision=self.request.precision,
            checkpoint=self.request.checkpoint,
            progress=self.progress,
            stage="last epochs",
        )

    def _companion(
        self,
        network: TextNetwork,
        records: EncodedRecords,
        tokens: Sequence[Sequence[str]],
        kept: Numbers,
        held_out: Numbers,
    ) -> tuple[NgramModel | None, Blend]:
        """Fit the companion without the held-out records, blend, then fit it on all."""
        everything = np.arange(len(self.data.texts))
        counted = self._count_ngrams(tokens)
        if not len(held_out):
            ngrams = self._fit_ngrams(counted, everything)
            return ngrams, _UNMEASURED_BLEND if ngrams else Blend()
        validation = self._rows(records, held_out, weighted=False)
        network_scores = score_records(network, validation, precision=self.request.precision)
        first = self._fit_ngrams(counted, kept)
        margins = first.scores([tokens[row] for row in held_out]) if first else None
        blend = fit_blend(network_scores, margins, validation.targets)
        self._keep_held_out_scores(network_scores, margins, blend, validation.targets)
        if first is None or self.request.validation is not None:
            return first, blend
        return self._fit_ngrams(counted, everything), blend

    def _count_ngrams(self, tokens: Sequence[Sequence[str]]) -> CountedNgrams | None:
        """Count once what is fitted twice; which n-grams there are says nothing of a label."""
        if not self.recipe.companion:
            return None
        return count_ngrams(
            tokens[: len(self.data.texts)], companion_config(len(self.request.labels))
        )

    def _fit_ngrams(self, counted: CountedNgrams | None, rows: Numbers) -> NgramModel | None:
        if counted is None:
            return None
        weights = self.data.weights
        self.progress.start("companion", 1, "fits")
        model = counted.rows(rows).fit(
            self.data.targets[rows],
            companion_config(len(self.request.labels)),
            n_classes=len(self.request.labels),
            seed=derive_seed(self.request.seed, "companion"),
            sample_weights=None if weights is None else weights[rows],
        )
        self.progress.advance(1)
        return model

    def _keep_held_out_scores(
        self,
        network_scores: NDArray[np.float64],
        margins: NDArray[np.float64] | None,
        blend: Blend,
        targets: Numbers,
    ) -> None:
        mixed = blend_log_probabilities(network_scores, margins, blend)
        scores = {"lstm": network_scores, "ngrams": margins, "blend": mixed}
        self.facts["held_out"] = {"n_records": len(targets)} | {
            part: float((values.argmax(axis=1) == targets).mean())
            for part, values in scores.items()
            if values is not None
        }

    def _timed(self, stage: str, work: Any) -> Any:
        started = time.perf_counter()
        result = work()
        self.facts["seconds"][stage] = time.perf_counter() - started
        return result

    def _note(self, text: str) -> None:
        self.facts["notes"].append(text)
        self.progress.message(text)
