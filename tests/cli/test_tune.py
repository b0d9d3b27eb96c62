"""``gatewise tune``: from a file to a chosen network, and every way in which it cannot be done."""

import json
import os
import shlex
import sys

import pytest

from gatewise.selection import sizes
from gatewise.selection.ledger import open_ledger
from gatewise.store.archive import load

pytestmark = pytest.mark.usefixtures("quick_searches")

TUNE = "tune --text msg --label queue --folds 2 --workers 1"


@pytest.fixture(scope="module")
def settings(small):
    return small.replace("--units 4 ", "")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, gatewise, labelled, settings):
    """What a search printed, and its folder. Do not change the folder."""
    out = tmp_path_factory.mktemp("tuned") / "run"
    command = f"{TUNE} --units 4,6 {settings}"
    result = gatewise(command, labelled / "train.csv", "--out", out)
    assert result.exit_code == 0, result.stderr
    return result, out


def test_what_is_printed(tuned):
    result, out = tuned
    rows = json.loads((out / "results.json").read_bytes())
    told = " ".join(result.stdout.split())
    for row in rows:
        state = " chosen" if row["chosen"] else ""
        assert f"{row['name']} {row['mean']:.2%} {row['standard_error']:.2%}" in told
        assert f"{row['parameters']:,}{state}" in told
    assert json.loads((out / "summary.json").read_bytes())["reason"] in told
    assert f"written: {out / 'report.html'}" in told
    assert f"model written to {out / 'model'} next, type: gatewise evaluate {out / 'model'}" in told


def test_what_is_said_on_the_way(tuned):
    told = tuned[0].stderr
    assert "train.csv: 160 records under 3 labels" in told
    assert "fits: 4 fits in " in told
    assert "training: " in told


def test_what_is_left_behind(tuned, gatewise, labelled):
    _, out = tuned
    names = {path.name for path in out.iterdir()}
    wanted = "chart.svg ledger lock model model.json oof.parquet report.html results.json run.json"
    assert names == {*wanted.split(), "summary.json"}
    assert not any((out / "ledger").glob("*.begun"))
    result = gatewise("evaluate --text msg --label queue", out / "model", labelled / "test.csv")
    assert result.exit_code == 0
    assert load(out / "model").model_.decision.outside_below > 0


def test_the_model_abstains_on_what_it_does_not_know(tuned, gatewise):
    result = gatewise("predict --lines", tuned[1] / "model", "-", typed="plugh xyzzy\nmy card\n")
    assert result.exit_code == 0
    assert "plugh xyzzy" in result.stdout
    decisions = [line.split(",")[4] for line in result.stdout.splitlines()[1:]]
    assert decisions[0] == "abstain"
    assert "1 of them too unsure or too strange: abstain" in result.stderr


def test_the_same_command_goes_on_from_what_is_there(tuned, gatewise, labelled, settings):
    _, out = tuned
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    result = gatewise(f"{TUNE} --units 4,6 {settings}", labelled / "train.csv", "--out", out)
    assert result.stdout == tuned[0].stdout
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == kept


def test_groups_classes_of_their_own_weight_and_no_model(gatewise, labelled, settings, tmp_path):
    result = gatewise(
        f"{TUNE} --units 4 --layers 1 --group id --class-weight card=2 --no-final {settings}",
        labelled / "train.csv",
        "--out",
        tmp_path / "run",
    )
    assert result.exit_code == 0, result.stderr
    assert "the only candidate that was judged on all folds" in result.stdout
    assert not (tmp_path / "run" / "model").exists()
    assert "model written" not in result.stdout


def test_small_classes_are_told(gatewise, settings, tmp_path):
    rows = ["my card is stuck,card", "my money is gone,money"] * 9 + ["hello there,rare"]
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["msg,queue", *rows]))
    result = gatewise(
        f"{TUNE} --units 4 --layers 1 --no-final {settings}", path, "--out", tmp_path / "run"
    )
    assert result.exit_code == 0, result.stderr
    assert "1 of 3 classes have fewer records than the 2 folds" in result.stderr
    assert "'rare' (1)" in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--folds 1", "folds is 1; allowed is 2 to 1000"),
        ("--folds 100", "100 folds need a class of 100 records at least, and the largest has 54"),
        ("--units 0,8", "units is 0; allowed is 1 to 8192"),
        ("--units 1000000000", "units is 1000000000; allowed is 1 to 8192"),
        ("--units 8,x", "units has the value 'x'; it takes whole numbers"),
        ("--units 8:64", "units is the range 8:64, and a grid needs single values"),
        ("--units 8,8", "units has the values [8, 8]; name each once"),
        ("--sampler bayes", "sampler is 'bayes'"),
        ("--score speed", "score is 'speed'"),
        ("--abstain-coverage 2", "coverage is 2.0"),
        ("--engine ray", "the engine 'ray' needs the address of a cluster"),
        ("--engine spark --address x", "engine is 'spark'"),
        ("--address x:1", "the address 'x:1' is of a cluster"),
        ("--workers 0", "workers is 0"),
        ("--threads 0", "threads is 0"),
        ("--group queu", "has no column 'queu'; it has 'id', 'msg', 'queue'"),
        ("--time msg", "line 2 has "),
        ("--group id --time id", "have neither groups nor repeats"),
        ("--class-weight card", "class_weight is 'card'"),
    ],
)
def test_what_cannot_be_tried(fails, labelled, settings, tmp_path, options, told):
    line = fails(
        f"tune --text msg --label queue {options} {settings}",
        labelled / "train.csv",
        "--out",
        tmp_path / "run",
    )
    assert told in line
    assert not (tmp_path / "run").exists()


def test_a_folder_of_something_else(fails, labelled, settings, tmp_path):
    (tmp_path / "run.json").write_text("{}")
    command = f"{TUNE} --units 4 {settings}"
    assert "is not of a run of gatewise" in fails(
        command, labelled / "train.csv", "--out", tmp_path
    )
    path = tmp_path / "file"
    path.write_text("mine")
    told = fails(command, labelled / "train.csv", "--out", path)
    assert f"{path}" in told
    assert path.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(fails, labelled, settings, tmp_path):
    tmp_path.chmod(0o500)
    told = fails(f"{TUNE} --units 4 {settings}", labelled / "train.csv", "--out", tmp_path / "run")
    assert "cannot be read or written (Permission denied)" in told


def test_a_run_that_is_going_on(fails, tuned, labelled, settings):
    _, out = tuned
    about = json.loads((out / "run.json").read_bytes())["about"]
    with open_ledger(out, about):
        told = fails(f"{TUNE} --units 4,6 {settings}", labelled / "train.csv", "--out", out)
    assert told.startswith(f"a run is going on in {out}")


def test_a_run_of_other_data(fails, tuned, labelled, settings):
    told = fails(f"{TUNE} --units 4,6 {settings}", labelled / "test.csv", "--out", tuned[1])
    assert "holds a run about something else: data (the records, their folds, " in told


def test_whoever_stops_it_is_told_how_to_go_on(monkeypatch, gatewise, labelled, settings, tmp_path):
    def stopped(*_):
        raise KeyboardInterrupt

    command = ["tune", str(labelled / "train.csv"), "--text", "msg", "--label", "queue"]
    command += ["--out", str(tmp_path / "a run"), *settings.split()]
    monkeypatch.setattr(sizes, "tune", stopped)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/gatewise", *command])
    result = gatewise("", *command)
    assert result.exit_code == 130
    assert shlex.join(["gatewise", *command]) in result.stderr
    assert "what is done is kept" in result.stderr
