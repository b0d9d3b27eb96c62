from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from gatewise.base.errors import ConfigError
from gatewise.selection.workers import Engine, open_workers


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"workers": 2.5}, "workers is 2.5"),
        ({"kind": "spark"}, "engine is 'spark'"),
        ({"address": "here:1"}, "the address 'here:1' is of a cluster"),
        ({"kind": "ray"}, "the engine 'ray' needs the address"),
    ],
)
def test_what_is_no_engine(settings, told):
    with pytest.raises(ConfigError, match=f"^{told}"):
        Engine(**settings)


def test_each_process_is_handed_the_data_once():
    with open_workers(Engine(workers=2), ["the data"]) as workers:
        places = {workers.submit(place).result() for _ in range(6)}
        assert len(places) <= 2
        pid, _ = places.pop()
        workers.renew()
        assert workers.submit(place).result()[0] != pid


def test_ended_at_once_with_much_to_do(monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", told.append)

    def give_up():
        with open_workers(Engine(workers=2), None) as workers:
            futures = [workers.submit(nothing) for _ in range(2000)]
            futures[5].result()
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            give_up()
    assert told == []


def nothing(data):
    return data


def place(data):
    assert data == ["the data"]
    return os.getpid(), id(data)


SCRIPT = """
import pathlib, sys, time
from gatewise.selection.workers import Engine, open_workers

def work(data):
    import os, pathlib, time
    pathlib.Path(data).write_text(str(os.getpid()))
    time.sleep(60)

with open_workers(Engine(), sys.argv[1]) as workers:
    workers.submit(work).result()
"""


def test_processes_end_with_the_one_that_started_them(tmp_path):
    """Killed, it cannot tell them; and nobody else would ever end them."""
    path = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)])
    try:
        pid = _wait_for(lambda: path.exists() and path.read_text())
        parent.kill()
        parent.wait()
        _wait_for(lambda: not _is_running(int(pid)))
    finally:
        parent.kill()


def _wait_for(found):
    for _ in range(300):
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError("it never came")


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
