"""One process that listens: uvicorn, stopped so that nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter

from gatewise.base.errors import ConfigError
from gatewise.serve.app import create_app
from gatewise.serve.metrics import Metrics
from gatewise.serve.models import Model, Shelf, read_model
from gatewise.serve.protocol import HeadProtocol, is_readable
from gatewise.serve.reloading import Reloader
from gatewise.serve.service import Service
from gatewise.serve.settings import ServerSettings

__all__ = ["Server", "make_server"]

_LOOKS, _LOOK_SECONDS = 100, 0.01  # for those who connect while the server stops
_KEEP_ALIVE = 65  # seconds; longer than the 60 of nginx and most load balancers


class Server(uvicorn.Server):
    """Listens until it is told to stop.

    SIGTERM or SIGINT: ``ready`` says no at once, requests are taken for ``drain_seconds`` more,
    those under way are finished, and the process ends with status 0. A second signal leaves out
    the waiting, a third the finishing. SIGHUP: look at the models' folders now.

    Parameters
    ----------
    config : uvicorn.Config
        With the application.
    service : Service
        Told when the end begins.
    reloader : Reloader
        Told to look.
    """

    def __init__(self, config: uvicorn.Config, service: Service, reloader: Reloader) -> None:
        super().__init__(config)
        self._service = service
        self._reloader = reloader

    async def startup(self, sockets: Any = None) -> None:
        """Begin to listen.

        Raises
        ------
        ConfigError
            If the address cannot be had.
        """
        # What was loaded stays: to look through it for garbage would stop all answers for a while.
        gc.collect()
        gc.freeze()
        try:
            await super().startup(sockets)
        except SystemExit:
            settings = self._service.settings
            raise ConfigError(
                f"the server cannot listen on {settings.host}, port {settings.port}; another "
                "program may have it, so choose another --port, or check --host"
            ) from None

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop to listen, when those who are connected already have been let in."""
        for _ in range(_LOOKS):
            listening = [one.fileno() for server in self.servers for one in server.sockets]
            if not any(map(is_readable, listening)):
                break
            await asyncio.sleep(_LOOK_SECONDS)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals in the loop; uvicorn's own way would end the process by the signal."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers: dict[str, Callable[[], None]] = {
            "SIGTERM": self.stop,
            "SIGINT": self.stop,
            "SIGHUP": self._reloader.look_now,
        }
        loop = asyncio.get_running_loop()
        numbers = [getattr(signal, name) for name in handlers if hasattr(signal, name)]
        for number in numbers:
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, handlers[number.name])
        try:
            yield
        finally:
            for number in numbers:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Begin to stop; called again, hurry."""
        drain = self._service.drain
        if self.should_exit:
            self.force_exit = True
        elif drain.has_begun:
            self.should_exit = True
        else:
            drain.has_begun = True
            delay = self._service.settings.drain_seconds
            asyncio.get_running_loop().call_later(delay, self._stop_listening)

    def _stop_listening(self) -> None:
        self.should_exit = True


def make_server(
    folders: Mapping[str, Path],
    loader: Callable[[Path], Model],
    settings: ServerSettings,
    more: Sequence[APIRouter] = (),
) -> Server:
    """Read the models and make a server of them; its ``run`` listens.

    Parameters
    ----------
    folders : mapping of str to Path
        The models by name.
    loader : callable
        Reads a model's folder.
    settings : ServerSettings
        Where it listens and what it allows.
    more : sequence of APIRouter
        Further routes, such as those of the page.

    Returns
    -------
    Server

    Raises
    ------
    ModelFileError
        If a model cannot be read.
    """
    metrics = Metrics()
    shelf = Shelf([read_model(name, folder, loader) for name, folder in folders.items()])
    service = Service(shelf, settings, metrics)
    reloader = Reloader(shelf, loader, metrics)
    config = uvicorn.Config(
        create_app(service, reloader, more),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # it has queries; ours has not
        server_header=False,
        http=HeadProtocol,
        ws="none",
        lifespan="on",
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(settings.limits.seconds) + 1,
    )
    return Server(config, service, reloader)
