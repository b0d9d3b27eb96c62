"""A search that is killed again and again ends with the bytes of one that was left alone."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

OPTIONS = "--text msg --label queue --units 4,6 --layers 1 --folds 2 --workers 2 --epochs 2 "
OPTIONS += "--word-dimension 8 --ngram-dimension 4 --projection 0 --word2vec-passes 2 "
OPTIONS += "--batch-size 16"
N_KILLS = 2
N_RECORDS = 120
PATIENCE = 180.0  # seconds

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill so"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory, make_tickets):
    path = tmp_path_factory.mktemp("data") / "train.csv"
    texts, labels = make_tickets(N_RECORDS)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("msg", "queue"), *zip(texts, labels, strict=True)])
    return path


def begin(data, out, *, limit=None):
    command = [sys.executable, "-m", "gatewise", "tune", str(data), "--out", str(out)]
    command += OPTIONS.split()
    if limit is not None:
        command += ["--workers=1"]
        command = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "bash", *command]
    return subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process):
    printed, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    return printed


def contents(out):
    """Read all that a search leaves, without the seconds that it took."""
    found = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted([out / "oof.parquet", out / "summary.json", *(out / "model").iterdir()])
    }
    rows = json.loads((out / "results.json").read_bytes())
    for row in rows:
        del row["seconds"]
        for fold in row["folds"]:
            del fold["seconds"]
    for path in sorted((out / "ledger").iterdir()):
        entry = json.loads(path.read_bytes())
        for name in ("seconds", "token_seconds", "companion_seconds"):
            del entry["result"][name]
        del entry["checksum"]
        found[path.name] = json.dumps(entry, sort_keys=True).encode()
    # Which candidate is the quickest is a matter of seconds.
    summary = json.loads(found.pop("summary.json"))
    return {**found, "results.json": rows, "summary.json": {**summary, "fastest": ""}}


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """What a search ends with, and how long it takes."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    started = time.monotonic()
    finish(begin(data, out))
    return contents(out), time.monotonic() - started


def test_kills_at_any_moment_change_nothing(undisturbed, data, tmp_path):
    expected, seconds = undisturbed
    generator, out = random.Random(0), tmp_path / "run"
    killed = 0
    for number in range(N_KILLS):
        process = begin(data, out)
        if number == 0:  # however fast the machine has become since: this one is hit at work
            _wait_for(lambda: any(out.glob("ledger/*.begun")))
        try:
            process.wait(generator.uniform(0.2, 1.0) * seconds if number else 0.0)
        except subprocess.TimeoutExpired:
            # Sometimes the workers with it, sometimes they are left to find out by themselves.
            whom = process.pid if generator.random() < 0.5 else -process.pid
            os.kill(whom, signal.SIGKILL)
            killed += 1
        process.communicate()
    assert killed > 0
    finish(begin(data, out))
    assert contents(out) == expected
    left = [path.name for path in out.rglob(".*.tmp")]
    assert all(name.startswith(".") for name in left)


def test_somebody_stops_it_and_goes_on(undisturbed, data, tmp_path):
    out = tmp_path / "run"
    process = begin(data, out)
    _wait_for(lambda: any(out.glob("ledger/*.begun")))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, told
    assert told.splitlines()[-1] == "gatewise: stopped"
    assert "to go on, type the same command" in told
    assert "Traceback" not in told
    _wait_for(lambda: not _is_alive(process.pid))
    finish(begin(data, out))
    assert contents(out) == undisturbed[0]


def test_a_disk_that_takes_no_more_ends_it_in_one_line(data, tmp_path):
    process = begin(data, tmp_path / "run", limit=2)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, told
    assert "Traceback" not in told
    assert told.splitlines()[-1].startswith(f"gatewise: {tmp_path / 'run' / 'ledger'}")
    assert "File too large" in told.splitlines()[-1]


def _wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(group):
    """Say whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
