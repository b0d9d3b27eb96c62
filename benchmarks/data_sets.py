"""A folder of data sets -> the records of one run: NAME.train.csv and NAME.test.csv, or .csv.gz."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatewise.base.errors import ConfigError, DataError
from gatewise.base.files import sha256_file
from gatewise.base.optional import require
from gatewise.text.corpus import Corpus, read_corpus

__all__ = ["FOLD_SEED", "DataSet", "Split", "find_sets", "read_folds", "read_split"]

FOLD_SEED = 0
_ENDINGS = (".csv", ".csv.gz")


@dataclass(frozen=True)
class DataSet:
    """The files of a data set; ``test`` is None where it is not read."""

    name: str
    train: Path
    test: Path | None

    def fingerprint(self) -> dict[str, str]:
        """Compute the SHA-256 of each file that is read."""
        files = {"train": self.train} | ({"test": self.test} if self.test else {})
        return {kind: sha256_file(path) for kind, path in files.items()}


@dataclass(frozen=True)
class Split:
    """The records of one run, the same for every method, and how many could not be used."""

    train_texts: Sequence[str]
    train_labels: Sequence[str]
    test_texts: Sequence[str]
    test_labels: Sequence[str]
    n_refused: int


def find_sets(folder: Path, names: Sequence[str] | None, *, with_test: bool) -> list[DataSet]:
    """Find the data sets of a folder.

    Parameters
    ----------
    folder : Path
        Where the files are.
    names : sequence of str, optional
        The sets wanted, in this order. None: all, in alphabetical order.
    with_test : bool
        Whether the test files are read.

    Returns
    -------
    list of DataSet

    Raises
    ------
    ConfigError
        If a set that was asked for is not there, or there is none.
    DataError
        If a set has no test file, or has a file in two forms.
    """
    found = sorted(
        {
            path.name.removesuffix(f".train{ending}")
            for ending in _ENDINGS
            for path in folder.glob(f"?*.train{ending}")
        }
    )
    if not found:
        raise ConfigError(f"{folder} has no NAME.train.csv or NAME.train.csv.gz; give another DIR")
    unknown = [name for name in names or () if name not in found]
    if unknown:
        raise ConfigError(f"{folder} has no set {unknown[0]!r}; it has {', '.join(found)}")
    return [_data_set(folder, name, with_test=with_test) for name in names or found]


def _data_set(folder: Path, name: str, *, with_test: bool) -> DataSet:
    return DataSet(
        name,
        train=_only_file(folder, f"{name}.train"),
        test=_only_file(folder, f"{name}.test") if with_test else None,
    )


def _only_file(folder: Path, stem: str) -> Path:
    paths = [path for ending in _ENDINGS if (path := folder / f"{stem}{ending}").is_file()]
    if len(paths) == 1:
        return paths[0]
    if paths:
        raise DataError(f"{folder} has both {paths[0].name} and {paths[1].name}; keep one of them")
    raise DataError(f"{folder} has no {stem}.csv or {stem}.csv.gz; add it, or use --folds")


def read_split(train: Path, test: Path) -> Split:
    """Read the publisher's own split."""
    learnt, asked = _read(train), _read(test)
    n_refused = len(learnt.refused) + len(asked.refused)
    return Split(learnt.texts, learnt.labels, asked.texts, asked.labels, n_refused)


def read_folds(train: Path, n_folds: int, fold: int) -> Split:
    """Read one fold of a training file; the folds are stratified, and the same for all.

    Parameters
    ----------
    train : Path
        The training file.
    n_folds : int
        How many parts it is cut into.
    fold : int
        The part to test on, from 0.

    Returns
    -------
    Split

    Raises
    ------
    DataError
        If no label has as many records as there are folds.
    """
    # Through the door for optional packages: a fastText run needs this only for its folds.
    selection = require("sklearn.model_selection", extra="train", purpose="make folds")
    corpus = _read(train)
    label, most = Counter(corpus.labels).most_common(1)[0]
    if most < n_folds:
        raise DataError(
            f"{train}: its most frequent label, {label!r}, has {most} records, so {n_folds} folds "
            "cannot be made; ask for fewer"
        )
    folds = selection.StratifiedKFold(n_folds, shuffle=True, random_state=FOLD_SEED)
    learnt, asked = list(folds.split(corpus.texts, corpus.labels))[fold]
    return Split(
        train_texts=[corpus.texts[row] for row in learnt],
        train_labels=[corpus.labels[row] for row in learnt],
        test_texts=[corpus.texts[row] for row in asked],
        test_labels=[corpus.labels[row] for row in asked],
        n_refused=len(corpus.refused),
    )


def _read(path: Path) -> Corpus:
    return read_corpus(path, text_column="text", label_column="label")
