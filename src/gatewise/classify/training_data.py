"""Files -> everything a fit learns from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewise.base.config import check_choice
from gatewise.base.errors import ConfigError
from gatewise.base.progress import Progress, SilentProgress
from gatewise.text.corpus import Corpus, Refused, read_corpus, read_texts
from gatewise.text.stored_corpus import StoredCorpus, store_corpus
from gatewise.text.tokens import tokenize
from gatewise.vectors.word_vectors import WordVectors, read_word_vectors

__all__ = [
    "LARGE_FILE",
    "Store",
    "TrainingData",
    "class_weights",
    "read_training_data",
    "store_for",
]

LARGE_FILE = 32_000_000  # bytes, about half a million short texts
_PACKED, _PACKING = (".gz", ".parquet", ".xlsx", ".xlsm", ".xlsb", ".ods"), 4
_N_LINES = 10  # of refused records, that are told


@dataclass(frozen=True)
class TrainingData:
    """What a fit learns from.

    Attributes
    ----------
    corpus : Corpus
        The labelled texts.
    validation : Corpus or None
        Those to hold out instead of a share of them.
    unlabelled : list of str
        Further texts for the word vectors.
    vectors : WordVectors or None
        Word vectors from elsewhere, restricted to the words of all these texts.
    notes : list of str
        What was refused or is unusual in the unlabelled texts and the vectors.
    out_of_scope : list of str
        Texts that belong to none of the classes.
    """

    corpus: Corpus
    validation: Corpus | None = None
    unlabelled: list[str] = field(default_factory=list)
    vectors: WordVectors | None = None
    notes: list[str] = field(default_factory=list)
    out_of_scope: list[str] = field(default_factory=list)

    def summary(self) -> list[str]:
        """Tell in plain lines what was read, what was refused and what is unusual."""
        told = self.corpus.summary()
        if self.validation is not None:
            told += (f"validation: {line}" for line in self.validation.summary())
        return [*told, *self.notes]


@dataclass(frozen=True)
class Store:
    """Where the texts and tokens of large files are kept.

    Attributes
    ----------
    folder : Path
        Made when the first is.
    smallest : int
        Files of so many bytes and more are kept, packed ones from a quarter of it.
    progress : Progress
        Told of the records.
    """

    folder: Path
    smallest: int = LARGE_FILE
    progress: Progress = field(default_factory=SilentProgress)

    def takes(self, source: Path | str) -> bool:
        """Say whether a file is large enough; what is no file is not."""
        path = Path(source)
        if not path.is_file():
            return False
        n_packed = _PACKING if path.suffix.casefold() in _PACKED else 1
        return path.stat().st_size * n_packed >= self.smallest

    def read(
        self, source: Path | str, columns: tuple[str | None, str | None], language: str
    ) -> StoredCorpus:
        """Read labelled texts into files; see :func:`gatewise.text.stored_corpus.store_corpus`."""
        return store_corpus(
            Path(source),
            self.folder,
            text_column=columns[0],
            label_column=columns[1],
            language=language,
            progress=self.progress,
        )


def store_for(cache: Path | None, usual: Path, progress: Progress) -> Store:
    """Choose the store: a folder that was asked for takes every file, the usual one large ones."""
    if cache is not None:
        return Store(cache, 0, progress)
    return Store(usual, LARGE_FILE, progress)


def read_training_data(
    source: Path | str,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    validation: Path | None = None,
    unlabelled: Iterable[Path] = (),
    vectors: Path | None = None,
    out_of_scope: Path | None = None,
    language: str = "auto",
    further: Sequence[str] = (),
    store: Store | None = None,
) -> TrainingData:
    """Read the labelled texts, and whatever else is to be learnt from.

    Parameters
    ----------
    source : path or str
        The labelled texts; see :func:`gatewise.text.corpus.read_corpus`.
    text_column, label_column : str, optional
        Their columns, the same in all files.
    validation : path, optional
        Labelled texts to hold out.
    unlabelled : iterable of paths
        Files of texts; see :func:`gatewise.text.corpus.read_texts`.
    vectors : path, optional
        A file of word vectors, of which only the words of the texts are kept.
    out_of_scope : path, optional
        A file of texts that belong to none of the classes, as for ``unlabelled``.
    language : str
        For the words of the texts.
    further : sequence of str
        More columns of the labelled texts to keep.
    store : Store, optional
        Where the texts and tokens of large files are kept instead of in memory; None: nowhere.

    Returns
    -------
    TrainingData

    Raises
    ------
    DataError
        If a file cannot be read or used.
    """
    columns = text_column, label_column
    corpus: Corpus
    if store is not None and not further and store.takes(source):
        corpus = store.read(source, columns, language)
    else:
        corpus = _read_labelled(source, columns, further=further)
    held_out = _read_labelled(validation, columns, min_labels=1) if validation is not None else None
    notes: list[str] = []
    further = [
        text for path in unlabelled for text in _read_texts(path, text_column, "unlabelled", notes)
    ]
    outside = []
    if out_of_scope is not None:
        outside = _read_texts(out_of_scope, text_column, "out-of-scope", notes)
    own = None
    if vectors is not None:
        others = [*(held_out.texts if held_out else ()), *further]
        wanted = {token for text in others for token in tokenize(text, language)}
        if isinstance(corpus, StoredCorpus):
            wanted.update(corpus.texts.tokens.words)
        else:
            wanted.update(token for text in corpus.texts for token in tokenize(text, language))
        own = read_word_vectors(vectors, wanted=wanted)
        notes += own.notes
        notes.append(f"{vectors}: {len(own):,} of {len(wanted):,} words of the texts have a vector")
    return TrainingData(corpus, held_out, further, own, notes, outside)


def class_weights(given: Sequence[str], corpus: Corpus) -> dict[str, float] | str | None:
    """Read weights of classes as they are typed.

    Parameters
    ----------
    given : sequence of str
        ``"balanced"`` alone, or any number of ``LABEL=NUMBER``.
    corpus : Corpus
        Has the labels.

    Returns
    -------
    dict, "balanced" or None
        For :class:`gatewise.TextClassifier`; None if nothing was given.

    Raises
    ------
    ConfigError
        If one is neither, or its label is not in the corpus.
    """
    if not given:
        return None
    if list(given) == ["balanced"]:
        return "balanced"
    weights = {}
    for one in given:
        label, _, number = one.rpartition("=")
        weight = _number(number)
        if not label or weight is None:
            raise ConfigError(
                f"class_weight is {one!r}; it must be 'balanced' alone, or LABEL=NUMBER with a "
                "number of 0 or more"
            )
        check_choice("the label of a class_weight", label, tuple(corpus.label_counts))
        if label in weights:
            raise ConfigError(f"class_weight names {label!r} twice; give each label one weight")
        weights[label] = weight
    return weights


def _number(typed: str) -> float | None:
    try:
        number = float(typed)
    except ValueError:
        return None
    return number if 0.0 <= number < float("inf") and "_" not in typed else None


def _read_labelled(
    source: Path | str, columns: tuple[str | None, str | None], **how: Any
) -> Corpus:
    return read_corpus(source, text_column=columns[0], label_column=columns[1], **how)


def _read_texts(path: Path, text_column: str | None, kind: str, notes: list[str]) -> list[str]:
    found = read_texts(path, text_column=text_column)
    notes.append(f"{path}: {len(found.texts):,} {kind} texts")
    notes += (f"{path}: {note}" for note in found.notes)
    if found.refused:
        notes.append(f"{path}: {_refused(found.refused)}")
    return found.texts


def _refused(refused: Sequence[Refused]) -> str:
    lines = ", ".join(str(one.line) for one in refused[:_N_LINES])
    n_more = len(refused) - _N_LINES
    more = f" and {n_more:,} more" if n_more > 0 else ""
    return f"{len(refused):,} refused ({refused[0].reason}), line {lines}{more}"
