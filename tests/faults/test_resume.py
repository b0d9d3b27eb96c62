"""A training that is killed again and again ends with the bytes of one that was left alone."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest

OPTIONS = "--text msg --label queue --units 8 --word-dimension 16 --ngram-dimension 4 "
OPTIONS += "--projection 0 --word2vec-passes 3 --batch-size 8 --epochs 8 --final-epochs 6 "
OPTIONS += "--patience 0"
N_RECORDS = 300
PATIENCE = 120.0  # seconds

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


def begin(data, out, *more):
    command = [sys.executable, "-m", "gatewise", "train", data, "--out", out, *OPTIONS.split()]
    return subprocess.Popen(
        [*command, *more],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    return told


def kill_when(process, condition, number=signal.SIGKILL, status=-signal.SIGKILL):
    """Kill a process as soon as a condition holds; by itself with no chance to tidy up."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == status, f"it had ended by itself: {told}"
    return told


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def changed(path, n_times):
    """Make a condition: a file was replaced so often since then."""
    seen = {_identity(path)}

    def condition():
        seen.add(_identity(path))
        return len(seen) > n_times

    return condition


def _identity(path):
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "model"
    finish(begin(data, out))
    return contents(out)


def test_kills_at_every_stage_leave_no_trace(data, undisturbed, tmp_path):
    out = tmp_path / "model"
    checkpoint = tmp_path / "model.checkpoint"
    training = checkpoint / "training.safetensors"

    kill_when(begin(data, out), (checkpoint / "word vectors.safetensors").exists)
    kill_when(begin(data, out, "--resume"), training.exists)  # after the first epoch
    first = training.read_bytes()
    told = kill_when(begin(data, out, "--resume"), changed(training, 3), signal.SIGTERM, 143)
    assert f"the same command with --resume goes on from {checkpoint}\ngatewise: stopped\n" in told
    assert training.read_bytes() != first
    kill_when(begin(data, out, "--resume"), (checkpoint / "last epochs.safetensors").exists)
    assert not out.exists()

    finish(begin(data, out, "--resume"))
    assert contents(out) == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_kill_while_saving_keeps_the_old_model(data, undisturbed, tmp_path):
    out = tmp_path / "model"
    finish(begin(data, out, "--epochs", "1", "--final-epochs", "0"))
    old = contents(out)
    assert old != undisturbed

    kill_when(begin(data, out), lambda: any(tmp_path.glob(".model.*.tmp/weights.safetensors")))
    assert contents(out) in (old, undisturbed)
    finish(begin(data, out, "--resume"))
    assert contents(out) == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
