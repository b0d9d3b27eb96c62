from __future__ import annotations

import json
import random
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError
from gatewise.selection.ledger import Ledger, Unit, check_run_folder, open_ledger

ABOUT = {"data": "abc", "question": "sizes", "folds": 5}
UNITS = [Unit({"units": units, "fold": fold}) for units in (8, 16) for fold in range(3)]
RESULT = {"accuracy": 0.1 + 0.2, "labels": ["ä", "b"], "values": [1, 2.5, None]}


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path / "run", ABOUT) as found:
        yield found


def file_of(ledger, unit):
    return ledger.folder / "ledger" / f"{unit.key}.json"


def test_a_result_comes_back(ledger):
    assert ledger.find(UNITS[0]) is None
    ledger.keep(UNITS[0], RESULT)
    assert ledger.find(UNITS[0]) == RESULT
    assert ledger.find(UNITS[1]) is None
    assert ledger.rejected == {}


def test_what_is_missing_is_told_in_order(ledger):
    ledger.keep(UNITS[1], 1)
    ledger.keep(UNITS[4], 2)
    assert ledger.missing(UNITS) == [UNITS[0], UNITS[2], UNITS[3], UNITS[5]]
    assert [ledger.has_file(unit) for unit in UNITS].count(True) == 2


def test_the_next_run_finds_what_the_last_one_kept(tmp_path):
    with open_ledger(tmp_path / "run", ABOUT) as first:
        first.keep(UNITS[0], RESULT)
    with open_ledger(tmp_path / "run", dict(reversed(ABOUT.items()))) as second:
        assert second.find(UNITS[0]) == RESULT


facts = st.dictionaries(
    st.sampled_from("abcd"),
    st.one_of(st.integers(), st.text(), st.none(), st.booleans()),
    max_size=4,
)


@given(facts, facts)
def test_equal_facts_make_equal_keys_and_others_do_not(first, second):
    def plain(facts):
        return json.dumps(facts, sort_keys=True)

    assert (Unit(first).key == Unit(second).key) is (plain(first) == plain(second))
    assert Unit(first).key == Unit(dict(reversed(first.items()))).key


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "torn"),
        (b"\x80\x04.", "torn"),
        (b"[" * 100_000, "torn"),
        (b"5", "another form"),
        (b'{"key": 1}', "another form"),
        (b'{"key": 1, "facts": 2, "result": 3, "checksum": 4}', "checksum"),
    ],
)
def test_a_file_that_is_no_result_is_done_again(ledger, content, reason):
    file_of(ledger, UNITS[0]).write_bytes(content)
    assert ledger.missing(UNITS) == UNITS
    assert reason in ledger.rejected[f"{UNITS[0].key}.json"]
    ledger.keep(UNITS[0], RESULT)
    assert ledger.find(UNITS[0]) == RESULT


