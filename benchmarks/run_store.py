"""The results file: runs are added one by one, so that a stopped benchmark goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewise.base.errors import DataError
from gatewise.base.files import json_bytes, write_json

__all__ = ["RunStore", "key_of"]

_FORMAT = 1


def key_of(facts: Mapping[str, Any]) -> str:
    """Name something by its facts: equal facts, equal key."""
    return hashlib.sha256(json_bytes(dict(facts))).hexdigest()[:16]


class RunStore:
    """A results file.

    It holds ``runs`` (a list of dicts, each with its ``key``), ``machines`` (facts by key, to
    which the ``machine`` of a run points) and ``skipped`` (methods that cannot be run, and why).

    Parameters
    ----------
    path : Path
        The file; it need not be there.

    Raises
    ------
    DataError
        If the file is there and is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read()

    def find(self, key: str) -> dict[str, Any] | None:
        """Find the run of that key."""
        return next((run for run in self._read()["runs"] if run["key"] == key), None)

    def runs_of(self, method: str) -> list[dict[str, Any]]:
        """List the runs of a method."""
        return [run for run in self._read()["runs"] if run["method"] == method]

    def add(self, run: dict[str, Any], machine: Mapping[str, Any]) -> None:
        """Add a run in the place of one with the same key, and write the file."""
        content = self._read()  # another process may have added to it
        content["runs"] = [old for old in content["runs"] if old["key"] != run["key"]]
        content["runs"].append({**run, "machine": key_of(machine)})
        content["machines"][key_of(machine)] = dict(machine)
        content["skipped"].pop(run["method"], None)
        self._write(content)

    def skip(self, method: str, reason: str) -> None:
        """Note that a method cannot be run."""
        content = self._read()
        content["skipped"][method] = reason
        self._write(content)

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {"format": _FORMAT, "machines": {}, "runs": [], "skipped": {}}
        try:
            content = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path} cannot be read as results: {error}") from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise DataError(
                f"{self.path} is no results file of format {_FORMAT}; move it away or name another"
            )
        return content

    def _write(self, content: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, content)
