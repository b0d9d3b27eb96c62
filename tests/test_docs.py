"""The documentation, built as `make docs` builds it: warnings are errors, and all its code runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_pages_are_built_and_load_nothing_from_elsewhere(built):
    for name in PAGES:
        page = (built / f"{name}.html").read_text("utf-8")
        assert not re.search(r'(?:src|<link[^>]*href)="(?:https?:)?//', page), name
        assert "_static/custom.css" in page
    assert "p < 0.0001" in (built / "why-word-vectors.html").read_text("utf-8").replace("&lt;", "<")
    assert "How the LSTM read it" in (built / "replay.html").read_text("utf-8")


@pytest.mark.slow
def test_what_was_done_by_hand_is_what_the_network_did(built):
    page = (built / "how-an-lstm-reads.html").read_text("utf-8")
    by_hand = re.search(r"by hand and by replay, largest difference: ([\d.e-]+)", page)
    assert float(by_hand[1]) < 1e-12
    assert "the same as in the replay: True" in page
    probability = re.search(r"largest difference to predict_proba: ([\d.e-]+)", page)
    assert float(probability[1]) < 1e-5


def test_code_that_fails_fails_the_build(tmp_path):
    (tmp_path / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text("utf-8"))
    (tmp_path / "_ext").mkdir()
    (tmp_path / "_static").mkdir()
    extension = (ROOT / "docs" / "_ext" / "executed.py").read_text("utf-8")
    (tmp_path / "_ext" / "executed.py").write_text(extension)
    (tmp_path / "index.md").write_text("# A\n\n```{executed}\nprint(6 * 7)\n```\n")

    def build():
        command = [sys.executable, "-m", "sphinx", "-W", "-q", "-E", "-b", "html", "."]
        return subprocess.run([*command, "out"], cwd=tmp_path, capture_output=True, text=True)

    assert build().returncode == 0
    assert "42" in (tmp_path / "out" / "index.html").read_text("utf-8")
    (tmp_path / "index.md").write_text("# A\n\n```{executed}\nprint(1 / 0)\n```\n")
    failed = build()
    assert failed.returncode != 0
    assert "ZeroDivisionError" in failed.stderr
