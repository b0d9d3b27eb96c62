import ctypes
import errno
import hashlib
import json
import math
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base import files
from gatewise.base.files import (
    atomic_folder,
    atomic_open,
    json_bytes,
    remove_abandoned,
    sha256_file,
    write_bytes,
    write_json,
)

SOURCES = Path(files.__file__).parents[2]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def fill(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def stop_with(error):
    raise error


def write_half(path, error):
    with atomic_open(path) as stream:
        stream.write("half")
        stop_with(error)


def fill_half(path, error):
    with atomic_folder(path) as folder:
        fill(folder, a="half")
        stop_with(error)


# json_bytes, sha256_file


def test_json_bytes_are_stable():
    value = {"b": [1, 2.5, None, True], "a": {"ü": "日本"}}
    expected = (
        '{\n "a": {\n  "ü": "日本"\n },\n "b": [\n  1,\n  2.5,\n  null,\n  true\n ]\n}\n'.encode()
    )
    assert json_bytes(value) == expected


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcü"), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_json_bytes_read_back(value):
    assert json.loads(json_bytes(value)) == value


@given(st.dictionaries(st.text("abcdefü"), st.integers(), min_size=2), st.randoms())
def test_json_bytes_do_not_depend_on_the_order_of_keys(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert json_bytes(dict(items)) == json_bytes(value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_bytes_refuse_what_json_does_not_know(number):
    with pytest.raises(ValueError, match="JSON"):
        json_bytes({"deep": [number]})


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (2 << 20) + 7])
def test_sha256_of_a_file(tmp_path, size):
    """Sizes around the pieces it is read in."""
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(content[:size])
    assert sha256_file(tmp_path / "file") == hashlib.sha256(content[:size]).hexdigest()


# One file


def test_a_system_that_cannot_open_folders_is_spared(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_sync_path", lambda _: pytest.fail("the folder was opened"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        files._sync_folder(tmp_path)


@pytest.mark.parametrize("old", [None, "old"])
def test_a_file_appears_when_the_block_ends(tmp_path, old):
    path = tmp_path / "file"
    if old is not None:
        path.write_text(old)
    with atomic_open(path) as stream:
        stream.write("new")
        stream.flush()
        assert (path.read_text() if path.exists() else None) == old
    assert path.read_text() == "new"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
def test_of_a_link_the_file_that_it_leads_to_is_replaced(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = tmp_path / "link.csv"
    link.symlink_to(folder / "real.csv")
    for content in (b"first", b"second"):  # the first time it leads nowhere
        write_bytes(link, content)
        assert link.is_symlink()
        assert (folder / "real.csv").read_bytes() == content
    assert [file.name for file in folder.iterdir()] == ["real.csv"]


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text, "utf-8")
        with atomic_open(pipe) as stream:
            stream.write("answers")
        assert read.result(10) == "answers"
    assert pipe.is_fifo()
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]


def test_text_is_utf8_and_options_are_passed_on(tmp_path):
    with atomic_open(tmp_path / "text", newline="\r\n") as stream:
        stream.write("ü\n")
    assert (tmp_path / "text").read_bytes() == b"\xc3\xbc\r\n"
    with atomic_open(tmp_path / "latin", encoding="latin-1") as stream:
        stream.write("ü")
    assert (tmp_path / "latin").read_bytes() == b"\xfc"


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), SystemExit(3)])
def test_the_old_file_stays_if_the_block_raises(tmp_path, error):
    path = fill(tmp_path, file="old") / "file"
    with pytest.raises(type(error)):
        write_half(path, error)
    assert contents(tmp_path) == {"file": "old"}


def test_no_file_appears_if_the_block_raises(tmp_path):
    with pytest.raises(ValueError, match="bad"):
        write_half(tmp_path / "file", ValueError("bad"))
    assert names_in(tmp_path) == []


