from __future__ import annotations

import json
import re
import sys
from dataclasses import replace as changed

import numpy as np
import pytest

from gatewise.base.errors import MissingExtraError
from gatewise.explain.cells import padded
from gatewise.explain.replay import replay
from gatewise.explain.variants import Reading

TEXT = "my card was swallowed by the machines zzqq"


class Told:
    """Variants that were written down beforehand."""

    def __init__(self, probabilities, without=None, lengths=None):
        lengths = lengths or list(range(1, len(probabilities) + 1))
        self.reading = Reading(lengths, np.array(probabilities))
        self.without = without or {}


@pytest.fixture
def found(classifier):
    return replay(classifier("modern"), TEXT)


def test_the_dict_holds_everything(found, case, classifier):
    found = replay(classifier(case), TEXT)
    told = json.loads(json.dumps(found.to_dict(before=True)))
    n_steps, labels = len(told["tokens"]), list(found.labels)
    assert {"surface", "text", "start", "end", "kind"} == set(told["tokens"][0])
    assert [one["text"] for one in told["tokens"]] == [token.text for token in found.tokens]
    assert len(told["layers"]) == found.config.layers
    for layer, traced in zip(told["layers"], found.layers, strict=True):
        assert list(layer) == (["forward", "backward"] if traced.backward else ["forward"])
        for way, arrays in layer.items():
            one = getattr(traced, way)
            assert list(arrays) == ["i", "f", "g", "o", "c", "h", "before"]
            for name, values in arrays.items():
                assert np.array_equal(np.array(values), getattr(one, name))
    for number, label in enumerate(labels):
        split = told["credits"][label]
        assert len(split["tokens"]) == n_steps
        total = sum(split["tokens"]) + split["bias"]
        total += sum(entry["credit"] for entry in split["ngrams"])
        assert total == pytest.approx(told["logits"][label], abs=1e-9)
        assert told["network_logits"][label] == found.logits[number]
    scores = np.array([told["logits"][label] for label in labels])
    softmax = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    expected = [told["probabilities"][label] for label in labels]
    np.testing.assert_allclose(softmax, expected, atol=1e-6)
    assert told["label"] == labels[int(np.argmax(expected))]
    assert [point["tokens"] for point in told["as_it_reads"]] == found.reading.lengths
    assert set(told["without"]) == {str(step) for step in found.without}
    assert told["difference"] <= 1e-5
    assert "before" not in found.to_dict()["layers"][0]["forward"]


def test_the_frame_has_a_row_per_step(found):
    frame = found.to_frame()
    assert frame["surface"].tolist() == [token.surface for token in found.tokens]
    assert np.array_equal(frame["credit"], found.credits.steps[:, found.decision])
    one = found.layers[-1].backward
    assert np.array_equal(frame["backward_f"], one.f.mean(axis=1))
    for step, value in enumerate(frame["probability_without"]):
        assert value == found.without[step][found.decision]


def test_a_frame_needs_pandas(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"type: pip install pandas$"):
        found.to_frame()


def test_when_it_decided(found):
    certain, other = np.eye(3)[found.decision], np.eye(3)[found.decision - 1]

    def decided(*answers):
        return changed(found, variants=Told(answers)).decided_at

    assert decided(certain, certain, certain) == 1
    assert decided(other, certain, certain) == 2
    assert decided(certain, other, certain) == 3
    assert decided(certain, certain, other) is None


def test_the_sentence(found):
    certain, other = np.eye(3)[found.decision], np.eye(3)[found.decision - 1]
    told = changed(found, variants=Told([other, certain])).sentence()
    assert told.startswith(f"decided for {found.label!r} with ")
    assert told.endswith("at token 2 ('card')")
    told = changed(found, variants=Told([other, certain], lengths=[4, 7])).sentence()
    assert told.endswith("at one of the tokens 5 to 7 (the last is 'machines')")
    told = changed(found, variants=Told([other])).sentence()
    assert told.endswith("by what lies beyond the line")
    endless = [changed(token, surface="z" * 3000) for token in found.tokens]
    told = changed(found, variants=Told([other, certain]), tokens=endless).sentence()
    assert told.endswith(f"at token 2 ('{'z' * 59}…')")
    empty = changed(found, variants=Told(np.zeros((0, 3))))
    assert empty.sentence().startswith("there is nothing to read")


