"""A command line to type into, labelled files, and one model for all tests that only read it."""

import csv
import traceback

import pytest
from typer.testing import CliRunner

from gatewise.cli.main import app

SMALL = "--units 4 --word-dimension 8 --ngram-dimension 4 --projection 0 --epochs 2 "
SMALL += "--word2vec-passes 2 --batch-size 16 --adversarial 0"


@pytest.fixture(scope="session")
def gatewise():
    """Type a command: words in one string, then further arguments as they are."""

    def run(command, *arguments, typed=None):
        words = [*command.split(), *map(str, arguments)]
        result = CliRunner().invoke(app, words, input=typed)
        if result.exception and not isinstance(result.exception, SystemExit):
            pytest.fail("".join(traceback.format_exception(result.exception)))
        return result

    return run


@pytest.fixture(scope="session")
def small():
    """Options of a model that is trained in a second."""
    return SMALL


@pytest.fixture(scope="session")
def labelled(tmp_path_factory, make_tickets):
    """A folder with train.csv and test.csv; texts under msg, labels under queue."""
    folder = tmp_path_factory.mktemp("labelled")
    for name, n_records, seed in (("train", 160, 1), ("test", 40, 2)):
        texts, labels = make_tickets(n_records, seed)
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "msg", "queue"])
            writer.writerows(zip(range(n_records), texts, labels, strict=True))
    return folder


@pytest.fixture(scope="session")
def training(tmp_path_factory, gatewise, labelled, small):
    """What training printed, and the folder of the model. Do not change the folder."""
    out = tmp_path_factory.mktemp("trained") / "model"
    columns = "--text msg --label queue"
    result = gatewise(f"train {columns} {small}", labelled / "train.csv", "--out", out)
    assert result.exit_code == 0, result.stderr
    return result, out


@pytest.fixture(scope="session")
def model(training):
    return training[1]


@pytest.fixture
def fails(gatewise):
    """Type a command that must end with status 2 and one line; returns the line."""

    def run(command, *arguments, typed=None):
        result = gatewise(command, *arguments, typed=typed)
        lines = result.stderr.splitlines()
        assert result.exit_code == 2, result.output
        assert [line for line in lines if line.startswith("gatewise: ")] == lines[-1:], lines
        return lines[-1].removeprefix("gatewise: ")

    return run
