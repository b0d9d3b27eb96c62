"""The lines of docs/serve.md that begin with curl, and what the page says of options."""

from __future__ import annotations

import argparse
import inspect
import re
import shlex
import shutil
from pathlib import Path

import pytest

from gatewise.cli.serve import serve as command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serve.md").read_text("utf-8")
LINES = re.findall(r"^    (curl (?:.*\\\n)*.*)$", PAGE, re.MULTILINE)
TOKEN = "a token of this test".replace(" ", "-")


def parsed(line):
    """Read a line as curl would, as far as the page goes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-H", action="append", default=[], dest="headers")
    parser.add_argument("-d", dest="data")
    parser.add_argument("-T", dest="upload")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-o", dest="out")
    line = line.replace("\\\n", " ").replace("$(cat token)", TOKEN).replace("MODEL", "tickets")
    return parser.parse_args(shlex.split(line)[1:])


@pytest.fixture(scope="module")
def open_to_token(serve, tickets, tmp_path_factory):
    """A server that wants a token, of a model with a report."""
    folder = tmp_path_factory.mktemp("documented") / "tickets"
    shutil.copytree(tickets, folder)
    (folder / "report.html").write_text("<p>report</p>")
    with serve({"tickets": folder}, token=TOKEN) as client:
        yield client


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:60])
def test_a_line_of_the_page_is_answered(open_to_token, line):
    asked = parsed(line)
    assert asked.url.startswith("http://127.0.0.1:8000/")
    headers = dict(header.split(": ", 1) for header in asked.headers)
    headers.setdefault("Authorization", f"Bearer {TOKEN}")
    content = asked.data.encode() if asked.data else None
    if asked.upload:
        content = b"text\nmy card is stuck\nmore money\n"
    method = asked.method or ("POST" if asked.data else "GET")
    url = asked.url.removeprefix("http://127.0.0.1:8000")
    answer = open_to_token.request(method, url, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    if asked.upload:
        assert answer.text.splitlines()[1].startswith("my card is stuck,card,")


def test_the_page_has_lines():
    assert len(LINES) >= 12


def test_defaults_are_those_of_the_command():
    defaults = {
        name: parameter.default for name, parameter in inspect.signature(command).parameters.items()
    }
    rows = re.findall(r"^\| `--([a-z-]+)` \| ([\d,]+)", PAGE, re.MULTILINE)
    assert len(rows) == 9
    for option, value in rows:
        assert defaults[option.replace("-", "_")] == int(value.replace(",", "")), option
    assert f"`--drain-seconds` ({defaults['drain_seconds']:g})" in PAGE


def test_every_option_of_the_page_exists():
    names = {f"--{name.replace('_', '-')}" for name in inspect.signature(command).parameters}
    others = {"--out", "--read-only", "--tmpfs", "--keep-texts", "--apply"}
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) - others <= names


def test_the_image_has_no_rights_and_no_torch():
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert any(line.startswith("USER 10001") for line in lines)
    assert not any("torch" in line for line in lines if not line.startswith("#"))
    assert any('".[serve]"' in line for line in lines)
