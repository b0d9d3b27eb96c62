"""``gatewise demo``: the bundled tickets, from one command."""

import pytest

from gatewise.data import load_tickets
from gatewise.store.archive import load


@pytest.fixture(scope="module")
def shown(tmp_path_factory, gatewise):
    out = tmp_path_factory.mktemp("demo") / "deep" / "model"
    result = gatewise("demo --language zh --recipe minimal --epochs 2 --out", out)
    assert result.exit_code == 0, result.stderr
    return result, out


def test_it_tells_what_it_reached_on_the_test_tickets(shown):
    result, out = shown
    test = load_tickets("test", "zh")
    found = load(out).predict(test.texts)
    accuracy = sum(a == b for a, b in zip(found, test.labels, strict=True)) / len(test.texts)
    told = " ".join(result.stdout.split())
    assert f"{len(test.texts)} records" in told
    assert f"blend {accuracy:.1%}" in told
    assert "worst classes" in told
    assert f"model written to {out}" in result.stdout


def test_it_shows_three_answers(shown):
    lines = shown[0].stdout.splitlines()
    answers = [number for number, line in enumerate(lines) if line.startswith("  -> ")]
    assert len(answers) == 3
    texts = [lines[number - 1] for number in answers]
    records = dict(zip(*vars_of(load_tickets("test", "zh")), strict=True))
    for text, number in zip(texts, answers, strict=True):
        right = lines[number].startswith(f"  -> {records[text]} (")
        assert lines[number].endswith("right" if right else f"it is {records[text]}")


def vars_of(corpus):
    return corpus.texts, corpus.labels


def test_it_can_be_repeated(gatewise, shown, tmp_path):
    _, out = shown
    before = (out / "weights.safetensors").read_bytes()
    options = "--language zh --recipe minimal --epochs 2 --seed 1"
    assert gatewise(f"demo {options} --out", out).exit_code == 0
    assert (out / "weights.safetensors").read_bytes() != before


def test_the_english_tickets_and_the_default_place(gatewise, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = gatewise("demo --recipe minimal --epochs 1")
    assert result.exit_code == 0, result.stderr
    assert "4,356 records under 33 labels" in result.stderr
    assert len(load(tmp_path / "demo" / "model").classes_) == 33


def test_another_language_is_refused(fails):
    assert "language is 'fr'; it must be one of 'en', 'zh'" in fails("demo --language fr")