def test_every_torn_or_changed_file_is_seen(ledger):
    ledger.keep(UNITS[0], RESULT)
    path, generator = file_of(ledger, UNITS[0]), random.Random(0)
    content = path.read_bytes()
    for _ in range(300):
        changed = bytearray(content)
        if generator.random() < 0.5:
            changed = changed[: generator.randrange(len(content) - 1)]
        else:
            changed[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(changed)
        assert ledger.find(UNITS[0]) in (None, RESULT)  # white space may change
        if json.loads(content) != _read(changed):
            assert ledger.find(UNITS[0]) is None


def _read(content):
    try:
        return json.loads(content)
    except ValueError:
        return None


def test_a_result_of_another_unit_is_not_taken(ledger):
    ledger.keep(UNITS[0], RESULT)
    file_of(ledger, UNITS[1]).write_bytes(file_of(ledger, UNITS[0]).read_bytes())
    assert ledger.find(UNITS[1]) is None
    assert "another unit" in ledger.rejected[f"{UNITS[1].key}.json"]


def test_a_file_that_cannot_be_read_is_done_again(ledger):
    file_of(ledger, UNITS[0]).mkdir()
    assert ledger.find(UNITS[0]) is None
    assert "cannot be read" in ledger.rejected[f"{UNITS[0].key}.json"]


# One run at a time, and about one thing


def test_two_runs_at_a_time_are_refused(tmp_path):
    with open_ledger(tmp_path / "run", ABOUT):
        program = """
            import sys
            from pathlib import Path
            from gatewise.selection.ledger import open_ledger
            with open_ledger(Path(sys.argv[1]), {}): pass
        """
        command = [sys.executable, "-c", textwrap.dedent(program), tmp_path / "run"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert "ConfigError: a run is going on in" in done.stderr
    with open_ledger(tmp_path / "run", ABOUT) as ledger:
        assert isinstance(ledger, Ledger)


def test_a_killed_run_leaves_no_lock(tmp_path):
    program = """
        import os, signal, sys
        from pathlib import Path
        from gatewise.selection.ledger import open_ledger
        with open_ledger(Path(sys.argv[1]), {"a": 1}): os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), tmp_path / "run"]
    assert subprocess.run(command).returncode == -9
    with open_ledger(tmp_path / "run", {"a": 1}) as ledger:
        assert ledger.missing(UNITS) == UNITS


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "not of a run of gatewise"),
        ('{"format": "other"}', "not of a run of gatewise"),
        ('{"format": "gatewise run", "format_version": 4}', "another version (format 4, and"),
        ('{"format": "gatewise run", "format_version": 3}', "all facts differ"),
    ],
)
def test_a_folder_of_something_else_is_refused(tmp_path, content, reason):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ConfigError) as error, open_ledger(tmp_path, ABOUT):
        pass
    assert reason in str(error.value)
    assert (tmp_path / "run.json").read_text() == content


def test_a_folder_with_files_of_ones_own_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "results.json").write_text("precious")
    with pytest.raises(ConfigError) as error:
        check_run_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} is there already and holds something else than a run of gatewise "
        "('results.json'); name another folder for the run"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_folder_that_a_run_had_only_begun_is_taken(tmp_path):
    (tmp_path / "ledger").mkdir()
    (tmp_path / "lock").touch()
    (tmp_path / ".run.json.0123456789ab.tmp").write_text("{")
    check_run_folder(tmp_path)
    with open_ledger(tmp_path, ABOUT):
        assert (tmp_path / "run.json").exists()
    (tmp_path / "results.json").write_text("of the run")
    check_run_folder(tmp_path)
    check_run_folder(tmp_path / "nowhere")


def test_a_run_about_other_data_is_refused(tmp_path):
    with open_ledger(tmp_path, ABOUT):
        pass
    other = {**ABOUT, "data": "xyz", "folds": 3}
    with (
        pytest.raises(ConfigError, match="something else: data, folds differ"),
        open_ledger(tmp_path, other),
    ):
        pass


def refused(run, *, kept=False):
    """Begin a run that is refused, with or without anything done."""
    with open_ledger(run, ABOUT) as ledger:
        (run / "mine.txt").write_text("precious")
        if kept:
            ledger.keep(Unit({"n": 1}), 7)
        raise ConfigError("no cluster")


def test_nothing_stays_of_what_is_refused_before_anything_is_done(tmp_path):
    with pytest.raises(ConfigError, match="no cluster"):
        refused(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with open_ledger(tmp_path, {**ABOUT, "folds": 3}):
        pass


def test_what_was_done_before_it_was_refused_stays(tmp_path):
    with pytest.raises(ConfigError, match="no cluster"):
        refused(tmp_path, kept=True)
    with (
        pytest.raises(ConfigError, match="something else: folds differ"),
        open_ledger(tmp_path, {**ABOUT, "folds": 3}),
    ):
        pass


def test_a_result_that_is_dropped_is_missing(tmp_path):
    unit = Unit({"n": 1})
    with open_ledger(tmp_path, ABOUT) as ledger:
        ledger.keep(unit, 7)
        ledger.drop(unit)
        ledger.drop(unit)
        assert ledger.missing([unit]) == [unit]
