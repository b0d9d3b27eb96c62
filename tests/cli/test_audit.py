"""``gatewise audit``: labels that look wrong, and what a reviewer makes of them."""

import csv
import json

import pytest

pytest.importorskip("cleanlab")
pytestmark = pytest.mark.usefixtures("quick_searches")

AUDIT = "audit --text msg --label queue --folds 3 --workers 2"
APPLY = "audit --text msg --label queue --apply"


@pytest.fixture(scope="module")
def wrong(labelled, tmp_path_factory):
    """The training file with four wrong labels; their lines."""
    path = tmp_path_factory.mktemp("wrong") / "train.csv"
    with (labelled / "train.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    lines = [10, 40, 80, 120]
    for line in lines:
        rows[line - 1][2] = next(q for q in ("card", "balance") if q != rows[line - 1][2])
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return path, lines


@pytest.fixture(scope="module")
def audited(tmp_path_factory, gatewise, wrong, labelled, small):
    out = tmp_path_factory.mktemp("audited") / "run"
    result = gatewise(f"{AUDIT} {small} --test {labelled / 'test.csv'}", wrong[0], "--out", out)
    assert result.exit_code == 0, result.stderr
    return result, out


def test_what_is_printed(audited, wrong, labelled):
    result, out = audited
    with (out / "audit.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {str(line) for line in wrong[1]} <= {row["line"] for row in rows[:8]}
    assert f"160 records judged by models that had not seen them: {len(rows)} are" in result.stdout
    told = " ".join(result.stdout.split())
    for row in rows[:3]:
        assert f"{row['line']} {row['given']} {row['suggested']}" in told
    assert f"{labelled / 'test.csv'}: " in told
    assert "of 40 texts stand in the data too, lines " in told
    assert f"written: {out / 'audit.csv'}" in told
    facts = json.loads((out / "audit.json").read_bytes())  # that file has all of them
    assert f" {len(facts['in_test'])} of 40 texts stand in the data too, lines " in told
    assert f"{facts['in_test'][0]['test_line']} (as {facts['in_test'][0]['line']})" in told


def test_a_table_of_nothing_is_not_drawn(capsys):
    from gatewise.cli.audit import _tell  # both need cleanlab
    from gatewise.evaluate.audit import Audit

    _tell(Audit([], [], [], {}, 90), [], [])
    told = capsys.readouterr().out
    assert told.startswith("90 records judged by models that had not seen them: 0 are answered")
    assert "looks like" not in told
    assert told.count("\n\n") == 0


def test_that_there_are_more_than_are_shown_is_said(capsys):
    from gatewise.cli.audit import _tell
    from gatewise.evaluate.audit import Audit, Suspect

    suspects = [Suspect(row, "a", "b", 0.1, 0.9, False, "why") for row in range(20)]
    _tell(Audit(suspects, [], [], {}, 90), ["text"] * 20, range(2, 22))
    told = capsys.readouterr().out
    n_shown = sum(
        line.split()[:1] == [str(number)] for number in range(2, 22) for line in told.splitlines()
    )
    assert f"and {20 - n_shown} more in the file" in told


def test_what_a_reviewer_fills_in_is_given_back(audited, wrong, gatewise, tmp_path):
    _, out = audited
    with (out / "audit.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if int(row["line"]) in wrong[1]:
            row["corrected"] = row["suggested"]
    reviewed = tmp_path / "reviewed.csv"
    with reviewed.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    result = gatewise(f"{APPLY} {reviewed}", wrong[0], "--out", tmp_path / "new")
    assert result.exit_code == 0, result.stderr
    assert "4 labels changed, 0 records left out" in result.stdout
    before = wrong[0].read_text("utf-8").splitlines()
    after = (tmp_path / "new" / "corrected.csv").read_text("utf-8").splitlines()
    changed = [n for n, pair in enumerate(zip(before, after, strict=True), 1) if len(set(pair)) > 1]
    assert changed == wrong[1]


def test_of_a_folder_the_files_are_named(wrong, gatewise, small, tmp_path):
    with wrong[0].open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), 2):
            path = tmp_path / "data" / row["queue"] / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(row["msg"] or "nothing", encoding="utf-8")
    data, out = tmp_path / "data", tmp_path / "run"
    result = gatewise(f"audit --folds 3 --workers 2 {small}", data, "--out", out)
    assert result.exit_code == 0, result.stderr
    with (out / "audit.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert all((data / row["file"]).parent.name == row["given"] for row in rows)
    named = [int(row["file"].partition("/")[2].removesuffix(".txt")) for row in rows[:8]]
    assert set(wrong[1]) <= set(named)
    assert rows[0]["file"] in result.stdout
    assert "; move the files whose label is wrong into the folders" in result.stdout


def test_what_cannot_be_audited(fails, labelled, tmp_path):
    data = labelled / "train.csv"
    assert "folds is 1" in fails(AUDIT.replace("--folds 3", "--folds 1"), data, "--out", tmp_path)
    told = fails(f"{APPLY} {data}", data, "--out", tmp_path)
    assert "has no columns 'line' and 'corrected'" in told


def test_a_test_file_is_read_before_anything_is_fitted(fails, labelled, tmp_path):
    out = tmp_path / "run"
    told = fails(f"{AUDIT} --test {tmp_path}/nofile.csv", labelled / "train.csv", "--out", out)
    assert "nofile.csv" in told
    assert not out.exists()


@pytest.mark.parametrize("option", ["--test x.csv", "--folds 3", "--group id", "--units 8"])
def test_nothing_goes_with_apply(fails, labelled, tmp_path, option):
    told = fails(f"{APPLY} x.csv {option}", labelled / "train.csv", "--out", tmp_path)
    assert told.endswith(f"alone; leave {option.split()[0]} away")


def test_a_pipe_cannot_be_corrected(fails, tmp_path):
    told = fails(f"{APPLY} x.csv", "-", "--out", tmp_path, typed="msg,queue\na,b\nc,d\n")
    assert told == "--apply reads DATA twice, which a pipe does not allow; give a file"


def test_what_is_read_is_not_written_over(fails, tmp_path):
    data, reviewed = tmp_path / "corrected.csv", tmp_path / "reviewed.csv"
    data.write_text("msg,queue\none,a\ntwo,b\n")
    reviewed.write_text("line,corrected\n2,b\n")
    told = fails(f"{APPLY} {reviewed}", data, "--out", tmp_path)
    assert told == f"{data} is what is read, and would be lost; write somewhere else"
    assert data.read_text() == "msg,queue\none,a\ntwo,b\n"
    told = fails(f"{APPLY} {reviewed}", data, "--out", reviewed)
    assert told == f"{reviewed} is a file; give --out a folder for corrected.csv"
