"""``gatewise compare``: what each part brings."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("quick_searches")

COMPARE = "compare --text msg --label queue --folds 2 --workers 2"


@pytest.fixture(scope="module")
def compared(tmp_path_factory, gatewise, labelled, small):
    """What a comparison printed, and its folder. Do not change the folder."""
    out = tmp_path_factory.mktemp("compared") / "run"
    result = gatewise(f"{COMPARE} {small}", labelled / "train.csv", "--out", out)
    assert result.exit_code == 0, result.stderr
    return result, out


def test_what_is_printed(compared):
    result, out = compared
    told = " ".join(result.stdout.split())
    rows = json.loads((out / "results.json").read_bytes())
    assert len(rows) == 9
    for row in rows:
        assert f"{row['name']} {row['mean']:.2%} {row['standard_deviation']:.2%}" in told
    summary = json.loads((out / "summary.json").read_bytes())
    assert " ".join(summary["conclusion"].split()) in told
    for pair in summary["pairs"]:
        assert f"{100 * pair['difference']:+.2f}" in told
    assert f"written: {out / 'report.html'}" in told
    assert (out / "report.html").read_text("utf-8").count("<svg") == 2


def test_the_same_command_goes_on_from_what_is_there(compared, gatewise, labelled, small):
    result, out = compared
    again = gatewise(f"{COMPARE} {small}", labelled / "train.csv", "--out", out)
    assert again.stdout == result.stdout


def test_a_run_of_another_question(fails, compared, labelled, small):
    told = fails(
        f"tune --text msg --label queue --folds 2 {small}",
        labelled / "train.csv",
        "--out",
        compared[1],
    )
    assert "holds a run about something else: question differ" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--folds 1", "folds is 1"),
        ("--units 0", "units is 0"),
        ("--score speed", "score is 'speed'"),
        ("--engine dask", "the engine 'dask' needs the address of a cluster"),
    ],
)
def test_what_cannot_be_compared(fails, labelled, tmp_path, options, told):
    line = fails(
        f"compare --text msg --label queue {options}",
        labelled / "train.csv",
        "--out",
        tmp_path / "run",
    )
    assert told in line
    assert not (tmp_path / "run").exists()


def test_only_what_is_named_and_no_differences_of_nothing(compared, gatewise, labelled, small):
    command = f"{COMPARE} {small} --methods ngrams --no-curve"
    result = gatewise(command, labelled / "train.csv", "--out", compared[1])
    assert result.exit_code == 0, result.stderr
    assert "n-grams alone" in result.stdout
    assert "LSTM alone" not in result.stdout
    assert "p (t-test)" not in result.stdout
    page = (compared[1] / "report.html").read_text("utf-8")
    assert page.count("<svg") == 1
    assert "Differences" not in page
