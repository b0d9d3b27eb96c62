"""Texts and targets -> a fitted model: the stages of a fit, one function each.

    punctuation -> tokens -> held-out records -> vocabulary -> word vectors -> network -> training
           -> companion -> blend and thresholds, chosen on the held-out records
           -> last epochs on all records -> index of all records

Everything that learns from texts happens in here, so k-fold cross-validation of the whole is
honest.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.base.errors import ConfigError
from gatewise.base.seeding import derive_seed
from gatewise.classify.blend import Blend
from gatewise.classify.companion_records import CompanionRecords
from gatewise.classify.companions import Companions, fits_beside
from gatewise.classify.fingerprint import records_fingerprint
from gatewise.classify.held_out import TRAINING, VALIDATION
from gatewise.classify.model import FittedModel
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.ngrams import NgramModel
from gatewise.classify.plan import (
    choose_word2vec_words,
    has_long_texts,
    last_epochs_config,
    network_config,
    settle_recipe,
    tables_told,
    training_config,
)
from gatewise.classify.punctuation import settle_punctuation
from gatewise.classify.records import EncodedRecords
from gatewise.classify.repeated import repetitions_told
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.classify.row_choice import draw_rows, hold_out_rows
from gatewise.classify.scope import more_evidence
from gatewise.classify.scoping import Lessons, build_index, learn_from_scores, read_rows
from gatewise.classify.starting_vectors import measure_coverage, own_vectors, put_into
from gatewise.classify.tokenised import tokenise
from gatewise.classify.twins import fresh_records, largest_similarities
from gatewise.network.model import TextNetwork
from gatewise.network.precision import give_back_freed_memory
from gatewise.network.training import EpochResult
from gatewise.text.token_table import TokenTable, join_tables
from gatewise.text.tokens import tokenize
from gatewise.text.vocabulary import Vocabulary, build_vocabulary
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["fit_model"]

Numbers = NDArray[np.int64]

_MAX_NGRAMS = 200_000
# An n-gram of a single word can only repeat what that word's own vector says.
_MIN_NGRAM_WORDS = 2
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
    if request.out_of_scope and not request.recipe.companion:
        raise ConfigError(
            "out-of-scope examples are learnt from by the companion, and companion is False; leave "
            "one of the two away"
        )
    return _Fit(data, request).run()


class _Fit:
    """The stages of one fit, and what they hand on to each other."""

    def __init__(self, data: LabelledTexts, request: FitRequest) -> None:
        self.data, self.request = data, request
        self.recipe, self.progress = request.recipe, request.progress
        self.facts: dict[str, Any] = {
            "n_records": len(data.texts),
            "data_fingerprint": records_fingerprint(data),
            "threads": torch.get_num_threads(),  # sums of other parts differ in their last digits
            "seconds": {},
            "notes": [],
        }
        self._outside: list[list[str]] = []
        self._drawn = self._everything
        self._companions: Companions | None = None

    def run(self) -> FittedModel:
        self._timed("punctuation", self._settle)
        tokens, unlabelled = self._timed("tokens", lambda: tokenise(self.data, self.request))
        self._outside = [
            tokenize(text, self.request.language) for text in self.request.out_of_scope
        ]
        kept, held_out, note = hold_out_rows(self.data, self.request)
        self._note(note)
        repeated, notes = repetitions_told(self.data, self.request, kept, held_out)
        self.facts |= repeated
        for one in notes:
            self._note(one)
        if n_weightless := len(self.data.texts) - len(self._everything):
            self._note(
                f"{n_weightless:,} records have the weight zero: their words are read, and nothing "
                "else is learnt from them or measured on them"
            )
        self._begin_companions(tokens, kept, held_out)
        texts = join_tables(tokens.first(len(self.data.texts)), unlabelled)
        vocabulary = self._timed("vocabulary", lambda: self._vocabulary(texts))
        network, records = self._timed(
            "word vectors", lambda: self._prepare(tokens, texts, vocabulary)
        )
        history = self._timed("training", lambda: self._train(network, records, kept, held_out))
        ngrams, lessons = self._timed(
            "companion", lambda: self._companion(network, records, tokens, kept, held_out)
        )
        history += self._timed("last epochs", lambda: self._train_on_all(network, records))
        index = self._timed(
            "index", lambda: self._index(network, records, self._everything, final=True)
        )
        return FittedModel(
            recipe=self.recipe,
            language=self.request.language,
            labels=self.request.labels,
            vocabulary=vocabulary,
            network=network,
            ngrams=ngrams,
            blend=lessons.blend,
            history=history,
            facts=self.facts,
            seed=self.request.seed,
            precision=self.request.precision,
            decision=lessons.decision,
            scope=lessons.scope,
            index=index,
            held_out=lessons.held_out,
        )

    def _settle(self) -> None:
        self.request, note = settle_punctuation(self.data, self.request)
        self._note(note)

    def _vocabulary(self, texts: TokenTable) -> Vocabulary:
        return build_vocabulary(
            texts,
            min_count=self.recipe.min_count,
            max_words=self.request.max_words,
            max_ngrams=_MAX_NGRAMS if self.recipe.ngram_dimension else 0,
            min_ngram_words=_MIN_NGRAM_WORDS,
        )

    def _prepare(
        self,
        tokens: TokenTable,
        texts: TokenTable,
        vocabulary: Vocabulary,
    ) -> tuple[TextNetwork, EncodedRecords]:
        """Make the network with its starting vectors, and the encoded records."""
        lengths = tokens.lengths[: len(self.data.texts)]
        self.recipe, notes = settle_recipe(
            self.recipe,
            lengths,
            n_unlabelled_tokens=int(texts.lengths.sum() - lengths.sum()),
        )
        for note in notes:
            self._note(note)
        self.facts["mean_length"] = float(lengths.mean())
        records = self._records(vocabulary, tokens)
        config = network_config(self.recipe, vocabulary, self.request.labels)
        if told := tables_told(config):
            self.progress.message(told)
        network = TextNetwork(config, seed=derive_seed(self.request.seed, "network"))
        if self.recipe.embedding == "random":
            if self.request.vectors is not None:
                self._note("the word vectors given are not used: embedding is 'random'")
        else:
            vectors = self._vectors(texts)
            coverage = measure_coverage(vocabulary, vectors)
            self.facts["coverage"] = asdict(coverage)
            if not coverage.words:
                self._note("no word of the vocabulary has a vector, so all start at random")
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

    def _vectors(self, texts: TokenTable) -> WordVectors:
        if self.request.vectors is not None:
            given = self.request.vectors
            if given.dimension != self.recipe.word_dimension:
                raise ConfigError(
                    f"the vectors given have {given.dimension} numbers a word, but word_dimension "
                    f"is {self.recipe.word_dimension}; leave word_dimension away"
                )
            return given
        workers = self.request.word2vec_workers
        if workers > 1:
            self._note(
                f"word2vec ran in {workers} threads, so the same command gives another model "
                "each time"
            )
        found = own_vectors(
            texts,
            self.recipe,
            seed=self.request.seed,
            workers=workers,
            max_words=choose_word2vec_words(self.request.max_words),
            checkpoint=self.request.checkpoint,
            progress=self.progress,
        )
        self.facts["word2vec_losses"] = found.losses
        return found.vectors

    def _records(self, vocabulary: Vocabulary, tokens: TokenTable) -> EncodedRecords:
        return EncodedRecords(
            encoded=vocabulary.encode_table(tokens),
            rows=np.arange(len(tokens)),
            targets=self._targets,
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
        return self.request.train(
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
        return self.request.train(
            network,
            self._rows(records, self._everything, weighted=True),
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
        tokens: TokenTable,
        kept: Numbers,
        held_out: Numbers,
    ) -> tuple[NgramModel | None, Lessons]:
        """Fit the companion without the held-out records, learn from these, then fit it on all."""
        first = self._fit_ngrams(0)
        if not len(held_out):
            return first, Lessons(_UNMEASURED_BLEND if first else Blend())
        index = self._index(network, records, kept)
        raw = read_rows(network, records, held_out, tokens, first, index, self.request.precision)
        token_lists = [tokens[row] for row in held_out]
        validation = self.request.validation
        lessons = learn_from_scores(
            raw,
            held_out - (len(self.data.texts) if validation else 0),
            records.targets[held_out],
            more_evidence(token_lists, raw.points, first, index),
            fresh_records(
                largest_similarities(tokens.rows(np.intersect1d(kept, self._drawn)), token_lists)
            ),
            source=VALIDATION if validation else TRAINING,
            coverage=self.request.abstain_coverage,
            precision=self.request.abstain_precision,
            seed=self.request.seed,
        )
        self.facts["held_out"] = lessons.accuracies
        self._note(lessons.note)
        if first is None or validation is not None:
            return first, lessons
        return self._fit_ngrams(1), lessons

    def _index(
        self, network: TextNetwork, records: EncodedRecords, rows: Numbers, *, final: bool = False
    ) -> RecordIndex | None:
        return build_index(
            network,
            records,
            rows,
            seed=self.request.seed,
            precision=self.request.precision,
            texts=self.data.texts if final and self.request.keep_texts else None,
        )

    @property
    def _everything(self) -> Numbers:
        return self.data.rows

    @property
    def _targets(self) -> Numbers:
        """Those of the training records, and of the validation records behind them."""
        validation = self.request.validation
        return np.concatenate([self.data.targets, *([validation.targets] if validation else [])])

    def _begin_companions(self, tokens: TokenTable, kept: Numbers, held_out: Numbers) -> None:
        n_tokens = int(tokens.offsets[len(self.data.texts)])
        self._drawn, note = draw_rows(self.data, n_tokens, self.request)
        self._note(note)
        if not self.recipe.companion:
            return
        row_sets = [kept] if len(held_out) else [self._everything]
        if len(held_out) and self.request.validation is None:
            row_sets.append(self._everything)
        count = partial(
            CompanionRecords,
            self.data,
            tokens,
            self._targets,
            self._drawn,
            self._outside,
            n_classes=len(self.request.labels),
            seed=self.request.seed,
        )
        self._companions = Companions(count, row_sets, held_out, beside=fits_beside(n_tokens))

    def _fit_ngrams(self, number: int) -> NgramModel | None:
        """Fit the companion without the held-out records (0), or to all (1)."""
        if self._companions is None:
            return None
        self.progress.start("companion", 1, "fits")
        model = self._companions.fitted(number)
        self.facts["companion_cost"] = self._companions.cost
        if number == 0:
            self._note(self._companions.told)
        self.progress.advance(1)
        give_back_freed_memory()
        return model

    def _timed(self, stage: str, work: Any) -> Any:
        started = time.perf_counter()
        result = work()
        give_back_freed_memory()
        self.facts["seconds"][stage] = time.perf_counter() - started
        return result

    def _note(self, text: str | None) -> None:
        if text:
            self.facts["notes"].append(text)
            self.progress.message(text)
