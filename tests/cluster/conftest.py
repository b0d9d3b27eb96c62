"""Clusters of three nodes on this machine.

Each node is a session of processes, so that all of it can be found, and killed.
"""

from __future__ import annotations

import importlib
import importlib.util
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
TOKEN = secrets.token_hex(32)  # one for the whole process: Ray reads it once

# Reads sessions until this process ends, in whatever way, and kills what is left of them.
KEEPER = """
import os, signal, sys
sessions = {int(line) for line in sys.stdin}
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    try:
        if os.getsid(pid) in sessions:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class Node:
    """A command and all that it starts."""

    def __init__(self, log, *arguments):
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *map(str, arguments)],
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

    def __init__(self, folder, keeper):
        folder.mkdir()
        self.folder, self.keeper = folder, keeper
        self.head, self.nodes = None, []

    def fill(self):
        """Start what is not there, or not any more."""
        if self.head is None or self.head.process.poll() is not None:
            self.stop()
            self.address = self.address_of(free_port())
            self.head = self.start(self.is_head, *self.head_command())
        self.nodes = [node for node in self.nodes if node.process.poll() is None]
        while len(self.nodes) < self.n_others:
            self.nodes.append(self.start(self.is_node, *self.node_command()))

    def start(self, told, *arguments):
        node = Node(self.folder / f"log{time.monotonic_ns()}", *arguments)
        self.keeper.write(b"%d\n" % node.process.pid)
        self.keeper.flush()
        try:
            node.wait_for(told)
        except BaseException:
            node.kill()
            raise
        return node

    def stop(self):
        for node in [*self.nodes, self.head]:
            if node is not None:
                node.kill()


class RayCluster(Cluster):
    kind, n_others = "ray", N_NODES - 1
    is_head = is_node = "Ray runtime started"
    options = ("--block", "--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats")
    command = ("ray.scripts.scripts", "start", *options)

    def address_of(self, port):
        return f"127.0.0.1:{port}"

    def head_command(self):
        ports = {"port": self.address.rpartition(":")[2]}
        ports["dashboard-port"] = free_port()
        if importlib.util.find_spec("grpc"):  # else Ray has no such server, and no such port
            ports["ray-client-server-port"] = free_port()
        options = [f"--{name}={port}" for name, port in ports.items()]
        folder = f"--temp-dir={self.folder / 'head'}"
        return [*self.command, "--head", *options, "--include-dashboard=false", folder]

    def node_command(self):
        folder = f"--temp-dir={self.folder / str(time.monotonic_ns())[-6:]}"
        return [*self.command, f"--address={self.address}", folder]


class DaskCluster(Cluster):
    kind, n_others = "dask", N_NODES
    is_head, is_node = "Scheduler at", "Registered to"

    def address_of(self, port):
        return f"tcp://127.0.0.1:{port}"

    def head_command(self):
        return ["distributed.cli.dask_scheduler", "--host", self.address, "--no-dashboard"]

    def node_command(self):
        options = ["--nthreads=1", "--no-nanny", "--no-dashboard", "--host=127.0.0.1"]
        folder = f"--local-directory={self.folder}"
        return ["distributed.cli.dask_worker", *options, folder, self.address]


@pytest.fixture(scope="module")
def squares():
    """The module of this name, for this process and all that are started from here."""
    here = str(Path(__file__).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(here)
        patch.setenv("PYTHONPATH", here, prepend=os.pathsep)
        yield importlib.import_module("squares")


@pytest.fixture(scope="module")
def keeper():
    command = [sys.executable, "-c", KEEPER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:
        yield process.stdin
        process.kill()


@pytest.fixture(scope="module")
def clusters(squares, keeper):
    """Start a cluster of a kind when it is first asked for."""
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    # Short: paths of sockets lie in it.
    folder = Path(tempfile.mkdtemp(prefix="gatewise"))
    known = {kind.kind: kind(folder / kind.kind, keeper) for kind in (RayCluster, DaskCluster)}

    def get(kind):
        known[kind].fill()
        return known[kind]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", TOKEN)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield get
        for cluster in known.values():
            cluster.stop()
    shutil.rmtree(folder)
