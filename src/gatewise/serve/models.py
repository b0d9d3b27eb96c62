"""The models that a server holds: by name, each with what is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.base.files import sha256_file
from gatewise.classify.decision import Decision
from gatewise.classify.nearest import RecordIndex
from gatewise.classify.plain_model import PlainModel
from gatewise.classify.predictor import Predictor
from gatewise.classify.reading import Reading
from gatewise.serve.refusals import RefusedError
from gatewise.store.manifest import MANIFEST, Manifest, read_manifest
from gatewise.store.plain_archive import load_plain
from gatewise.store.plain_contents import CONFIG
from gatewise.store.predictor_archive import load_predictor
from gatewise.store.settings import decode

__all__ = [
    "LoadedModel",
    "Model",
    "Shelf",
    "Stamp",
    "load_served",
    "named_folders",
    "read_model",
    "stamp_of",
]

_N_TRIES = 3  # to read a folder that is being replaced
_N_LISTED = 20

Stamp = tuple[int, int, int]


class Model(Protocol):
    """What a server needs of a model; several threads may ask it at once."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The C classes."""
        ...

    @property
    def language(self) -> str:
        """How texts are cut into tokens."""
        ...

    @property
    def decision(self) -> Decision:
        """When no answer is given."""
        ...

    @property
    def index(self) -> RecordIndex | None:
        """Its training records, if it can look for the nearest."""
        ...

    def read(self, texts: Sequence[str]) -> Reading:
        """Compute all that the model says of N texts."""
        ...


@dataclass(frozen=True)
class LoadedModel:
    """A model as it is served.

    Attributes
    ----------
    name : str
        How requests call it.
    folder : Path
        Where it was read from.
    model : Model
        What classifies.
    plain : PlainModel
        The same as arrays, for replays.
    manifest : Manifest
        Of the folder.
    facts : dict
        What was measured while it was trained.
    checksum : str
        SHA-256 of the manifest, which holds those of all other files.
    stamp : tuple of int
        Of the manifest's file.
    loaded_at, seconds : float
        When it was read, since 1970, and how long that took.
    """

    name: str
    folder: Path
    model: Model
    plain: PlainModel
    manifest: Manifest
    facts: dict[str, Any]
    checksum: str
    stamp: Stamp
    loaded_at: float
    seconds: float

    def about(self) -> dict[str, Any]:
        """Tell what the model is, for JSON."""
        index, decision = self.model.index, self.model.decision
        return {
            "name": self.name,
            "labels": list(self.model.labels),
            "language": self.model.language,
            "abstain_below": decision.abstain_below,
            "outside_below": decision.outside_below,
            "n_nearest": 0 if index is None else len(index.points),
            "checksum": self.checksum,
            "seed": self.manifest.seed,
            "versions": dict(self.manifest.versions),
            "facts": self.facts,
            "loaded_at": self.loaded_at,
            "load_seconds": self.seconds,
        }


def named_folders(arguments: Iterable[str]) -> dict[str, Path]:
    """Read what was typed: FOLDER, which has the folder's name, or NAME=FOLDER.

    Raises
    ------
    ConfigError
        If a name is missing, stands twice, or cannot stand in an address.
    """
    folders: dict[str, Path] = {}
    for argument in arguments:
        name, equals, rest = argument.partition("=")
        path = Path(rest if equals else argument)
        name = name if equals else path.resolve().name
        if not name or (not rest and equals):
            raise ConfigError(f"the model is {argument!r}; give FOLDER or NAME=FOLDER")
        if not all(letter.isalnum() or letter in "-_." for letter in name) or not name.isascii():
            raise ConfigError(
                f"a model is named {name!r}; a name has letters, digits, '-', '_' and '.' only, so "
                f"give it one: NAME={path}"
            )
        if name in folders:
            raise ConfigError(
                f"two models are named {name!r}, {folders[name]} and {path}; give one another name:"
                f" NAME={path}"
            )
        folders[name] = path
    return folders


def stamp_of(folder: Path) -> Stamp:
    """Tell what changes when a saved model is replaced."""
    status = (folder / MANIFEST).stat()
    return status.st_mtime_ns, status.st_ino, status.st_size


def load_served(folder: Path) -> Predictor:
    """Load what classifies, with all that it would make at the first question."""
    predictor = load_predictor(folder)
    predictor.read([""])
    return predictor


def read_model(name: str, folder: Path, loader: Callable[[Path], Model]) -> LoadedModel:
    """Read a saved model, all of it from the same version of its folder.

    Raises
    ------
    ModelFileError
        If it cannot be read.
    """
    for _ in range(_N_TRIES):
        started = time.perf_counter()
        try:
            stamp = stamp_of(folder)
            loaded = LoadedModel(
                name=name,
                folder=folder,
                model=loader(folder),
                plain=load_plain(folder),
                manifest=read_manifest(folder / MANIFEST),
                facts=_facts(folder / CONFIG),
                checksum=sha256_file(folder / MANIFEST),
                stamp=stamp,
                loaded_at=time.time(),
                seconds=time.perf_counter() - started,
            )
            if stamp_of(folder) == stamp:
                return loaded
        except (FileNotFoundError, NotADirectoryError) as error:
            there = f"{folder} is not a saved model, because it has no {MANIFEST}"
            gone = f"{folder} is not there; give the folder of a saved model"
            raise ModelFileError(there if folder.exists() else gone) from error
        except ModelFileError:
            if stamp_of(folder) == stamp:
                raise
    raise ModelFileError(f"{folder} was replaced {_N_TRIES} times while it was read; wait for it")


def _facts(path: Path) -> dict[str, Any]:
    facts = decode(path.read_bytes(), path).get("facts")
    return facts if isinstance(facts, dict) else {}


class Shelf:
    """The models by name; one is replaced in one step.

    Parameters
    ----------
    models : iterable of LoadedModel
        At least one.
    """

    def __init__(self, models: Iterable[LoadedModel]) -> None:
        self._models = {model.name: model for model in models}

    @property
    def models(self) -> Mapping[str, LoadedModel]:
        """All of them, in their order."""
        return self._models

    def put(self, model: LoadedModel) -> None:
        """Serve a model from now on; who uses the old one keeps it until done."""
        self._models = {**self._models, model.name: model}

    def find(self, name: str | None, said: str = '"model": ') -> LoadedModel:
        """Find a model; None: the only one. ``said`` is how a request names one.

        Raises
        ------
        RefusedError
            If there is none of that name, or several and no name.
        """
        models = self._models
        if name is None:
            if len(models) == 1:
                return next(iter(models.values()))
            raise RefusedError(422, f"several models are served; say which: {said}{_list(models)}")
        if name not in models:
            raise RefusedError(404, f"no model is named {name[:80]!r}; there is {_list(models)}")
        return models[name]


def _list(names: Iterable[str]) -> str:
    every = [repr(name) for name in names]
    more = f" and {len(every) - _N_LISTED} more" if len(every) > _N_LISTED else ""
    return " or ".join(every[:_N_LISTED]) + more
