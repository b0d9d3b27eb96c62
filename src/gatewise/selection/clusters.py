"""Calls that are done on the nodes of a Ray or Dask cluster.

Both clusters do by themselves what a process pool does not: a call whose node died is done again on
another one, and the data lie on every node once.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from threadpoolctl import threadpool_limits  # scikit-learn needs it anyway

from gatewise.base.errors import ConfigError
from gatewise.base.optional import require
from gatewise.base.versions import PACKAGES, package_versions

__all__ = [
    "THREAD_LIMITS",
    "DaskWorkers",
    "RayWorkers",
    "check_versions",
    "join_ray",
    "versions_here",
]

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_ANSWERS_WITHIN = 12.0  # seconds
_LOOK_EVERY = 0.1  # seconds
_RETRIES = 1  # what the caller tries again is not counted
_MAX_REASON = 300  # characters

versions_here = functools.cache(package_versions)

# The data of a Ray worker, and what they are called.
_held: tuple[str, Any] = ("", None)


@dataclass(frozen=True)
class _Call:
    """What is sent to a node for each call."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    threads: int
    versions: Mapping[str, str]
    packages: tuple[str, ...] = PACKAGES

    def __call__(self, data: Any) -> Any:
        check_versions(self.versions, self.packages)
        # Libraries that are not loaded yet read the variables; the others have to be told.
        os.environ.update(dict.fromkeys(THREAD_LIMITS, str(self.threads)))
        with threadpool_limits(self.threads):
            return self.function(data, *self.arguments)


class RayWorkers:
    """The workers of a Ray cluster.

    Parameters
    ----------
    address : str
        ``host:port``. This machine has to be one of the cluster's nodes.
    threads : int
        Threads, and hence processors, of each call.
    data : object
        What every call is given first.
    packages : tuple of str
        Those whose versions have to be the same on all nodes.

    Raises
    ------
    ConfigError
        If the cluster does not answer, does not take our token, or is too small.
    MissingExtraError
        If ray is not installed.
    """

    def __init__(
        self, address: str, threads: int, data: Any, packages: tuple[str, ...] = PACKAGES
    ) -> None:
        ray, self._is_ours = join_ray(address)
        self._ray = ray
        self._threads, self._packages = threads, packages
        self._versions = versions_here(packages)
        self._running: dict[Future[Any], Any] = {}
        self._check_size(address)
        self._task = ray.remote(_call_on_ray).options(num_cpus=threads, max_retries=_RETRIES)
        self._data = ray.put(data)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have ``function(data, *arguments)`` computed by one of them."""
        call = _Call(function, arguments, self._threads, self._versions, self._packages)
        reference = self._task.remote(call, [self._data])
        future: Future[Any] = reference.future()
        self._running[future] = reference
        future.add_done_callback(self._running.pop)
        return future

    def renew(self) -> None:
        """Do nothing: Ray does it."""

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster; at once, or when nothing is being done."""
        if at_once:
            for reference in list(self._running.values()):
                self._ray.cancel(reference, force=True)
        else:
            wait(list(self._running))
        if self._is_ours:
            self._ray.shutdown()

    def _check_size(self, address: str) -> None:
        """Refuse what no node can do: Ray would wait for a larger one for ever."""
        sizes = [node["Resources"].get("CPU", 0) for node in self._ray.nodes() if node["Alive"]]
        largest = int(max(sizes, default=0))
        if largest < self._threads:
            self.close(at_once=True)
            raise ConfigError(
                f"threads is {self._threads}; the largest node of the Ray cluster at {address!r} "
                f"has {largest} (ray start --num-cpus)"
            )


class DaskWorkers:
    """The workers of a Dask cluster.

    Parameters
    ----------
    address : str
        Of its scheduler: ``tcp://host:port``, or ``tls://host:port`` with the certificates in
        Dask's own settings.
    threads : int
        Threads of each call.
    data : object
        What every call is given first.
    packages : tuple of str
        Those whose versions have to be the same on all nodes.

    Raises
    ------
    ConfigError
        If the cluster does not answer, or has no workers.
    MissingExtraError
        If distributed is not installed.
    """

    def __init__(
        self, address: str, threads: int, data: Any, packages: tuple[str, ...] = PACKAGES
    ) -> None:
        distributed = _dask()
        _check_dask_answers(address)
        self._address = address
        self._threads, self._packages = threads, packages
        self._versions = versions_here(packages)
        self._client = distributed.Client(address, timeout=_ANSWERS_WITHIN, set_as_default=False)
        self._running: set[Future[Any]] = set()
        self._name = f"gatewise-{uuid.uuid4()}"
        self._check_size()
        # A plugin reaches workers that come later, too; of what is scattered Dask drops copies.
        # Packed, it does not keep workers from starting that could not unpack it.
        holder = distributed.WorkerPlugin()
        holder.packed, holder.data = distributed.protocol.serialize_bytes(data), None
        self._client.register_plugin(holder, name=self._name)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have ``function(data, *arguments)`` computed by one of them."""
        self._check_connected()
        call = _Call(function, arguments, self._threads, self._versions, self._packages)
        answer = self._client.submit(_call_on_dask, call, self._name, pure=False)
        # Dask's own executor would never say that a scheduler died while it handed a result over.
        loop = self._client.loop.asyncio_loop
        future = asyncio.run_coroutine_threadsafe(_result_of(answer), loop)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    def renew(self) -> None:
        """Do nothing: Dask does it."""

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster; at once, or when nothing is being done."""
        if not at_once:
            wait(list(self._running))
        if self._is_connected():
            self._client.unregister_worker_plugin(self._name)
        self._client.close()

    def _is_connected(self) -> bool:
        return bool(self._client.status == "running")

    def _check_connected(self) -> None:
        """Take no call that nobody would ever answer."""
        while self._client.status == "connecting":  # it gives up by itself
            time.sleep(_LOOK_EVERY)
        if not self._is_connected():
            raise ConfigError(
                f"the Dask scheduler at {self._address!r} is gone; start the cluster anew, then "
                "this run: it goes on from what is done"
            )

    def _check_size(self) -> None:
        """Refuse a cluster without workers: Dask would wait for one for ever."""
        try:
            self._client.wait_for_workers(1, timeout=_ANSWERS_WITHIN)
        except TimeoutError as error:
            self._client.close()
            raise ConfigError(
                f"the Dask cluster at {self._address!r} has no workers; start one on each node: "
                f"`dask worker {self._address} --nthreads 1`"
            ) from error


