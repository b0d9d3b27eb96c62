"""``gatewise report``: from a run's files to its page."""

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
    assert "is not the folder of a run" in fails("report --open", tmp_path)
    assert "is not the folder of a run" in fails("report", tmp_path / "none")
    told = fails("report", run, "--out", tmp_path / "no" / "page.html")
    assert "there is no folder" in told
    assert "is a folder; give the name of a file" in fails("report", run, "--out", tmp_path)
    (run / "results.json").write_text("[")
    assert "results.json cannot be read as JSON" in fails("report --open", run)
    (run / "results.json").unlink()
    assert "holds a run that has not ended" in fails("report --open", run)
    assert opened == []
    assert not (run / "report.html").exists()


def test_a_page_that_cannot_be_written(fails, run):
    (run / "report.html").mkdir()
    assert "report.html cannot be read or written (Is a directory)" in fails("report", run)


def test_what_is_not_installed_is_said(fails, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    told = fails("report", run)
    assert "draw a report" in told
    assert "gatewise[train]" in told


@pytest.mark.parametrize("options", ["", "--no-such-option", "--out"])
def test_typing_mistakes(gatewise, options):
    assert gatewise(f"report {options}").exit_code == 2
