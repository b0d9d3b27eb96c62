"""The command line as a whole: help, version, failures."""

import errno
import gc
import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from gatewise import __version__
from gatewise.cli import failures, garbage, info, main

COMMANDS = ["demo", "train", "evaluate", "predict", "replay", "info", "neighbours", "export"]
HEAVY = ["torch", "sklearn", "gensim", "pyarrow", "scipy"]

PRINT_HELP = f"""
import json, sys
from typer.testing import CliRunner
from gatewise.cli.main import app
asked = [[], ["--help"], ["--version"], *([name, "--help"] for name in {COMMANDS!r})]
results = [CliRunner().invoke(app, words) for words in asked]
loaded = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps([[result.exit_code for result in results], loaded]))
"""


def python(*arguments, **options):
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env=environment,
        **options,
    )


def test_help_loads_nothing_heavy():
    codes, loaded = json.loads(python("-c", PRINT_HELP).stdout)
    assert codes[1:] == [0] * (len(COMMANDS) + 2)
    assert loaded == []


def test_the_package_runs_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["anything", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("gatewise", run_name="__main__")
    assert ended.value.code in (0, None)
    assert capsys.readouterr().out == f"gatewise {__version__}\n"


def test_the_same_in_a_process_of_its_own():
    assert python("-m", "gatewise", "--version").stdout == f"gatewise {__version__}\n"
    assert python("-c", "import gatewise.__main__").stdout == ""


def test_no_time_is_lost_on_the_libraries_objects_at_the_end():
    program = """
        import atexit, gc, sys
        atexit.register(lambda: print(gc.get_freeze_count() > 0, gc.get_threshold()[0]))
        from gatewise.cli.main import run
        sys.argv = ["gatewise", "--version"]
        run()
    """
    said = python("-c", textwrap.dedent(program)).stdout.splitlines()
    assert said[-1] == "True 100000", said  # functions of the end run the last one first


def test_a_server_looks_for_garbage_as_ever(monkeypatch):
    before = gc.get_threshold()
    monkeypatch.setattr(garbage.atexit, "register", lambda call: None)
    garbage.look_seldom()
    assert gc.get_threshold()[0] == 100_000
    garbage.look_as_ever()
    assert gc.get_threshold() == garbage._AS_EVER
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("OMP_WAIT_POLICY", None, "PASSIVE"),
        ("OMP_WAIT_POLICY", "ACTIVE", "ACTIVE"),
    ],
)
def test_libraries_are_set_unless_the_user_did(name, given, kept):
    environment = {**os.environ, name: given or ""}
    if given is None:
        del environment[name]
    program = (
        "import os; from gatewise.cli import main; main.app = lambda **_: None; main.run(); "
        f"print(os.environ[{name!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == kept, done.stderr


def test_help_names_all_commands(gatewise):
    told = gatewise("--help").stdout
    assert all(re.search(rf"\b{name}\b", told) for name in COMMANDS)
    assert gatewise("-h").stdout == told


def test_an_unknown_command_is_a_mistake_of_the_user(gatewise):
    assert gatewise("trian x").exit_code == 2


@pytest.mark.parametrize("name", ["train", "evaluate", "info", "neighbours", "demo"])
def test_a_missing_package_is_named_with_what_to_type(fails, monkeypatch, name, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    arguments = {"train": "x --out y", "evaluate": "m x", "neighbours": "m w"}
    arguments |= {"info": "m", "demo": f"--out {tmp_path}/m"}
    told = fails(f"{name} {arguments[name]}")
    assert told.startswith("torch is needed to ")
    assert told.endswith("type: pip install 'gatewise[train]'")


# What goes wrong, by way of a command that does nothing else


@pytest.fixture
def raising(monkeypatch, gatewise):
    """Let `gatewise info` raise an error."""

    def run(error):
        def fail(purpose):
            raise error

        monkeypatch.setattr(info, "require_training", fail)
        return gatewise("info m")

    return run


def test_an_interrupt_is_one_line(raising):
    result = raising(KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (130, "gatewise: stopped\n")


@pytest.fixture
def sigterm():
    """Give SIGTERM back what it does, at the end."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there SIGTERM ends a process at once")
def test_sigterm_ends_a_command_as_an_interrupt_does(monkeypatch, gatewise, sigterm):
    def wait(purpose):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    failures.heed_sigterm()
    monkeypatch.setattr(info, "require_training", wait)
    result = gatewise("info m")
    assert (result.exit_code, result.stderr) == (143, "gatewise: stopped\n")


def test_a_reader_that_has_gone_is_no_error(raising):
    result = raising(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert (result.exit_code, result.output) == (1, "")


def test_a_full_disk_is_one_line_with_the_name_of_the_file(raising):
    temporary = os.path.join("folder", ".out.csv.0123456789ab.tmp")
    result = raising(OSError(errno.ENOSPC, "No space left on device", temporary))
    path = os.path.join("folder", "out.csv")
    assert result.exit_code == 2
    assert result.stderr == (
        f"gatewise: {path} cannot be read or written (No space left on device); check the path, "
        "its permissions, and the room on the disk\n"
    )


def test_an_error_of_the_system_without_a_name(raising):
    result = raising(OSError("strange"))
    assert result.exit_code == 2
    assert result.stderr.startswith("gatewise: the output cannot be written (strange)")


def test_a_message_is_one_line_without_controls(raising):
    result = raising(failures.GatewiseError("one\n  two\x1b[31m\rthree \u202eruof"))
    assert result.stderr == "gatewise: one two\ufffd[31m three \ufffdruof\n"


def test_a_defect_is_not_hidden(raising):
    with pytest.raises(pytest.fail.Exception, match="ZeroDivisionError"):
        raising(ZeroDivisionError())


def test_what_was_not_written_goes_nowhere(monkeypatch, tmp_path):
    with (tmp_path / "out.txt").open("w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        stream.write("too late")
        failures._close_output()
    assert (tmp_path / "out.txt").read_text() == ""


def test_streams_that_cannot_be_set_up_are_taken_as_they_are(monkeypatch, sigterm):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setattr(main, "app", lambda **options: sys.stdout.write("ran\n"))
    main.run()
    assert sys.stdout.getvalue() == "ran\n"


# In a process of its own


def test_an_interrupt_before_a_command_began(monkeypatch, sigterm):
    def interrupt(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "app", interrupt)
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 130


@pytest.mark.skipif(sys.platform == "win32", reason="there SIGTERM ends a process at once")
def test_sigterm_before_a_command_began(monkeypatch, sigterm):
    def terminate(**options):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    monkeypatch.setattr(main, "app", terminate)
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 143


def predicting(model, labelled):
    command = [sys.executable, "-m", "gatewise", "predict", "--text", "msg"]
    return [*command, model, labelled / "test.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="there SIGTERM ends a process at once")
def test_sigterm_leaves_no_half_written_file(model, labelled, tmp_path):
    command = [*predicting(model, labelled)[:-1], "-", "--out", tmp_path / "answers.csv"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    with process:
        process.stdin.write("msg\n" + "my card is stuck\n" * 5000)
        process.stdin.flush()  # and more to come
        deadline = time.monotonic() + 60
        while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.terminate()
        told = process.stderr.read()
    assert (process.returncode, told.splitlines()[-1]) == (143, "gatewise: stopped")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_standard_output_on_a_full_disk(model, labelled):
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            predicting(model, labelled),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(
        "gatewise: the output cannot be written (No space left on device)"
    )


def test_a_pipe_that_is_closed_early(model, labelled):
    process = subprocess.Popen(
        predicting(model, labelled),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=120) == 1
    assert told == ""


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("--bogus", "no such option: --bogus; gatewise --help"),
        ("trian", "no such command 'trian'"),
        ("train", "missing argument 'DATA'; "),
        ("train x.csv --out m --units many", "invalid value for '--units': "),
        ("predict m x.csv --bogus 1", "no such option: --bogus"),
        ("predict m x.csv --top", "option '--top' requires an argument; "),
    ],
)
def test_what_cannot_be_typed_is_one_sentence(gatewise, typed, told):
    result = gatewise(typed)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"gatewise: {told}")
    assert result.stderr.count("\n") == 1
    assert "--help tells what can be typed" in result.stderr
    assert "unable to parse" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="by a shell")
@pytest.mark.parametrize(
    ("command", "closed", "status", "told"),
    [
        ("predict nowhere -", "<&-", 2, "gatewise: standard input is empty"),
        ("--help", ">&-", 2, "gatewise: the output cannot be written (Bad file"),
        ("predict --help", ">&-", 2, "gatewise: the output cannot be written (Bad file"),
        ("predict nowhere nothing.csv", "2>&-", 2, ""),
    ],
)
def test_a_standard_stream_that_is_closed(command, closed, status, told):
    words = [sys.executable, "-m", "gatewise", *command.split()]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *words], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith(told)
    assert len(done.stderr.splitlines()) == bool(told)