def join_ray(address: str) -> tuple[ModuleType, bool]:
    """Connect this process to a Ray cluster.

    Parameters
    ----------
    address : str
        ``host:port``. This machine has to be one of the cluster's nodes.

    Returns
    -------
    ray : module
        The package.
    is_ours : bool
        Whether the connection is for us to end: False if there was one before.

    Raises
    ------
    ConfigError
        If the cluster does not answer, or does not take our token.
    MissingExtraError
        If ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _ray()
    is_ours = not ray.is_initialized()
    if is_ours:
        _check_ray_answers(address)
        ray.init(address, log_to_driver=False, configure_logging=False)
    return ray, is_ours


def _ray() -> ModuleType:
    return require("ray", extra="ray", purpose="have work done by Ray")


def _dask() -> ModuleType:
    return require("distributed", extra="dask", purpose="have work done by Dask")


def _call_on_ray(call: _Call, references: list[Any]) -> Any:
    """Do a call; the reference stands in a list, or Ray would fetch the data for each call."""
    global _held
    name = references[0].hex()
    if _held[0] != name:
        _held = ("", None)  # lets go of other data first
        _held = (name, _ray().get(references[0]))
    return call(_held[1])


def _call_on_dask(call: _Call, name: str) -> Any:
    distributed = _dask()
    holder = distributed.get_worker().plugins[name]
    if holder.data is None:
        holder.data = distributed.protocol.deserialize_bytes(holder.packed)
    return call(holder.data)


async def _result_of(answer: Any) -> Any:
    return await answer


def check_versions(wanted: Mapping[str, str], packages: tuple[str, ...]) -> None:
    """Refuse to compute what would not be the same as on the other nodes.

    Parameters
    ----------
    wanted : mapping of str to str
        What :func:`versions_here` gave on the machine that sends the work.
    packages : tuple of str
        Those it was asked for.

    Raises
    ------
    ConfigError
        If this node has another version of one of them.
    """
    found = versions_here(packages)
    for package in sorted({*found, *wanted}):
        here, there = (versions.get(package, "none") for versions in (found, wanted))
        if here != there:
            raise ConfigError(
                f"this node has {package} {here}, the machine that sends the work {there}; install "
                "the same versions on all nodes"
            )


def _check_ray_answers(address: str) -> None:
    told = _complaint("import sys, ray; ray.init(sys.argv[1], log_to_driver=False)", address)
    if told is None:
        return
    if "InvalidAuthToken" in told or "AuthenticationError" in told:
        raise ConfigError(
            f"the Ray cluster at {address!r} does not take this machine's token; set "
            "RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to the file with the cluster's token"
        )
    raise ConfigError(
        f"no Ray cluster can be used at {address!r} ({_reason(told)}); check that `ray status "
        f"--address {address}` shows it, and make this machine one of its nodes with `ray start "
        f"--address {address} --num-cpus 0`"
    )


def _check_dask_answers(address: str) -> None:
    script = "import sys, distributed; distributed.Client(sys.argv[1], timeout=60)"
    told = _complaint(script, address)
    if told is not None:
        raise ConfigError(
            f"no Dask scheduler can be used at {address!r} ({_reason(told)}); start one with `dask "
            f"scheduler`, and give the address that it prints"
        )


def _complaint(script: str, address: str) -> str | None:
    """Try an address in a process of its own, and say what that wrote if it did not succeed.

    Both packages retry for minutes, write to standard error meanwhile, and leave threads behind.
    """
    command = [sys.executable, "-P", "-c", script, address]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ANSWERS_WITHIN
        )
    except subprocess.TimeoutExpired as error:
        return (error.stderr or b"").decode("utf-8", "replace")
    return done.stderr.decode("utf-8", "replace") if done.returncode else None


def _reason(told: str) -> str:
    """Find the error at the end of what a process wrote."""
    errors = re.split(r"^(?=[\w.]*(?:Error|Exception): )", told, flags=re.MULTILINE)
    if len(errors) < 2:
        return f"no answer within {_ANSWERS_WITHIN:.0f} seconds"
    return " ".join(errors[-1].split())[:_MAX_REASON]
