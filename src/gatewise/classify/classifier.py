"""``TextClassifier``: the scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from gatewise.base.config import check_choice, check_whole_number
from gatewise.base.progress import Progress, SilentProgress
from gatewise.classify.decision import check_targets
from gatewise.classify.fingerprint import fit_fingerprint
from gatewise.classify.fitting import fit_model
from gatewise.classify.inputs import (
    check_fraction,
    check_labels,
    check_texts,
    find_classes,
    record_weights,
    seed_from,
    validation_records,
    with_dimension,
)
from gatewise.classify.model import FittedModel, PartScores, Reading, read_tokens, score_texts
from gatewise.classify.plan import checked_recipe
from gatewise.classify.request import FitRequest, LabelledTexts
from gatewise.network.checkpoint import Checkpoint
from gatewise.network.precision import choose_precision
from gatewise.network.training import TrainNetwork
from gatewise.text.tokens import tokenize
from gatewise.vectors.word_vectors import WordVectors

__all__ = ["TextClassifier"]

Labels = NDArray[Any]


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Texts -> classes, by an LSTM trained from scratch and a linear companion.

    Everything that learns from texts (word vectors, vocabulary, companion, network) learns
    inside :meth:`fit`, so cross-validation of the estimator is honest. A parameter that is
    None is the recipe's own; see :class:`gatewise.network.recipes.Recipe` for all of them.

    Parameters
    ----------
    recipe : {"modern", "classic", "minimal"}
        The named set of defaults.
    embedding : {"fine-tuned", "frozen", "random"}, optional
        How the word vectors start and whether they learn on.
    word_dimension, ngram_dimension, projection : int, optional
        Length of a word's vector, of its character n-grams' vector, and of what the LSTM reads;
        -1 as the projection: chosen from the number of records.
    units, layers : int, optional
        Hidden units per direction, and how many LSTM layers are stacked.
    bidirectional : bool, optional
        Read backwards as well.
    activation : {"tanh", "relu"}, optional
        Inside the LSTM.
    pooling : {"max", "mean", "max-mean", "last", "flatten"}, optional
        How the states become one vector.
    pool_vectors : bool, optional
        Pool the token vectors beside the states.
    max_length : int, optional
        Tokens of a text that the network reads, at most: of a longer one half from either end.
    fixed_length : bool, optional
        Fill every text with zeros in front, as the forum's recipe does.
    spatial_dropout, dropout, recurrent_dropout : float, optional
        Shares dropped while training.
    output : {"softmax", "sigmoid"}, optional
        How logits become probabilities.
    vector_scale : float, optional
        Standard deviation of the word vectors at the start.
    word2vec_algorithm : {"skip-gram", "cbow"}, optional
    word2vec_window, word2vec_passes, min_count : int, optional
    word2vec_sample : float, optional
        Of word2vec; see :class:`gatewise.vectors.word2vec.Word2VecConfig`. Passes of 0 and a
        sample of -1 are chosen from the amount of text.
    epochs, final_epochs, batch_size : int, optional
        Epochs with some records held out (0: chosen from the data), epochs on all records after
        that, and records per step.
    learning_rate, word_rate, weight_decay, warmup, gradient_clip, label_smoothing : float, optional
    adam_beta2, adam_epsilon, adversarial : float, optional
        Of the training; see :class:`gatewise.network.training.TrainingConfig`. A word rate of -1
        is chosen from the length of the texts, adversarial of -1 from the amount of text.
    patience : int, optional
        Epochs without a higher held-out accuracy that end a training whose loss rises; 0: never.
    companion : bool, optional
        Blend in a linear model of n-grams.
    language : str
        ``"auto"``, ``"pretokenized"`` or a language code. Punctuation is read where it helps;
        always with ``"+signs"`` behind it, never with ``"+words"``.
    vectors : WordVectors, optional
        Word vectors from elsewhere instead of own ones.
    unlabelled : sequence of str, optional
        Further texts for the word vectors.
    validation_fraction : float, optional
        Share of the records held out for early stopping and the blend. None: 800 records, but a
        fifth at most and a twentieth at least; 0: none.
    max_words : int
        Size limit of the vocabulary.
    word2vec_workers : int
        Threads of word2vec. With more than one, two fits differ.
    class_weight : dict, "balanced" or None
        Weight of each class; balanced: the records of each weigh the same together.
    abstain_coverage : float
        Share of texts of these classes that are answered with ``predict(X, abstain=True)``; the
        threshold of the in-scope score follows from it.
    abstain_precision : float, optional
        Share of the answers given that should be right; the threshold of the probability follows.
    keep_texts : bool
        Keep the training texts in the model, to show those nearest to a text.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    precision : {"auto", "float32", "bfloat16"}
        Number format of the matrix products.
    random_state : int, RandomState or None
        The one seed: the same data, versions, machine and number of torch's threads give the same
        model again. None draws one, so that two fits differ.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        The classes, sorted.
    model_ : gatewise.classify.model.FittedModel
        Network, vocabulary, companion, blend, history.
    recipe_ : Recipe
        All settings as used.

    Examples
    --------
    >>> texts = ["the card was swallowed", "card stuck in the machine", "what is my balance",
    ...          "how much money is left"] * 5
    >>> labels = ["card", "card", "balance", "balance"] * 5
    >>> classifier = TextClassifier(units=8, word_dimension=16, epochs=8).fit(texts, labels)
    >>> classifier.predict(["the machine kept my card"]).tolist()
    ['card']
    """

    def __init__(
        self,
        *,
        recipe: str = "modern",
        embedding: str | None = None,
        word_dimension: int | None = None,
        ngram_dimension: int | None = None,
        projection: int | None = None,
        units: int | None = None,
        layers: int | None = None,
        bidirectional: bool | None = None,
        activation: str | None = None,
        pooling: str | None = None,
        pool_vectors: bool | None = None,
        max_length: int | None = None,
        fixed_length: bool | None = None,
        spatial_dropout: float | None = None,
        dropout: float | None = None,
        recurrent_dropout: float | None = None,
        output: str | None = None,
        vector_scale: float | None = None,
        word2vec_algorithm: str | None = None,
        word2vec_window: int | None = None,
        word2vec_passes: int | None = None,
        word2vec_sample: float | None = None,
        min_count: int | None = None,
        epochs: int | None = None,
        final_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        word_rate: float | None = None,
        weight_decay: float | None = None,
        warmup: float | None = None,
        gradient_clip: float | None = None,
        label_smoothing: float | None = None,
        patience: int | None = None,
        adam_beta2: float | None = None,
        adam_epsilon: float | None = None,
        adversarial: float | None = None,
        companion: bool | None = None,
        language: str = "auto",
        vectors: WordVectors | None = None,
        unlabelled: Sequence[str] | None = None,
        validation_fraction: float | None = None,
        max_words: int = 100_000,
        word2vec_workers: int = 1,
        class_weight: dict[Any, float] | str | None = None,
        abstain_coverage: float = 0.95,
        abstain_precision: float | None = None,
        keep_texts: bool = False,
        device: str = "auto",
        precision: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.recipe = recipe
        self.embedding = embedding
        self.word_dimension = word_dimension
        self.ngram_dimension = ngram_dimension
        self.projection = projection
        self.units = units
        self.layers = layers
        self.bidirectional = bidirectional
        self.activation = activation
        self.pooling = pooling
        self.pool_vectors = pool_vectors
        self.max_length = max_length
        self.fixed_length = fixed_length
        self.spatial_dropout = spatial_dropout
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.output = output
        self.vector_scale = vector_scale
        self.word2vec_algorithm = word2vec_algorithm
        self.word2vec_window = word2vec_window
        self.word2vec_passes = word2vec_passes
        self.word2vec_sample = word2vec_sample
        self.min_count = min_count
        self.epochs = epochs
        self.final_epochs = final_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.word_rate = word_rate
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.gradient_clip = gradient_clip
        self.label_smoothing = label_smoothing
        self.patience = patience
        self.adam_beta2 = adam_beta2
        self.adam_epsilon = adam_epsilon
        self.adversarial = adversarial
        self.companion = companion
        self.language = language
        self.vectors = vectors
        self.unlabelled = unlabelled
        self.validation_fraction = validation_fraction
        self.max_words = max_words
        self.word2vec_workers = word2vec_workers
        self.class_weight = class_weight
        self.abstain_coverage = abstain_coverage
        self.abstain_precision = abstain_precision
        self.keep_texts = keep_texts
        self.device = device
        self.precision = precision
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[str],
        y: Sequence[Any],
        sample_weight: Sequence[float] | None = None,
        *,
        validation: tuple[Sequence[str], Sequence[Any]] | None = None,
        out_of_scope: Sequence[str] | None = None,
        checkpoint: str | Path | None = None,
        progress: Progress | None = None,
        trainer: TrainNetwork | None = None,
    ) -> TextClassifier:
        """Learn from labelled texts.

        Parameters
        ----------
        X : sequence of str, length N
            The texts.
        y : sequence, length N
            Their labels.
        sample_weight : sequence of float, length N, optional
            Weight of each record; of those of weight 0 the words are read and nothing else.
        validation : pair of texts and labels, optional
            Records to hold out instead of a share of the training records.
        out_of_scope : sequence of str, optional
            Texts that belong to none of the classes: the in-scope score learns from them, too.
        checkpoint : path, optional
            A folder; written after each epoch. If it holds this very fit, the fit goes on from
            there and ends with the same model.
        progress : Progress, optional
            Told of everything.
        trainer : callable, optional
            Trains the network elsewhere: :class:`gatewise.selection.ray_training.RayTraining`.

        Returns
        -------
        TextClassifier
            Itself.

        Raises
        ------
        DataError
            If the data cannot be learnt from.
        ConfigError
            If a parameter is outside what is allowed.
        CheckpointError
            If the checkpoint belongs to another fit.
        """
        texts = check_texts(X)
        labels = check_labels(y, len(texts))
        classes, targets = find_classes(labels)
        data = LabelledTexts(
            texts, targets, record_weights(labels, classes, sample_weight, self.class_weight)
        )
        request = self._request(classes, validation, progress)
        if out_of_scope is not None and len(out_of_scope):
            request = replace(request, out_of_scope=check_texts(out_of_scope))
        if checkpoint is not None:
            fingerprint = fit_fingerprint(data, request)
            request = replace(request, checkpoint=Checkpoint(Path(checkpoint), fingerprint))
        if trainer is not None:
            request = replace(request, train=trainer)
        self.model_: FittedModel = fit_model(data, request)  # one that fails changes nothing
        self.classes_, self.recipe_ = classes, self.model_.recipe
        return self

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """Compute the calibrated probability of each class, float64, shape (N, C)."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """Compute the logarithms of the probabilities, float64, shape (N, C), in nats."""
        return self.predict_parts(X).blend

    def predict(self, X: Sequence[str], *, abstain: bool = False) -> Labels:
        """Name the most probable class of each text.

        Parameters
        ----------
        X : sequence of str, length N
            The texts.
        abstain : bool
            Name none where the text lies outside what the model knows, or the probability is below
            that of the precision asked for.

        Returns
        -------
        ndarray of shape (N,)
            Classes; if it may abstain, of dtype object, with None for a text without an answer.
        """
        check_is_fitted(self)
        if not abstain:
            return np.asarray(self.classes_[self.predict_log_proba(X).argmax(axis=1)])
        reading = self.read(X)
        found = self.classes_[reading.parts.blend.argmax(axis=1)].astype(object)
        found[~reading.answers] = None
        return np.asarray(found)

    def read(self, X: Sequence[str]) -> Reading:
        """Compute all that the model says of each text: probabilities, in-scope score, decision."""
        check_is_fitted(self)
        texts = check_texts(X)
        return read_tokens(self.model_, [tokenize(text, self.model_.language) for text in texts])

    def predict_parts(self, X: Sequence[str]) -> PartScores:
        """Compute what the network, the companion and the blend say, each by itself."""
        check_is_fitted(self)
        return score_texts(self.model_, check_texts(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.non_deterministic = self.random_state is None or self.word2vec_workers > 1
        return tags

    def _request(
        self,
        classes: Labels,
        validation: tuple[Sequence[str], Sequence[Any]] | None,
        progress: Progress | None,
    ) -> FitRequest:
        fraction = check_fraction(self.validation_fraction, validation)
        check_choice("keep_texts", self.keep_texts, (True, False))
        check_targets(self.abstain_coverage, self.abstain_precision)
        check_whole_number("max_words", self.max_words, 1, 100_000_000)
        check_whole_number("word2vec_workers", self.word2vec_workers, 1, 256)
        changes = with_dimension(self.get_params(deep=False))
        return FitRequest(
            recipe=checked_recipe(changes.pop("recipe"), **changes),
            labels=tuple(str(label) for label in classes),
            seed=seed_from(self.random_state),
            language=self.language,
            vectors=self.vectors,
            unlabelled=check_texts(self.unlabelled) if self.unlabelled is not None else (),
            validation=validation_records(validation, classes),
            validation_fraction=fraction,
            max_words=int(self.max_words),
            word2vec_workers=int(self.word2vec_workers),
            precision=choose_precision(self.device, self.precision),
            progress=progress or SilentProgress(),
            abstain_coverage=self.abstain_coverage,
            abstain_precision=self.abstain_precision,
            keep_texts=bool(self.keep_texts),
        )
