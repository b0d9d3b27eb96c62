"""The files of a run -> facts, and every way in which they cannot be read."""

import json

import pytest

from gatewise.base.errors import DataError
from gatewise.report import facts as facts_module
from gatewise.report.facts import part_mean, read_run


@pytest.fixture
def run(tuned, grid):
    return tuned(grid)


def test_what_was_written_is_read(run, grid):
    facts = read_run(run)
    assert facts.question == "tune"
    assert facts.summary == json.loads((run / "summary.json").read_text())
    assert [row["name"] for row in facts.rows] == [one.name for one in grid]
    assert [row["mean"] for row in facts.rows] == [one.mean for one in grid]
    assert [row["chosen"] for row in facts.rows] == [True] + [False] * 5


def test_a_comparison_is_a_run_too(compared, methods):
    assert read_run(compared(methods)).question == "compare"


def test_a_part_has_the_mean_of_its_folds(tuned, candidate):
    one = candidate({"units": 8}, 0.8, parts=("lstm",))
    row = read_run(tuned([one])).rows[0]
    for fold, score in zip(row["folds"], (0.1, 0.2, 0.6), strict=True):
        fold["parts"]["lstm"]["accuracy"] = score
    assert part_mean(row, "lstm", "accuracy") == pytest.approx(0.3)
    assert part_mean(row, "lstm", "macro_f1") == pytest.approx(0.3)
    assert part_mean(row, "ngrams", "accuracy") is None


def test_a_candidate_without_any_fold_has_no_numbers(tuned, candidate):
    run = tuned([candidate({"units": 8}), candidate({"units": 9}, n_folds=0, state="failed: x")])
    row = read_run(run).rows[1]
    assert row["mean"] is row["standard_error"] is row["seconds"] is None
    assert part_mean(row, "lstm", "accuracy") is None


# What cannot be read


def refused(folder):
    with pytest.raises(DataError) as caught:
        read_run(folder)
    return str(caught.value)


def test_a_folder_that_is_no_run(run, tmp_path):
    (run / "run.json").unlink()
    told = f"{run} is not the folder of a run; give the --out of gatewise tune or compare"
    assert refused(run) == told
    for path in (tmp_path / "none", run / "results.json"):
        assert refused(path).startswith(f"{path} is not the folder of a run")


@pytest.mark.parametrize("name", ["results.json", "summary.json"])
def test_a_run_that_has_not_ended(run, name):
    (run / name).unlink()
    told = f"{run} holds a run that has not ended; type its command again, and it goes on"
    assert refused(run) == told


@pytest.mark.parametrize("name", ["results.json", "summary.json"])
@pytest.mark.parametrize("content", [b"", b'[{"name": "un', b"\xff\xfe\x00", b"[" * 100_000])
def test_a_torn_file(run, name, content):
    (run / name).write_bytes(content)
    told = refused(run)
    assert told.startswith(f"{run / name} cannot be read as JSON (")
    assert told.endswith("); type the run's command again, and it is written anew")


@pytest.mark.parametrize("content", [[], {}, None, "rows", [1], [[]], [{"name": "a"}]])
def test_rows_of_another_form(run, content):
    (run / "results.json").write_text(json.dumps(content))
    told = "results.json has another form than gatewise writes; type the run's command again, and"
    assert told in refused(run)


@pytest.mark.parametrize("content", [{}, [], None, "tune", {"question": "tune"}])
def test_a_summary_of_another_form(run, content):
    (run / "summary.json").write_text(json.dumps(content))
    assert "summary.json has another form than gatewise writes" in refused(run)


@pytest.mark.parametrize("question", ["frame", "../tune", "compare", None, ["tune"]])
def test_a_question_that_nobody_asks(tuned, grid, question):
    assert "summary.json has another form" in refused(tuned(grid, question=question))


@pytest.mark.parametrize("key", ["chosen", "folds", "standard_deviation", "state"])
def test_a_row_that_lacks_something(run, key):
    rows = json.loads((run / "results.json").read_text())
    del rows[-1][key]
    (run / "results.json").write_text(json.dumps(rows))
    assert "results.json has another form" in refused(run)


def test_a_file_larger_than_any_of_ours(run, monkeypatch):
    size = (run / "results.json").stat().st_size
    monkeypatch.setattr(facts_module, "_LARGEST", size)
    assert len(read_run(run).rows) == 6
    monkeypatch.setattr(facts_module, "_LARGEST", size - 1)
    assert refused(run) == f"{run / 'results.json'} is larger than any that gatewise writes"


@pytest.mark.parametrize(
    "change",
    [
        {"mean": "0.8"},
        {"mean": None},
        {"seconds": [1]},
        {"folds": [{}]},
        {"folds": "none"},
        {"params": 8},
        {"name": None},
    ],
)
def test_a_value_of_another_kind(run, change):
    rows = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(json.dumps([rows[0] | change, *rows[1:]]))
    assert "results.json has another form" in refused(run)
