"""A model that knows its limits, from the command line."""

import csv
import io
import json

import pytest

from gatewise.store.archive import load

TRAIN = "train --text msg --label queue --keep-texts --abstain-coverage 0.9 --report --redact"


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    path = tmp_path_factory.mktemp("outside") / "outside.csv"
    rows = [f"sing {noun} of the sea" for noun in ("songs", "hymns", "shanties")] * 4
    path.write_text("\n".join(["msg", *rows, ""]))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, gatewise, labelled, small, outside):
    """What was printed, and the model. Do not change its folder."""
    out = tmp_path_factory.mktemp("trust") / "model"
    options = ("--out-of-scope", outside, "--out", out)
    return gatewise(f"{TRAIN} {small}", labelled / "train.csv", *options), out


def answers(gatewise, model, *texts, options=""):
    typed = "msg\n" + "".join(f"{text}\n" for text in texts)
    result = gatewise(f"predict --text msg {options}", model, "-", typed=typed)
    assert result.exit_code == 0
    return list(csv.DictReader(io.StringIO(result.stdout))), result.stderr


def test_what_was_asked_for_is_in_the_model(trained):
    result, out = trained
    assert result.exit_code == 0, result.stderr
    classifier = load(out)
    assert classifier.abstain_coverage == 0.9
    assert classifier.model_.decision.outside_below == pytest.approx(0.1, abs=0.06)
    assert len(classifier.model_.index.texts) == 160
    assert classifier.model_.ngrams.outside is not None
    assert "outside.csv: 12 out-of-scope texts" in result.stderr


def test_the_report_lies_in_the_model(trained, gatewise):
    result, out = trained
    assert f"report written to {out / 'report.html'}" in " ".join(result.stdout.split())
    page = (out / "report.html").read_text("utf-8")
    assert "To make it again" in page
    assert "160 training records under 3 classes" in page
    assert gatewise("info --verify", out).exit_code == 0


def test_the_decision_stands_in_the_table(trained, gatewise):
    (known, strange), told = answers(gatewise, trained[1], "my card is stuck", "plugh xyzzy")
    assert known["decision"] == known["predicted"]
    assert strange["decision"] == "abstain"
    assert strange["predicted"]
    assert float(strange["in_scope"]) < 0.1 < float(known["in_scope"]) <= 1.0
    assert "1 of them too unsure or too strange: abstain" in told


def test_the_nearest_records_stand_in_the_table(trained, gatewise, labelled):
    ((row,), _) = answers(gatewise, trained[1], "my card is stuck", options="--nearest 2")
    lines = (labelled / "train.csv").read_text("utf-8").splitlines()
    texts = {line["msg"] for line in csv.DictReader(lines)}
    for rank in (1, 2):
        assert row[f"nearest_{rank}"] in texts
        assert row[f"nearest_{rank}_label"] in ("balance", "card", "transfer")
    assert 1.0 >= float(row["nearest_1_similarity"]) >= float(row["nearest_2_similarity"])


def test_thresholds_are_told(trained, gatewise):
    told = " ".join(gatewise("info", trained[1]).stdout.split())
    assert "abstains below an in-scope score of 1" in told or "score of 9" in told


def test_what_cannot_be_done(fails, labelled, tmp_path, model, outside):
    out = ("--out", tmp_path / "model")
    data = labelled / "train.csv"
    known = "train --text msg --label queue"
    assert "add --report" in fails(f"{known} --redact", data, *out)
    assert "abstain_coverage is 7" in fails(f"{known} --abstain-coverage 7", data, *out)
    assert "abstain_precision is -1" in fails(f"{known} --abstain-precision -1", data, *out)
    alone = f"{known} --no-companion --out-of-scope"
    assert "learnt from by the companion" in fails(alone, outside, data, *out)
    assert "nowhere.csv" in fails(f"{known} --out-of-scope nowhere.csv", data, *out)
    assert "nearest is 999" in fails("predict --nearest 999", model, data)
    assert not (tmp_path / "model").exists()


def test_a_model_of_other_texts_does_not_show_them(model, gatewise):
    ((row,), _) = answers(gatewise, model, "my card", options="--nearest 1 --format csv")
    assert row["nearest_1"].startswith("record ")
    assert json.loads((model / "calibration.json").read_bytes())["held_out"] == "training"
