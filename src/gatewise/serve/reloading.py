"""A replaced model folder -> the new model in the place of the old one, between two requests."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gatewise.serve.metrics import Metrics
from gatewise.serve.models import LoadedModel, Model, Shelf, Stamp, read_model, stamp_of

__all__ = ["Reloader"]

_log = logging.getLogger("gatewise.serve")


class Reloader:
    """Looks after the folders of a shelf.

    Parameters
    ----------
    shelf : Shelf
        The models served.
    loader : callable
        Reads a model's folder.
    metrics : Metrics
        Told of what was loaded and what could not be.
    seconds : float
        Between two looks.
    """

    def __init__(
        self,
        shelf: Shelf,
        loader: Callable[[Path], Model],
        metrics: Metrics,
        seconds: float = 1.0,
    ) -> None:
        self._shelf = shelf
        self._loader = loader
        self._metrics = metrics
        self._seconds = seconds
        self._now = asyncio.Event()
        # What was seen and could not be loaded is not tried again until it changes.
        self._refused: dict[str, list[tuple[str, Stamp]]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gatewise-load")
        for loaded in shelf.models.values():
            self._tell(loaded)

    def look_now(self) -> None:
        """Look at all folders at once, also those that could not be loaded."""
        self._refused.clear()
        self._now.set()

    async def watch(self) -> None:
        """Look at the folders until cancelled."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._now.wait(), self._seconds)
                self._now.clear()
                await self.look()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def look(self) -> None:
        """Load what was replaced, beside what is served, and swap."""
        loop = asyncio.get_running_loop()
        for loaded in list(self._shelf.models.values()):
            fresh = await loop.run_in_executor(self._thread, self._fresh, loaded)
            if fresh is not None:
                self._shelf.put(fresh)
                self._tell(fresh)

    def _fresh(self, loaded: LoadedModel) -> LoadedModel | None:
        """Read a model's folder if it is not the one that is served; runs in a thread."""
        name = loaded.name
        found = _files_of(loaded.folder)
        try:
            if stamp_of(loaded.folder) == loaded.stamp or self._refused.get(name) == found:
                return None
            fresh = read_model(name, loaded.folder, self._loader)
        except Exception as error:  # whatever it is, the next folder must be looked at, too
            # A folder that is gone for a moment is told once, and not each second.
            if self._refused.get(name) != found:
                self._refused[name] = found
                self._metrics.load_failures.labels(name).inc()
                _log.error("model %s: the old one is kept: %s", name, error)
            return None
        self._refused.pop(name, None)
        return fresh

    def _tell(self, loaded: LoadedModel) -> None:
        made_with = loaded.manifest.versions.get("gatewise", "")
        self._metrics.loaded(loaded.name, loaded.checksum, made_with, loaded.seconds)
        _log.info(
            "model %s: %s with %d labels, checksum %.12s, read in %.1f s",
            loaded.name,
            loaded.folder,
            len(loaded.model.labels),
            loaded.checksum,
            loaded.seconds,
        )


def _files_of(folder: Path) -> list[tuple[str, Stamp]]:
    """List the files: one that is copied into its place file by file is tried until it is whole.

    What the system refuses to show is left out; who reads the model tells why it cannot be read.
    """
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((path.name, (status.st_mtime_ns, status.st_ino, status.st_size)))
    return found
