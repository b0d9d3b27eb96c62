"""What the README says, done."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from gatewise.cli.main import app

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
MAKEFILE = (Path(__file__).parents[1] / "Makefile").read_text("utf-8")
COMMANDS = [line.split("#")[0] for line in re.findall(r"^    (gatewise .+)$", README, re.MULTILINE)]


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    assert "card" in capsys.readouterr().out
    assert (tmp_path / "model" / "manifest.json").exists()


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_take_the_options_shown(line):
    command, *words = shlex.split(line)[1:]
    known = get_command(app).commands[command]
    options = {option for parameter in known.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_chores_named_are_there():
    chores = set(re.findall(r"^    make (\w+)", README, re.MULTILINE))
    assert {"demo", "test"} <= chores
    assert chores <= set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))
