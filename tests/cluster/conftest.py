"""Clusters of three nodes on this machine.

Each node is a session of processes, so that all of it can be found, and killed.
"""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

N_NODES = 3
PATIENCE = 60.0  # seconds


class Node:
    """A command and all that it starts."""

    def __init__(self, log, *arguments, environment=()):
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *map(str, arguments)],
                env={**os.environ, **dict(environment)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                start_new_session=True,
            )

    def pids(self):
        found = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
        return [pid for pid in found if is_alive(pid, self.process.pid)]

    def wait_for(self, told):
        deadline = time.monotonic() + PATIENCE
        while told not in (text := self.log.read_text(errors="replace")):
            assert self.process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.05)
        return self

    def kill(self):
        while pids := self.pids():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)
        self.process.wait()


def is_alive(pid, session):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    state, _, _, of_session, *_ = stat.rpartition(")")[2].split()
    return int(of_session) == session and state != "Z"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Cluster:
    """A first node that must live, and others that need not."""

    def __init__(self, folder):
        self.folder = folder
        self.nodes = []
        self.head = self.start_head()

    def fill(self):
        if self.head.process.poll() is not None:
            self.stop()
            self.head = self.start_head()
        self.nodes = [node for node in self.nodes if node.process.poll() is None]
        while len(self.nodes) < self.n_others:
            self.nodes.append(self.start_node(self.folder / f"log{time.monotonic_ns()}"))

    def stop(self):
        for node in [*self.nodes, self.head]:
            node.kill()


class RayCluster(Cluster):
    kind, n_others = "ray", N_NODES - 1
    options = ("--block", "--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats")
    start = ("ray.scripts.scripts", "start", *options)

    def start_head(self):
        self.address = f"127.0.0.1:{free_port()}"
        ports = {"port": self.address.partition(":")[2]}
        ports |= {name: free_port() for name in ("ray-client-server-port", "dashboard-port")}
        options = [f"--{name}={port}" for name, port in ports.items()]
        options += ["--include-dashboard=false", f"--temp-dir={self.folder / 'head'}"]
        head = Node(self.folder / "log", *self.start, "--head", *options)
        return head.wait_for("Ray runtime started")

    def start_node(self, log):
        options = [f"--address={self.address}", f"--temp-dir={self.folder / log.name[-6:]}"]
        return Node(log, *self.start, *options).wait_for("Ray runtime started")


class DaskCluster(Cluster):
    kind, n_others = "dask", N_NODES

    def start_head(self):
        self.address = f"tcp://127.0.0.1:{free_port()}"
        options = ["--host", self.address, "--no-dashboard"]
        head = Node(self.folder / "log", "distributed.cli.dask_scheduler", *options)
        return head.wait_for("Scheduler at")

    def start_node(self, log):
        options = ["--nthreads=1", "--no-nanny", "--no-dashboard", "--host=127.0.0.1"]
        options += [f"--local-directory={self.folder}", self.address]
        return Node(log, "distributed.cli.dask_worker", *options).wait_for("Registered to")


@pytest.fixture(scope="module")
def squares():
    """The module of this name, for this process and all that are started from here."""
    here = str(Path(__file__).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(here)
        patch.setenv("PYTHONPATH", here, prepend=os.pathsep)
        yield importlib.import_module("squares")


@pytest.fixture(scope="module")
def clusters(squares):
    """Start a cluster of a kind when it is first asked for."""
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    # Short: paths of sockets lie in it.
    folder = Path(tempfile.mkdtemp(prefix="gatewise"))
    started = {}

    def get(kind):
        if kind not in started:
            place = folder / kind
            place.mkdir()
            started[kind] = {"ray": RayCluster, "dask": DaskCluster}[kind](place)
        started[kind].fill()
        return started[kind]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield get
        for cluster in started.values():
            cluster.stop()
    shutil.rmtree(folder)
