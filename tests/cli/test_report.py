"""``gatewise report``: from the files of a run or a model to its page."""

import shutil
import sys
import webbrowser

import pytest

from gatewise.base.files import write_json
from gatewise.selection.choice import CandidateResult, FoldScore
from gatewise.selection.results import write_results


@pytest.fixture
def run(tmp_path):
    """The folder of a run that tried two sizes on two folds."""
    results = [
        CandidateResult(
            f"units {units}",
            {"units": units},
            folds=[FoldScore(n, 0.8 + n / 50, 0.7, 3.0 + n) for n in range(2)],
            parameters=units**2,
        )
        for units in (8, 16)
    ]
    summary = {
        "question": "tune",
        "score": "accuracy",
        "seed": 0,
        "fixed": {},
        "notes": [],
        "n_records": 100,
        "n_classes": 3,
        "n_folds": 2,
        "chosen": "units 8",
        "best": "units 16",
        "fastest": "units 8",
        "reason": "It is the smaller one.",
    }
    folder = tmp_path / "my run"
    folder.mkdir()
    write_json(folder / "run.json", {})
    write_results(folder, results, 0, summary)
    return folder


@pytest.fixture
def opened(monkeypatch):
    """The addresses given to the browser, which is there."""
    addresses = []
    monkeypatch.setattr(webbrowser, "open", lambda url: addresses.append(url) or True)
    return addresses


def test_the_page_stands_beside_the_results(gatewise, run, opened):
    result = gatewise("report", run)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"written: {run / 'report.html'}\n"
    assert result.stderr == ""
    told = (run / "report.html").read_text("utf-8")
    assert "It is the smaller one." in told
    assert (run / "chart.svg").read_text("utf-8").startswith("<?xml")
    assert opened == []


def test_the_page_may_stand_elsewhere(gatewise, run, tmp_path):
    result = gatewise("report", run, "--out", tmp_path / "page.html")
    assert result.stdout == f"written: {tmp_path / 'page.html'}\n"
    assert "It is the smaller one." in (tmp_path / "page.html").read_text("utf-8")
    assert not (run / "report.html").exists()


def test_the_same_command_gives_the_same_bytes(gatewise, run):
    gatewise("report", run)
    before = [(run / name).read_bytes() for name in ("report.html", "chart.svg")]
    gatewise("report", run)
    assert [(run / name).read_bytes() for name in ("report.html", "chart.svg")] == before


def test_the_browser_is_shown_the_page(gatewise, run, opened, monkeypatch):
    assert gatewise("report --open", run).exit_code == 0
    assert opened == [(run / "report.html").as_uri()]
    monkeypatch.chdir(run.parent)
    assert gatewise("report --open", run.name, "--out", "page.html").exit_code == 0
    assert opened[1] == (run.parent / "page.html").as_uri()


def test_where_there_is_no_browser(gatewise, run, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    result = gatewise("report --open", run)
    assert result.exit_code == 0
    assert result.stderr == "there is no browser to show it in; open the page by hand\n"


def test_what_cannot_be_done(fails, run, tmp_path, opened):
    told = fails("report --open", tmp_path)
    assert "is not the folder of a run or a model" in told
    assert "neither run.json nor manifest.json" in told
    assert "none is not there; give the folder of a run" in fails("report", tmp_path / "none")
    assert "run.json is a file; give the folder of a run" in fails("report", run / "run.json")
    told = fails("report", run, "--out", tmp_path / "no" / "page.html")
    assert "there is no folder" in told
    assert "is a folder; give the name of a file" in fails("report", run, "--out", tmp_path)
    (run / "results.json").write_text("[")
    assert "results.json cannot be read as JSON" in fails("report --open", run)
    (run / "results.json").unlink()
    assert "holds a run that has not ended" in fails("report --open", run)
    assert opened == []
    assert not (run / "report.html").exists()


def test_an_audit_has_no_page(fails, run, opened):
    write_json(run / "run.json", {"about": {"question": "audit"}})
    told = fails("report --open", run)
    assert told.endswith(f"what it found stands in {run / 'audit.csv'}")
    assert opened == []


def test_a_page_that_cannot_be_written(fails, run):
    (run / "report.html").mkdir()
    assert "report.html cannot be read or written (Is a directory)" in fails("report", run)


def test_what_is_not_installed_is_said(fails, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    told = fails("report", run)
    assert "draw a report" in told
    assert "gatewise[train]" in told


# Models


def test_the_page_of_a_model(gatewise, model, tmp_path, opened):
    out = tmp_path / "page.html"
    result = gatewise("report", model, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"written: {out}\n"
    assert result.stderr == ""
    told = out.read_text("utf-8")
    assert "of the answers are right" in told
    assert "held out of the training records" in told
    assert "The texts of the measured records are not at hand" in told
    assert opened == []
    gatewise("report --open", model, "--out", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == out.read_bytes()
    assert opened == [(tmp_path / "again.html").as_uri()]


def test_the_page_of_a_model_stands_in_its_folder(gatewise, model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    assert gatewise("report", folder).stdout == f"written: {folder / 'report.html'}\n"
    assert gatewise("info --verify", folder).exit_code == 0
    assert gatewise("report", folder).exit_code == 0


def test_a_model_is_measured_on_a_file(gatewise, model, labelled, tmp_path):
    out = tmp_path / "page.html"
    columns = "--text msg --label queue"
    result = gatewise(f"report {columns}", model, "--data", labelled / "test.csv", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "40 records under 3 labels" in result.stderr
    told = out.read_text("utf-8")
    assert "Measured on 40 records of test.csv" in told
    assert "swallowed" in told
    gatewise(f"report --redact {columns}", model, "--data", labelled / "test.csv", "--out", out)
    assert "is masked" not in told
    assert "looks like a name are masked" in out.read_text("utf-8")


def test_runs_beside_a_model(gatewise, model, run, tmp_path):
    out = tmp_path / "page.html"
    assert gatewise("report", model, "--run", run, "--out", out).exit_code == 0
    assert "It is the smaller one." in out.read_text("utf-8")


def test_what_cannot_be_done_with_a_model(fails, model, run, labelled, tmp_path):
    out = ["--out", tmp_path / "page.html"]
    told = fails("report --text msg", model, *out)
    assert "--text names a column of the file given with --data; give --data too" in told
    assert "--label names a column" in fails("report --label queue", model, *out)
    told = fails("report --data no.csv", model, *out)
    assert "no.csv" in told
    told = fails("report --text msg --label id", model, "--data", labelled / "test.csv", *out)
    assert "no record has a label that the model knows" in told
    assert "is not the folder of a run" in fails("report", model, "--run", tmp_path, *out)
    for option in ("--redact", f"--data {labelled / 'test.csv'}", f"--run {labelled}"):
        told = fails(f"report {option}", run, *out)
        assert f"{option.split()[0]} belongs to the report of a model" in told
    damaged = shutil.copytree(model, tmp_path / "model")
    (damaged / "labels.json").write_text("[]")
    assert "labels.json" in fails("report", damaged, *out)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("options", ["", "--no-such-option", "--out"])
def test_typing_mistakes(gatewise, options):
    assert gatewise(f"report {options}").exit_code == 2