def test_the_old_file_stays_if_the_disk_refuses(tmp_path, monkeypatch):
    path = fill(tmp_path, file="old") / "file"
    monkeypatch.setattr(os, "fsync", lambda _: stop_with(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"), atomic_open(path) as stream:
        stream.write("new")
    assert contents(tmp_path) == {"file": "old"}


def test_content_is_on_disk_before_the_name_changes_and_the_name_after(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace

    def noting_fsync(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("sync folder" if is_folder else "sync file")
        fsync(descriptor)

    def noting_replace(source, target):
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    write_bytes(tmp_path / "file", b"new")
    assert steps == ["sync file", "rename", "sync folder"]


def test_two_writers_of_one_name_do_not_mix(tmp_path):
    path = tmp_path / "file"
    with atomic_open(path) as first, atomic_open(path) as second:
        first.write("first" * 1000)
        second.write("second")
    assert path.read_text() == "first" * 1000  # the outer block ends last
    assert names_in(tmp_path) == ["file"]


def test_write_bytes_and_write_json(tmp_path):
    write_bytes(tmp_path / "bytes", b"\0\xff")
    assert (tmp_path / "bytes").read_bytes() == b"\0\xff"
    write_json(tmp_path / "json", {"b": 1, "a": 2})
    assert (tmp_path / "json").read_bytes() == b'{\n "a": 2,\n "b": 1\n}\n'


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = fill(tmp_path, file="old") / "file"
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, math.nan)
    assert contents(tmp_path) == {"file": "old"}


# A folder


@pytest.fixture(params=["exchange", "two renames"])
def way(request, monkeypatch):
    """Replace a folder by one exchange of names, and by two renames where there is none."""
    if request.param == "two renames":
        monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    elif not sys.platform.startswith("linux"):
        pytest.skip("this system cannot exchange two names")
    return request.param


def test_a_folder_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "parent" / "model"
    with atomic_folder(path) as folder:
        fill(folder, a="1")
        fill(folder / "deep", b="2")
        assert not path.exists()
    assert (path / "a").read_text() == "1"
    assert contents(path / "deep") == {"b": "2"}
    assert names_in(path.parent) == ["model"]


@pytest.mark.usefixtures("way")
def test_an_old_folder_is_replaced_whole(tmp_path):
    path = fill(tmp_path / "model", a="old", gone="old")
    with atomic_folder(path) as folder:
        fill(folder, a="new")
        assert contents(path) == {"a": "old", "gone": "old"}
    assert contents(path) == {"a": "new"}
    assert names_in(tmp_path) == ["model"]


@pytest.mark.usefixtures("way")
def test_an_old_folder_stays_if_the_block_raises(tmp_path):
    path = fill(tmp_path / "model", a="old")
    with pytest.raises(ValueError, match="bad"):
        fill_half(path, ValueError("bad"))
    assert contents(path) == {"a": "old"}
    assert names_in(tmp_path) == ["model"]


def test_the_exchange_is_one_step(tmp_path, monkeypatch):
    """No rename is used, so that there is no moment without a folder of that name."""
    if not sys.platform.startswith("linux"):
        pytest.skip("this system cannot exchange two names")
    path = fill(tmp_path / "model", a="old")
    monkeypatch.setattr(os, "rename", lambda *_: pytest.fail("a rename was used"))
    with atomic_folder(path) as folder:
        fill(folder, a="new")
    assert contents(path) == {"a": "new"}


def test_with_two_renames_the_old_folder_lies_beside_in_between(tmp_path, monkeypatch):
    path = fill(tmp_path / "model", a="old")
    rename, seen = os.rename, []

    def watching_rename(source, target):
        seen.append([contents(folder) for folder in sorted(tmp_path.iterdir())])
        rename(source, target)

    monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    monkeypatch.setattr(os, "rename", watching_rename)
    with atomic_folder(path) as folder:
        fill(folder, a="new")
    assert len(seen) == 2
    assert all({"a": "old"} in moment and {"a": "new"} in moment for moment in seen)
    assert contents(path) == {"a": "new"}
    assert names_in(tmp_path) == ["model"]


def test_other_systems_do_not_try_the_exchange(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: pytest.fail("the C library was asked"))
    assert files._exchange(tmp_path / "a", tmp_path / "b") is False


def test_a_c_library_without_the_call(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert files._exchange(tmp_path / "a", tmp_path / "b") is False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a call of Linux")
def test_an_exchange_that_the_file_system_refuses(tmp_path):
    fill(tmp_path / "a", x="1")
    assert files._exchange(tmp_path / "a", tmp_path / "missing") is False
    assert contents(tmp_path / "a") == {"x": "1"}


# Killed


def run_and_kill(code):
    """Run code that ends by SIGKILL: no handler, no finally, no flush."""
    script = f"import os, signal\nfrom pathlib import Path\nfrom gatewise.base import files\n{code}"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


killable = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")


@killable
def test_the_old_file_stays_if_the_process_is_killed_in_the_block(tmp_path):
    path = fill(tmp_path, file="old") / "file"
    run_and_kill(f"""
with files.atomic_open(Path({str(path)!r})) as stream:
    stream.write("half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
""")
    assert path.read_text() == "old"
    (left,) = set(names_in(tmp_path)) - {"file"}
    assert left.startswith(".file.")
    assert left.endswith(".tmp")
    assert (tmp_path / left).read_text() == "half"  # it was killed inside the block indeed


@killable
def test_the_old_folder_stays_if_the_process_is_killed_in_the_block(tmp_path):
    path = fill(tmp_path / "model", a="old")
    run_and_kill(f"""
with files.atomic_folder(Path({str(path)!r})) as folder:
    (folder / "a").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
""")
    assert contents(path) == {"a": "old"}
    assert len(names_in(tmp_path)) == 2


@killable
def test_the_new_folder_stands_if_the_process_is_killed_after_the_exchange(tmp_path):
    path = fill(tmp_path / "model", a="old")
    run_and_kill(f"""
files.shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
with files.atomic_folder(Path({str(path)!r})) as folder:
    (folder / "a").write_text("new")
""")
    assert contents(path) == {"a": "new"}


@killable
def test_after_a_kill_the_next_write_works(tmp_path):
    path = tmp_path / "file"
    run_and_kill(f"""
with files.atomic_open(Path({str(path)!r})) as stream:
    os.kill(os.getpid(), signal.SIGKILL)
""")
    assert not path.exists()
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


# What would have been lost silently


def test_only_whole_files_are_written(tmp_path):
    with pytest.raises(ValueError, match="'w' or 'wb'"), atomic_open(tmp_path / "a", "a"):
        pass
    assert names_in(tmp_path) == []


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o600)
    write_bytes(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_folder_does_not_replace_something_else(tmp_path, kind):
    target = tmp_path / "target"
    if kind == "file":
        target.write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    before = names_in(tmp_path)
    with pytest.raises(NotADirectoryError), atomic_folder(target):
        pass
    assert names_in(tmp_path) == before


def test_the_old_folder_comes_back_if_the_second_rename_fails(tmp_path, monkeypatch):
    target = tmp_path / "target"
    fill(target, old="1")
    monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    rename = os.rename
    n_calls = 0

    def failing(source, destination):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:
            raise OSError("disk full")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(OSError, match="disk full"), atomic_folder(target) as folder:
        fill(folder, new="2")
    assert contents(target) == {"old": "1"}
    assert names_in(tmp_path) == ["target"]


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    def fail(error):
        with atomic_open(tmp_path / "new.csv"):
            raise error

    with pytest.raises(OSError, match="No space") as told:
        fail(OSError(errno.ENOSPC, "No space left on device"))
    assert told.value.filename == str(tmp_path / "new.csv")
    with pytest.raises(OSError, match="No space") as told:
        fail(OSError(errno.ENOSPC, "No space left on device", "another"))
    assert told.value.filename == "another"


def make_old(path):
    os.utime(path, (path.stat().st_mtime - 60,) * 2)


def test_what_a_killed_writer_left_is_removed_and_that_of_one_at_work_is_not(tmp_path):
    pytest.importorskip("fcntl", reason="this system has no such locks")
    target = tmp_path / "answers.csv"
    code = (
        "import os, pathlib, signal, sys; from gatewise.base.files import atomic_open\n"
        "with atomic_open(pathlib.Path(sys.argv[1])) as stream:\n"
        "    stream.write('half'); stream.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    (left,) = tmp_path.iterdir()
    remove_abandoned(target)
    assert left.exists()  # so young that its writer may not have come to lock it
    make_old(left)
    with atomic_open(target) as stream:
        at_work = Path(stream.name)
        make_old(at_work)
        other = tmp_path / ".other.csv.0123456789ab.tmp"
        other.touch()
        make_old(other)
        remove_abandoned(target)
        assert set(tmp_path.iterdir()) == {at_work, other}
        stream.write("whole")
    assert target.read_text("utf-8") == "whole"


def test_a_file_on_its_way_to_its_place_is_not_taken_for_abandoned(tmp_path, monkeypatch):
    pytest.importorskip("fcntl", reason="this system has no such locks")
    target, replace = tmp_path / "answers.csv", os.replace

    def slowly(source, destination):
        make_old(source)
        remove_abandoned(target)
        replace(source, destination)

    monkeypatch.setattr(os, "replace", slowly)
    with atomic_open(target) as stream:
        stream.write("whole")
    assert target.read_text("utf-8") == "whole"
    assert names_in(tmp_path) == ["answers.csv"]


def test_where_there_are_no_locks_nothing_is_taken_for_abandoned(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    target = tmp_path / "answers.csv"
    with atomic_open(target) as stream:
        make_old(Path(stream.name))
        remove_abandoned(target)
        stream.write("whole")
    assert names_in(tmp_path) == ["answers.csv"]
    remove_abandoned(tmp_path / "nowhere" / "answers.csv")
