"""Units of work and their results, one checked file each, so that a killed run goes on.

A unit is told by its facts: the data, the parameters, the fold, the seed. Equal facts make an equal
key, and the key is the name of its file. Resuming is skipping what is there and verifies.

    RUN/run.json               what the run is about; a run of anything else is refused
    RUN/lock                   held while a run is going on; the system lets go of it after a kill
    RUN/ledger/<key>.json      facts, result, checksum
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gatewise.base.errors import ConfigError, GatewiseError
from gatewise.base.files import json_bytes, remove_left_overs, write_json

__all__ = [
    "FOLDER",
    "FORMAT_VERSION",
    "LOCK",
    "RUN",
    "Ledger",
    "Unit",
    "check_run_folder",
    "forget_run",
    "open_ledger",
]

FORMAT_VERSION = 3

FOLDER, RUN, LOCK = "ledger", "run.json", "lock"
_FORMAT = "gatewise run"


@dataclass(frozen=True)
class Unit:
    """A piece of work that depends on nothing but its facts.

    Attributes
    ----------
    facts : mapping
        All that decides its result, as plain values.
    name : str
        What people are told of it.
    group : str
        Units of one group take about as long as each other.
    """

    facts: Mapping[str, Any]
    name: str = ""
    group: str = ""

    @property
    def key(self) -> str:
        """SHA-256 of the facts and of the format, as 64 hexadecimal digits."""
        content = {"format_version": FORMAT_VERSION, "facts": dict(self.facts)}
        return hashlib.sha256(json_bytes(content)).hexdigest()


@dataclass
class Ledger:
    """The results of a run.

    Attributes
    ----------
    folder : Path
        Of the run.
    rejected : dict of str to str
        Files that were there and cannot be trusted, and why; their units are done again.
    durations : dict of str to list of float
        Seconds that units of a group took, as far as they were watched.
    """

    folder: Path
    rejected: dict[str, str] = field(default_factory=dict)
    durations: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def find(self, unit: Unit) -> Any:
        """Take the result of a unit from its file.

        Parameters
        ----------
        unit : Unit
            What was or was not done.

        Returns
        -------
        object or None
            Its result; None if it is not there or the file does not verify, which is noted in
            ``rejected``.
        """
        path = self._path(unit)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.rejected[path.name] = f"it cannot be read ({error.strerror})"
            return None
        found, reason = _verified(content, unit)
        if reason:
            self.rejected[path.name] = reason
        return found

    def keep(self, unit: Unit, result: Any) -> None:
        """Write the result of a unit, whole or not at all.

        Parameters
        ----------
        unit : Unit
            What was done.
        result : object
            Plain values that JSON can hold, and not None.
        """
        entry = {"key": unit.key, "facts": dict(unit.facts), "result": result}
        write_json(self._path(unit), {**entry, "checksum": _checksum(entry)})

    def drop(self, unit: Unit) -> None:
        """Take the result of a unit away, so that it is done again."""
        self._path(unit).unlink(missing_ok=True)

    def missing(self, units: Iterable[Unit]) -> list[Unit]:
        """List the units that have no result that verifies, in their order."""
        return [unit for unit in units if self.find(unit) is None]

    def has_file(self, unit: Unit) -> bool:
        """Say whether a unit has a file, without reading it: for the progress."""
        return self._path(unit).exists()

    def _path(self, unit: Unit) -> Path:
        return self.folder / FOLDER / f"{unit.key}.json"


def check_run_folder(folder: Path) -> None:
    """Refuse a folder whose files a run's results could be written over.

    Raises
    ------
    ConfigError
        If there is something in it, and no run.
    """
    if not folder.is_dir() or (folder / RUN).exists():
        return
    # What a run that was killed at its very beginning may have left.
    names = sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in (FOLDER, LOCK) and not path.name.startswith(f".{RUN}.")
    )
    if names:
        raise ConfigError(
            f"{folder} is there already and holds something else than a run of gatewise "
            f"({names[0]!r}); name another folder for the run"
        )


@contextlib.contextmanager
def open_ledger(
    folder: Path, about: Mapping[str, Any], told: Mapping[str, str] | None = None
) -> Iterator[Ledger]:
    """Open the ledger of a run, alone.

    Of a command that is refused before anything is done nothing stays: the same without the mistake
    would be told that the run is about something else.

    Parameters
    ----------
    folder : Path
        Of the run; made if it is not there.
    about : mapping
        What the run is about, as plain values: the data's fingerprint, the question, versions.
    told : mapping, optional
        Name of a fact -> what people know it by.

    Yields
    ------
    Ledger

    Raises
    ------
    ConfigError
        If the folder holds something else, a run about something else, or a run that is going on.
    """
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise ConfigError(
            f"a run is going on in {folder}; wait until it ends, or name another folder"
        ) from error
    try:
        _check_about(folder / RUN, about, told or {})
        try:
            yield Ledger(folder)
        except GatewiseError:
            if not any((folder / FOLDER).glob("*.json")):
                forget_run(folder)  # while nobody else can begin a run in it
            raise
    finally:
        lock.release()


def forget_run(folder: Path) -> None:
    """Take away the ledger and what the run is about, and the folder if nothing else is in it."""
    if not folder.is_dir():
        return
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    remove_left_overs(folder / RUN)
    (folder / RUN).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody's files are in it
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _check_about(path: Path, about: Mapping[str, Any], told: Mapping[str, str]) -> None:
    wanted = {"format": _FORMAT, "format_version": FORMAT_VERSION, "about": dict(about)}
    if not path.exists():
        write_json(path, wanted)
        return
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} cannot be read as JSON ({error}); name another folder for the run"
        ) from error
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise ConfigError(f"{path} is not of a run of gatewise; name another folder for the run")
    if found.get("format_version") != FORMAT_VERSION:
        raise ConfigError(
            f"{path} is of a run of another version (format {found.get('format_version')!r:.40}, "
            f"and this is {FORMAT_VERSION}); name another folder for the run"
        )
    if found != wanted:
        differing = _differing(found.get("about"), dict(about), told)
        raise ConfigError(
            f"{path.parent} holds a run about something else: {differing} differ; name another "
            "folder, or delete that one"
        )


def _differing(found: Any, wanted: dict[str, Any], told: Mapping[str, str]) -> str:
    if not isinstance(found, dict):
        return "all facts"
    wanted = json.loads(json_bytes(wanted))
    names = sorted({*found, *wanted})
    differing = [name for name in names if found.get(name) != wanted.get(name)]
    return ", ".join(told.get(name, name) for name in differing) or "all facts"


def _verified(content: bytes, unit: Unit) -> tuple[Any, str]:
    """Take the result out of a file, or say why it is not to be trusted."""
    try:
        entry = json.loads(content)
    except (ValueError, RecursionError):
        return None, "it is torn or no JSON"
    if not isinstance(entry, dict) or set(entry) != {"key", "facts", "result", "checksum"}:
        return None, "it has another form"
    checksum = entry.pop("checksum")
    if checksum != _checksum(entry):
        return None, "it does not have the checksum it names"
    if entry["key"] != unit.key:
        return None, "it is of another unit"
    return entry["result"], ""


def _checksum(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(json_bytes(dict(entry))).hexdigest()
