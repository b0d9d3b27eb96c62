"""``gatewise replay``: one text, gate by gate."""

import importlib.util
import json

import numpy as np
import pytest

from gatewise.explain.replay import replay
from gatewise.store.archive import load
from gatewise.store.plain_archive import load_plain

TEXT = "my card was swallowed by the machine"


def test_the_table_is_that_of_the_replay(gatewise, model):
    result = gatewise("replay", model, TEXT)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.rstrip() == str(replay(load(model), TEXT))
    assert "decided for" in result.stdout


def test_the_text_can_come_from_standard_input(gatewise, model):
    assert (
        gatewise("replay", model, "-", typed=TEXT).stdout == gatewise("replay", model, TEXT).stdout
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_standard_input_is_read_as_files_are(gatewise, model, encoding):
    text = "我的卡被机器吞了 card"
    result = gatewise("replay --json", model, "-", typed=text.encode(encoding))
    assert json.loads(result.stdout)["text"] == text
    assert ("read as" in result.stderr) == (encoding != "utf-8-sig")


def test_json(gatewise, model):
    told = json.loads(gatewise("replay --json", model, TEXT).stdout)
    found = replay(load(model), TEXT).to_dict()
    assert told.keys() == found.keys()
    assert told["tokens"] == found["tokens"]
    assert told["difference"] <= 1e-5
    assert "before" not in told["layers"][0]["forward"]
    told = json.loads(gatewise("replay --json --before", model, TEXT).stdout)
    assert np.array(told["layers"][0]["forward"]["before"]).shape == (7, 4, 4)


def test_the_page(gatewise, model, tmp_path):
    result = gatewise("replay", model, TEXT, "--html", tmp_path / "page.html")
    assert "page written to" in result.stderr
    assert "swallowed" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize("text", ["", "…", "<script>", "\x1b[31mred", "שלום", "card " * 3000])
def test_odd_texts(gatewise, model, tmp_path, text):
    result = gatewise("replay", "--html", tmp_path / "page.html", model, "--", text)
    assert result.exit_code == 0, result.stderr
    assert "\x1b" not in result.stdout


def test_without_torch(gatewise, model, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else True)
    told = gatewise("replay", model, TEXT).stdout
    assert told.rstrip() == str(replay(load_plain(model), TEXT))
    assert "which needs torch" in told


def test_what_cannot_be_done(fails, model, tmp_path):
    assert "saved model" in fails("replay", tmp_path / "nowhere", TEXT)
    told = fails("replay", model, TEXT, "--html", tmp_path / "no" / "page.html")
    assert "there is no folder" in told
    assert "is a folder" in fails("replay", model, TEXT, "--html", tmp_path)
    assert "add --json" in fails("replay", model, TEXT, "--before")
    assert "standard input is empty" in fails("replay", model, "-")
