"""Training data -> a saved model, by way of a checkpoint that a killed run goes on from."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from gatewise.base.errors import CheckpointError, ConfigError, DataError
from gatewise.base.files import remove_left_overs
from gatewise.base.progress import Progress
from gatewise.classify.classifier import TextClassifier
from gatewise.classify.training_data import TrainingData
from gatewise.network.training import TrainNetwork
from gatewise.store.archive import MODEL_FILES, save
from gatewise.store.manifest import MANIFEST
from gatewise.text.stored_corpus import remove_stored, remove_unfinished

__all__ = ["TrainingRun", "prepare_run"]

_CHECKPOINT_FILE = re.compile(r".+\.safetensors|\..+\.[0-9a-f]{12}\.tmp")


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """Where a training run writes.

    Attributes
    ----------
    out : Path
        The model's folder, absolute.
    checkpoint : Path
        The folder beside it that a killed run goes on from; gone when the model is complete.
    restart : bool
        Delete what is in it before training.
    """

    out: Path
    checkpoint: Path
    restart: bool = False
    _lock: BaseFileLock = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lock = FileLock(self.out.with_name(f".{self.out.name}.lock"), blocking=False)
        object.__setattr__(self, "_lock", lock)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other run away from the model, its checkpoint and its cache.

        The one that ended first would take them away from the other. May be nested.

        Raises
        ------
        ConfigError
            If another run is at work there.
        """
        try:
            self._lock.acquire()
        except Timeout as error:
            raise ConfigError(
                f"a run is going on that writes {self.out}; wait until it ends, or give another "
                "folder for the model"
            ) from error
        try:
            yield
        finally:
            if self._lock.lock_counter == 1:
                with contextlib.suppress(OSError):  # Windows removes it itself
                    self.out.with_name(f".{self.out.name}.lock").unlink()
            self._lock.release()

    @property
    def cache(self) -> Path:
        """The folder beside it for the texts of a large file; gone when the model is complete."""
        return self.out.with_name(f"{self.out.name}.cache")

    def train(
        self,
        classifier: TextClassifier,
        data: TrainingData,
        progress: Progress | None = None,
        *,
        finish: Callable[[TextClassifier], None] | None = None,
        trainer: TrainNetwork | None = None,
    ) -> TextClassifier:
        """Fit a classifier, save it, and remove the checkpoint.

        Parameters
        ----------
        classifier : TextClassifier
            Its parameters, without vectors and unlabelled texts.
        data : TrainingData
            What to learn from.
        progress : Progress, optional
            Told of everything.
        finish : callable, optional
            Given the fitted classifier before it is saved.
        trainer : callable, optional
            As for :meth:`gatewise.TextClassifier.fit`.

        Returns
        -------
        TextClassifier
            It, fitted.

        Raises
        ------
        GatewiseError
            As :meth:`gatewise.TextClassifier.fit` does.
        """
        with self.alone():
            if self.restart:
                _remove_checkpoint(self.checkpoint)
            classifier.set_params(vectors=data.vectors, unlabelled=data.unlabelled or None)
            self._fit(classifier, data, progress, trainer)
            if finish is not None:
                finish(classifier)
            save(classifier, self.out)
            _remove_checkpoint(self.checkpoint)
            remove_stored(self.cache)
        return classifier

    def _fit(
        self,
        classifier: TextClassifier,
        data: TrainingData,
        progress: Progress | None,
        trainer: TrainNetwork | None,
    ) -> None:
        goes_on = _has_begun(self.checkpoint)
        held_out = data.validation
        try:
            classifier.fit(
                data.corpus.texts,
                data.corpus.labels,
                validation=(held_out.texts, held_out.labels) if held_out else None,
                out_of_scope=data.out_of_scope or None,
                checkpoint=self.checkpoint,
                progress=progress,
                trainer=trainer,
            )
        except (ConfigError, DataError):
            # The command has to change, so nothing can go on from what it left.
            if not goes_on:
                _remove_checkpoint(self.checkpoint)
            raise


def prepare_run(out: Path, *, resume: bool = False, restart: bool = False) -> TrainingRun:
    """Make sure, before anything is computed, that a model can be written.

    Parameters
    ----------
    out : Path
        The model's folder. One that holds a model is replaced when the new one is complete.
    resume : bool
        Go on from the checkpoint of a killed run, if there is one.
    restart : bool
        Delete it.

    Returns
    -------
    TrainingRun

    Raises
    ------
    ConfigError
        If the folder cannot be written, holds something else than a model, or another run is
        going on that writes it.
    CheckpointError
        If there is a checkpoint, and neither or both of the two were asked for.
    """
    if resume and restart:
        raise CheckpointError("--resume goes on and --restart starts anew; give one of them")
    with _one_sentence(out):
        folder = out.expanduser().resolve()
        if not folder.name:
            raise ConfigError(f"out is {str(out)!r}; give a folder of its own for the model")
        if folder.exists() and not _is_replaceable(folder):
            raise ConfigError(
                f"{out} is there already and holds something else than a model of gatewise, which "
                "would be lost; give another folder for the model"
            )
        run = TrainingRun(folder, folder.with_name(f"{folder.name}.checkpoint"), restart)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with run.alone():
            _check_checkpoint(run.checkpoint, is_expected=resume or restart)
            _check_writable(folder)
            remove_left_overs(folder)
            remove_unfinished(run.cache)
    return run


@contextlib.contextmanager
def _one_sentence(out: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"the model cannot be written to {out} ({reason}); give a folder that can be written, "
            "or make room"
        ) from error


def _is_replaceable(out: Path) -> bool:
    """Say whether a path is an empty folder, or one with a model and nothing else."""
    if not out.is_dir():
        return False
    names = {path.name for path in out.iterdir()}
    return not names or (MANIFEST in names and names <= MODEL_FILES)


def _check_checkpoint(folder: Path, *, is_expected: bool) -> None:
    if not folder.exists():
        return
    if not _is_checkpoint(folder):
        raise CheckpointError(
            f"{folder} is where the checkpoint goes, but holds something else; move that away, or "
            "give the model another name"
        )
    if _has_begun(folder) and not is_expected:
        raise CheckpointError(
            f"{folder} holds a checkpoint of a run that was not finished; add --resume to go on "
            "with it, or --restart to delete it"
        )


def _has_begun(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def _is_checkpoint(folder: Path) -> bool:
    return folder.is_dir() and all(
        path.is_file() and _CHECKPOINT_FILE.fullmatch(path.name) for path in folder.iterdir()
    )


def _remove_checkpoint(folder: Path) -> None:
    # Only what a checkpoint consists of: nobody's own files go with it.
    if _is_checkpoint(folder):
        shutil.rmtree(folder)


def _check_writable(out: Path) -> None:
    """Write a folder beside the model's, and take it away again."""
    probe = out.with_name(f".{out.name}.{secrets.token_hex(6)}.tmp")
    try:
        probe.mkdir()
        (probe / "probe").write_bytes(b"\0")
    finally:
        shutil.rmtree(probe, ignore_errors=True)
