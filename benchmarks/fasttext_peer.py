"""fastText, the well-known peer, in an environment of its own: it needs numpy before 2."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from data_sets import Split
from gatewise.base.errors import ConfigError
from gatewise.base.files import write_json
from gatewise.text.tokens import tokenize
from tasks import Outcome, Task

__all__ = ["FasttextMissingError", "environment_python", "make_environment", "run"]

_REQUIREMENTS = ("fasttext-wheel", "numpy<2")
_WORKER = Path(__file__).with_name("fasttext_worker.py")
# Written last: without it the environment is half made, or another program's.
_READY = "ready.json"
_LIST_VERSIONS = (
    "import fasttext, json, platform\n"
    "from importlib.metadata import version\n"
    "names = ('fasttext-wheel', 'numpy')\n"
    "print(json.dumps({'fasttext python': platform.python_version()} | "
    "{name: version(name) for name in names}))"
)


class FasttextMissingError(Exception):
    """fastText's environment cannot be made; the message says why."""


def make_environment(folder: Path) -> dict[str, str]:
    """Make fastText's environment, if it is not there.

    Parameters
    ----------
    folder : Path
        Where it stands, or shall stand.

    Returns
    -------
    dict of str to str
        The versions of what is in it.

    Raises
    ------
    ConfigError
        If the folder is there and is something else.
    FasttextMissingError
        If it cannot be made, or fastText in it cannot be imported.
    """
    ready = folder / _READY
    python = environment_python(folder)
    if ready.is_file() and python.exists():
        found: dict[str, str] = json.loads(ready.read_text("utf-8"))
        return found
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        raise ConfigError(f"{folder} is not an environment of Python; give another folder")
    print(f"making fastText's environment in {folder}", flush=True)
    _checked([sys.executable, "-m", "venv", "--clear", str(folder)])
    _checked([str(python), "-m", "pip", "install", "--quiet", *_REQUIREMENTS])
    versions: dict[str, str] = json.loads(_checked([str(python), "-c", _LIST_VERSIONS]))
    write_json(ready, versions)
    return versions


def environment_python(folder: Path) -> Path:
    """Name the interpreter of the environment."""
    return folder.absolute() / "bin" / "python"


def _checked(command: Sequence[str]) -> str:
    """Run a command and return what it printed; complain with its own last line."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except OSError as error:
        raise FasttextMissingError(f"{command[0]} cannot be run: {error}") from error
    except subprocess.CalledProcessError as error:
        lines = f"{error.stdout}\n{error.stderr}".split("\n")
        # pip ends with advice about itself; its errors are marked.
        marked = [line for line in lines if line.startswith("ERROR:")]
        told = next((line.strip() for line in reversed(marked or lines) if line.strip()), "")
        raise FasttextMissingError(f"'{' '.join(command[1:4])} ...' failed: {told}") from error
    return done.stdout


def run(task: Task, split: Split) -> Outcome:
    """Hand the tokens to fastText and name a label for each test record.

    The labels go as numbers, because fastText ends a label at a space.
    """
    if task.fasttext_python is None:
        raise ConfigError(f"{task.method} was started without an interpreter that has fastText")
    labels = sorted(set(split.train_labels))
    numbers = {label: number for number, label in enumerate(labels)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        prefixes = [f"__label__{numbers[label]} " for label in split.train_labels]
        _write_lines(folder / "train.txt", split.train_texts, prefixes)
        _write_lines(folder / "test.txt", split.test_texts, [""] * len(split.test_texts))
        write_json(folder / "options.json", {**task.settings, "thread": 1, "seed": task.seed})
        tokenised = time.perf_counter()
        subprocess.run([task.fasttext_python, str(_WORKER), str(folder)], check=True)
        answer = json.loads((folder / "answer.json").read_text("utf-8"))
    predicted = [None if number is None else labels[number] for number in answer["numbers"]]
    details = {
        "tokens_seconds": tokenised - started,
        "fit_seconds": answer["fit_seconds"],
        "predict_seconds": answer["predict_seconds"],
        "n_without_answer": predicted.count(None),
    }
    return Outcome({"model": predicted}, details)


def _write_lines(path: Path, texts: Sequence[str], prefixes: Sequence[str]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for prefix, text in zip(prefixes, texts, strict=True):
            stream.write(f"{prefix}{' '.join(tokenize(text))}\n")
