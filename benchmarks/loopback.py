"""Ray nodes on this machine, each a session of processes, so that all of one can be killed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Loopback", "Node", "ray_nodes"]

_STARTED = "Ray runtime started"
_WORKERS = (b"ray::_call_on_ray", b"ray::IDLE")
_STORE = 80_000_000  # bytes
_PATIENCE = 120.0  # seconds
_ATTEMPTS = 3


class _NotStartedError(RuntimeError):
    """Ray says that it cannot."""


@dataclass
class Node:
    """A node and all processes that it starts."""

    process: subprocess.Popen[bytes]
    log: Path

    def pids(self) -> list[int]:
        """List its processes."""
        found = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
        return [pid for pid in found if _session(pid) == self.process.pid]

    def workers(self) -> list[int]:
        """List those that do the work, or wait for it; not those that the node itself needs."""
        return [pid for pid in self.pids() if _command(pid).startswith(_WORKERS)]

    def wait(self) -> None:
        """Wait until it says that it runs."""
        deadline = time.monotonic() + _PATIENCE
        while _STARTED not in (told := self.log.read_text(errors="replace")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise _NotStartedError(f"a node of Ray does not start: {told[-500:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill all of it."""
        while pids := self.pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        self.process.wait()


@dataclass
class Loopback:
    """A head that computes nothing, and nodes with one processor each."""

    folder: Path
    address: str
    head: Node
    nodes: list[Node] = field(default_factory=list)

    def fill(self, n_nodes: int) -> None:
        """Start nodes until there are so many."""
        self.nodes = [node for node in self.nodes if node.process.poll() is None]
        while len(self.nodes) < n_nodes:
            number = str(time.monotonic_ns())[-6:]
            words = [f"--address={self.address}", "--num-cpus=1"]
            self.nodes.append(_start(self.folder / number, words))


@contextlib.contextmanager
def ray_nodes(n_nodes: int) -> Iterator[Loopback]:
    """Have a Ray cluster for as long as the block runs.

    Parameters
    ----------
    n_nodes : int
        Nodes with one processor each, beside a head without any.

    Yields
    ------
    Loopback
    """
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory(prefix="gw", ignore_cleanup_errors=True) as name:
        address = f"127.0.0.1:{_free_port()}"
        words = ["--head", f"--port={address.rpartition(':')[2]}", "--num-cpus=0"]
        words += [f"--dashboard-port={_free_port()}", "--include-dashboard=false"]
        if importlib.util.find_spec("grpc"):  # else Ray has no such server
            words.append(f"--ray-client-server-port={_free_port()}")
        cluster = Loopback(Path(name), address, _start(Path(name) / "head", words))
        try:
            cluster.fill(n_nodes)
            yield cluster
        finally:
            for node in [*cluster.nodes, cluster.head]:
                node.kill()


def _start(folder: Path, words: list[str]) -> Node:
    """Start a node; on a busy machine Ray itself gives up now and then."""
    for number in range(_ATTEMPTS - 1):
        with contextlib.suppress(_NotStartedError):
            return _started(folder.with_name(f"{folder.name}{number}"), words)
    return _started(folder, words)


def _started(folder: Path, words: list[str]) -> Node:
    log = folder.with_suffix(".log")
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *words]
    command += [f"--object-store-memory={_STORE}", "--disable-usage-stats", f"--temp-dir={folder}"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder.parent,
            start_new_session=True,
        )
    node = Node(process, log)
    try:
        node.wait()
    except BaseException:
        node.kill()
        raise
    return node


def _session(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, _, _, session, *_ = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(session)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