def test_credits_that_leaving_out_contradicts_are_named(found):
    shares = np.zeros_like(found.credits.steps)
    shares[:4, found.decision] = [1.0, -1.0, 1.0, 0.001]
    probabilities = found.probabilities
    lower, higher = probabilities - 0.1, probabilities + 0.1
    without = {0: lower, 1: lower, 2: higher, 3: higher, 4: higher}
    found = changed(
        found,
        credits=changed(found.credits, steps=shares),
        variants=Told([probabilities], without),
    )
    assert found.contradicted == [1, 2]
    assert "disagree in sign for 'card', 'was':" in str(found)


def test_the_table(found):
    lines = str(found).splitlines()
    rows = [line for line in lines if line.startswith(("my ", "card ", "machines ~", "zzqq ?"))]
    assert len(rows) == 5  # one of them is the class "card"
    credit = found.credits.steps[1, found.decision]
    assert f"{credit:+8.2f}" in next(row for row in rows if row.startswith("card "))
    ways = found.layers[-1].directions
    mean = np.mean([way.f[1].mean() for way in ways])  # of both directions, as on the page
    assert next(row for row in rows if row.startswith("card ")).split()[4] == f"{mean:.2f}"
    sums = next(line for line in lines if line.startswith(found.label) and " = " in line)
    assert f"{found.credits.scores[found.decision]:+8.2f}" in sums
    assert any("differ by" in line for line in lines)
    rest = next(line for line in lines if " more " in line)
    shown = [line for line in lines if line.startswith("'")]
    assert all(
        line.endswith(("   letters", "   words", "   words near each other")) for line in shown
    )
    assert len(shown) + int(rest.split()[0]) == len(found.credits.terms)
    listed = sum(float(re.search(r"[+-]\d+\.\d\d", line)[0]) for line in [*shown, rest])
    assert listed == pytest.approx(found.credits.ngrams[:, found.decision].sum(), abs=0.05)


def test_a_model_alone_has_no_table_of_ngrams(classifier, plain):
    for case, expected in (("alone", False), ("modern", True)):
        lines = str(replay(classifier(case), TEXT)).splitlines()
        assert any(line.startswith("n-gram ") for line in lines) is expected
    assert "not compared with the network itself" in str(replay(plain("alone"), TEXT))


def test_a_long_text_is_shortened_in_the_table(fitted, classifier):
    found = replay(classifier("modern"), TEXT)
    way = repeated(found, 100)
    one = changed(found.layers[0], forward=way, backward=way)
    many = changed(
        found,
        tokens=found.tokens[:1] * 100,
        credits=changed(found.credits, steps=np.random.default_rng(0).normal(size=(100, 3))),
        trace=changed(found.trace, layers=[one]),
        variants=Told([found.probabilities]),
    )
    told = str(many)
    assert told.count("\nmy ") == 40
    assert "tokens in between ..." in told


def repeated(found, number):
    one = found.layers[0].forward
    names = ("i", "f", "g", "o", "c", "h")
    return changed(one, **{name: np.repeat(getattr(one, name)[:1], number, 0) for name in names})


def test_wide_and_long_tokens_keep_the_columns(classifier):
    found = replay(classifier("modern"), "card 我的卡丢了 " + "z" * 60 + " é")
    table = str(found).split("\n\n")[0].splitlines()
    lines = [line for line in table if line.startswith(("card ", "zzz"))]
    assert len({line.index("%") for line in lines}) == 1
    assert any("…" in line for line in lines)


def test_a_cut_cell_is_as_wide_as_others():
    assert padded("我" * 13) == "我" * 11 + "… "
    assert padded("z" * 25) == "z" * 23 + "…"
    assert padded("e\u0301") == "e\u0301" + " " * 23
