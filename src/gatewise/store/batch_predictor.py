"""``BatchPredictor``: a saved model as a function for Ray Data, Dask and Spark."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatewise.base.errors import DataError
from gatewise.classify.answer_blocks import answer_arrays, answer_texts
from gatewise.classify.answers import answer_columns, free_names
from gatewise.store.process_predictor import process_predictor
from gatewise.text.columns import choose_text_column
from gatewise.text.row_blocks import pyarrow_for
from gatewise.text.rows import cell_text

__all__ = ["BatchPredictor"]


@dataclass(frozen=True)
class BatchPredictor:
    """A saved model as a function from a batch of rows to the same rows with answers.

    It holds nothing but the path, so it can be sent to other processes and machines: each of them
    reads the model when it is first asked, and keeps it. Every one has to see the path.

    Parameters
    ----------
    model : path
        The folder of a saved model. Relative to the working folder of the caller.
    text_column : str, optional
        Where the texts are. None: guessed by its name, if there is only one way to.
    top : int
        How many of the most probable classes to name, 1 to C.
    nearest : int
        How many of the nearest training records to name.
    threads : int
        Threads of each process.
    """

    model: str | os.PathLike[str]
    text_column: str | None = None
    top: int = 1
    nearest: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", os.path.abspath(self.model))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are added."""
        return answer_columns(self.top, self.nearest)

    @property
    def spark_columns(self) -> str:
        """The added columns as Spark writes them in a schema: ``"predicted string, ..."``."""
        empty = answer_arrays([], self.top, self.nearest)
        return ", ".join(f"{name} {array.type}" for name, array in empty.items())

    def __call__(self, batch: Any) -> Any:
        """Answer a batch.

        Parameters
        ----------
        batch : pandas.DataFrame, pyarrow.Table, pyarrow.RecordBatch, or mapping of str to ndarray
            N rows; or an iterator of any of these.

        Returns
        -------
        The same kind
            N rows in their order, with the columns of ``gatewise predict`` behind them: a table for
            a record batch, and an iterator for an iterator. A column of the batch that has the name
            of one of them gets ``input_`` in front.

        Raises
        ------
        DataError
            If the text column is not there, or this is no batch.
        ConfigError
            If there are not so many classes or records.
        ModelFileError
            If the model cannot be read here.
        """
        if isinstance(batch, Mapping):
            return self._mapping(batch)
        if hasattr(batch, "iloc") and hasattr(batch, "columns"):
            return self._frame(batch)
        arrow = pyarrow_for("answer batches")
        if isinstance(batch, arrow.RecordBatch):
            batch = arrow.Table.from_batches([batch])
        if isinstance(batch, arrow.Table):
            return self._table(batch)
        if isinstance(batch, Iterable) and not (
            isinstance(batch, str | bytes) or hasattr(batch, "iloc")
        ):
            return self._each(batch)
        raise DataError(
            f"a batch cannot be a {type(batch).__name__}; allowed are a pandas frame, a pyarrow "
            "table or record batch, a mapping of names to arrays, and an iterator of these"
        )

    def _each(self, batches: Iterable[Any]) -> Iterator[Any]:
        return map(self, batches)

    def _mapping(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        renamed, own = self._answers(batch, lambda column: list(batch[column]))
        kept = {renamed.get(name, name): cells for name, cells in batch.items()}
        return kept | {name: array.to_numpy(zero_copy_only=False) for name, array in own.items()}

    def _frame(self, batch: Any) -> Any:
        renamed, own = self._answers(batch.columns, lambda column: batch[column].tolist())
        columns = {name: array.to_pandas().set_axis(batch.index) for name, array in own.items()}
        return batch.rename(columns=renamed).assign(**columns)

    def _table(self, batch: Any) -> Any:
        renamed, own = self._answers(
            batch.column_names, lambda column: batch.column(column).to_pylist()
        )
        if renamed:
            batch = batch.rename_columns([renamed.get(name, name) for name in batch.column_names])
        for name, array in own.items():
            batch = batch.append_column(name, array)
        return batch

    def _answers(self, names: Iterable[str], cells_of: Any) -> tuple[dict[str, str], Any]:
        """Choose new names for columns, and answer the texts."""
        names = list(names)
        spelt = [name for name in names if isinstance(name, str)]
        column, _ = choose_text_column(spelt, self.text_column, "the batch", "text_column=")
        _check_names(names, {column, *self.columns})
        model = process_predictor(self.model, threads=self.threads)
        texts = map(cell_text, cells_of(column))
        own = answer_texts(model, texts, top=self.top, nearest=self.nearest)
        return free_names(names, self.columns), own


def _check_names(names: list[Any], looked_for: Collection[str]) -> None:
    """Refuse a name that says of two columns which of them it is.

    Raises
    ------
    DataError
        If one that is looked for stands twice.
    """
    for name in names:
        if name in looked_for and names.count(name) > 1:
            raise DataError(
                f"the batch has {names.count(name)} columns {name!r}; rename all but one"
            )
