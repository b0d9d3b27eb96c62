"""The report of a model: whole, escaped, in need of nothing, and never at a loss."""

import base64
import hashlib
import json
import re
import weakref
from collections.abc import Sequence
from dataclasses import fields, replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, DataError
from gatewise.report.drawing import prefixed
from gatewise.report.model_charts import _learning, _lengths, model_charts
from gatewise.report.model_facts import model_facts
from gatewise.report.model_page import _breakable, model_page, write_model_page
from gatewise.text.corpus import Corpus, corpus_from_lists

VOID = {"meta", "link", "br", "img", "input", "hr"}
EVIL = "</title></style></script><script>alert(1)</script><img src=x onerror='a'>{{ 7 * 7 }}&amp;"
SECTIONS = ["accuracy", "data", "words", "learning", "classes", "confusion", "calibration"]
SECTIONS += ["abstaining", "hardest", "replay", "runs", "costs", "again"]


class Page(HTMLParser):
    """What a browser would see; fails where an element is not closed."""

    def __init__(self, source):
        super().__init__()
        self.source, self.elements, self.words, self._open = source, [], [], []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert "svg" in self._open, f"<{tag}/> is closed in SVG alone"
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self._open):
            self.words += data.split()

    @property
    def told(self):
        return " ".join(self.words)

    def all(self, tag):
        return [attributes for one, attributes in self.elements if one == tag]


def page_of(classifier, **options):
    return Page(model_page(model_facts(classifier, **options)))


@pytest.fixture(scope="module")
def seen(classifier, corpus):
    return page_of(classifier, corpus=corpus, command="gatewise train tickets.csv --out model")


# What it says


def test_every_section_is_there(seen):
    heads = [one["id"] for tag, one in seen.elements if tag == "h2"]
    assert heads == SECTIONS
    links = [one["href"] for one in seen.all("a")]
    assert links == [f"#{name}" for name in SECTIONS]


def test_the_numbers_are_the_models(seen, classifier):
    accuracy = classifier.model_.facts["held_out"]["blend"]
    assert f"{accuracy:.1%} of the answers are right" in seen.told
    assert "240 training records under 3 classes" in seen.told
    assert "1 rows refused" not in seen.told
    assert "1 row refused: 1 no text" in seen.told
    assert "gatewise train tickets.csv --out model" in seen.told
    assert "Settings that differ from the recipe's" in seen.told
    assert "the network reads 200 at most, half from either end of a longer one" in seen.told
    assert "before calibration" in seen.source
    assert "No run of gatewise tune or gatewise compare was given." in seen.told


def test_a_file_is_measured_instead(classifier):
    data = corpus_from_lists(
        ["the machine kept my card", "rain on sunday", "what is my balance"],
        ["card", "weather", "card"],
    )
    seen = page_of(classifier, data=data)
    assert "Measured on 3 records of lists; the numbers hold" in seen.told
    assert "1 records have" not in seen.told
    assert "1 record has a label that the model does not know" in seen.told
    assert "no class of the model" in seen.told
    assert "what is my balance" in seen.told
    assert "the training file was not at hand" in seen.told


def test_what_is_missing_is_said_and_nothing_fails(altered):
    bare = altered(held_out=None, index=None, scope=None, facts={}, history=[], ngrams=None)
    seen = page_of(bare)
    assert [one["id"] for tag, one in seen.elements if tag == "h2"] == SECTIONS
    for line in (
        "A text classifier that was not measured",
        "Nothing was measured: no records were held out",
        "An unknown number of training records",
        "Nothing is known of the epochs",
        "nothing is known of confusions",
        "How long the training took is not kept",
        "so these are words that the model is sure of",
        "No fingerprint of the training data is kept",
    ):
        assert line in seen.told
    assert len([one for one in seen.all("svg") if "class" not in one]) == 0


def test_without_texts_the_numbers_are_there(classifier):
    seen = page_of(classifier)
    assert "The texts of the measured records are not at hand" in seen.told
    assert "Their texts are not at hand." in seen.told


def test_a_model_that_makes_no_mistake(altered, held_out, corpus):
    targets = [0, 1, 2, 0]
    kept = held_out(targets, np.eye(3)[targets] * 0.9 + 0.03)
    seen = page_of(altered(held_out=kept), corpus=corpus)
    assert "100.0% of the answers are right" in seen.told
    assert "No record was answered wrongly." in seen.told
    assert "Every record is answered rightly." in seen.told


def test_runs_are_shown(classifier, tuned, grid, compared, methods, curve):
    folder = tuned(grid, 2, reason="It is small.")
    seen = page_of(classifier, runs=[folder])
    assert "It is small." in seen.told
    assert folder.name in seen.told
    folder = compared(methods, 2, curve=curve)
    seen = page_of(classifier, runs=[folder])
    assert "The LSTM is not worth it." in seen.told
    assert 'id="curve-0-' in seen.source


def test_texts_are_masked_on_request(classifier, corpus, make_tickets):
    texts, labels = make_tickets(30, seed=5)
    texts = [f"{text} ask Okafor at okafor@example.com or 0171 234" for text in texts]
    data = corpus_from_lists(texts, [*labels[1:], labels[0]])
    plain = page_of(classifier, data=data)
    masked = page_of(classifier, data=data, redact=True)
    for secret in ("Okafor", "okafor@example.com", "0171"):
        assert secret in plain.told
        assert secret not in masked.source
    assert "In all texts digits, addresses and what looks like a name are masked." in masked.told
    assert "ask [name] at [mail] or #### ###" in masked.told


def test_what_cannot_be_reported(tmp_path, classifier):
    with pytest.raises(ConfigError, match="a fitted TextClassifier is needed"):
        model_facts(SimpleNamespace())
    with pytest.raises(DataError, match="is not the folder of a run"):
        write_model_page(classifier, tmp_path / "page.html", runs=[tmp_path])
    assert list(tmp_path.iterdir()) == []


# What it is made of


def test_nothing_is_asked_from_elsewhere(seen):
    for tag, attributes in seen.elements:
        assert tag not in ("img", "link", "iframe", "object", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("src", "action", "srcset")
            assert "href" not in name or value.startswith("#")
            assert "url(" not in (value or "") or "url(#" in value
    own = re.sub(r' xmlns(:xlink)?="[^"]*"', "", seen.source)
    assert "://" not in own
    assert "@import" not in own
    (policy,) = [one["content"] for one in seen.all("meta") if "http-equiv" in one]
    (script,) = re.findall(r"<script>(.*?)</script>", seen.source, re.DOTALL)
    named = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{named}'")


def test_no_two_charts_share_a_name(seen):
    ids = [one["id"] for _, one in seen.elements if "id" in one]
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'(?:url\(#|xlink:href="#)([^")]+)', seen.source)
    assert set(wanted) <= set(ids)


def test_names_in_a_chart_get_a_beginning():
    svg = '<svg><g id="a"/><use xlink:href="#a"/><path clip-path="url(#b)" d="m"/></svg>'
    expected = '<svg><g id="x-a"/><use xlink:href="#x-a"/><path clip-path="url(#x-b)" d="m"/></svg>'
    assert prefixed(svg, "x") == expected


def test_a_reader_of_the_screen_is_told_what_is_shown(seen):
    ids = {one["id"] for _, one in seen.elements if "id" in one}
    for box in seen.all("div"):
        if "scroll" in box.get("class", ""):
            assert box["tabindex"] == "0"
            assert box.get("aria-label") or box["aria-labelledby"] in ids
    assert all(one["scope"] in ("row", "col") for one in seen.all("th"))
    assert seen.source.startswith('<!doctype html>\n<html lang="en">')


def test_every_text_is_escaped(classifier, altered, corpus):
    evil = [f"{EVIL} {text}" for text in corpus.texts]
    labels = [f"{EVIL}{label}" for label in corpus.labels]
    facts = {**classifier.model_.facts, "notes": [EVIL]}
    renamed = altered(labels=tuple(sorted(set(labels))), facts=facts)
    source = replace(corpus, texts=evil, labels=labels, source=EVIL, notes=[EVIL])
    seen = page_of(renamed, corpus=source, command=EVIL, versions={EVIL: EVIL})
    assert len(seen.all("script")) == 1
    assert seen.all("img") == []
    assert len(seen.all("style")) == 1 + len([one for one in seen.all("svg") if "class" not in one])
    assert "49" not in re.findall(r"\b49&", seen.source)
    assert EVIL in seen.told
    heads = [one["id"] for tag, one in seen.elements if tag == "h2"]
    assert heads == SECTIONS


def test_other_scripts_and_half_characters(altered, corpus, tmp_path):
    labels = ("订单", "שלום", "x" * 300)
    texts = [f"{text} 密码 \ud800 لماذا" for text in corpus.texts]
    renamed = altered(labels=labels)
    named = dict(zip(sorted(set(corpus.labels)), labels, strict=True))
    source = replace(corpus, texts=texts, labels=[named[label] for label in corpus.labels])
    out = write_model_page(renamed, tmp_path / "page.html", corpus=source)
    told = out.read_text("utf-8")
    for label in labels:
        assert f"<bdi>{label}</bdi>" in told
    assert "密码 ? لماذا" in told


def test_the_same_model_gives_the_same_bytes(classifier, corpus, seen, tmp_path):
    options = {"corpus": corpus, "command": "gatewise train tickets.csv --out model"}
    pages = [write_model_page(classifier, tmp_path / f"{n}.html", **options) for n in range(2)]
    first, second = (page.read_bytes() for page in pages)
    assert first == second == seen.source.encode()


# Charts


def test_what_has_no_numbers_is_not_drawn(altered, classifier, corpus):
    drawn = model_charts(model_facts(classifier, corpus=corpus))
    names = ["accuracy", "calibration", "risk", "learning", "word2vec", "lengths", "seconds"]
    assert list(drawn) == names
    bare = altered(held_out=None, facts={}, history=[])
    assert model_charts(model_facts(bare)) == {}


def test_a_chart_says_what_is_in_the_facts(classifier, corpus):
    facts = model_facts(classifier, corpus=corpus)
    drawn = model_charts(facts)
    error = facts.quality.calibration["after"]["error"]
    assert f"after calibration: off by {100 * error:.1f} points" in drawn["calibration"]
    assert "the model&#x27;s own threshold" in drawn["risk"].replace("'", "&#x27;")
    assert "held out" in drawn["learning"]


def test_flat_losses_stay_under_the_upper_edge():
    epochs = [
        {"epoch": epoch, "loss": 5.03, "accuracy": 0.01, "is_last": False} for epoch in range(3)
    ]
    history = [one | {"validation_loss": None, "validation_accuracy": None} for one in epochs]
    losses, _ = _learning(history).axes
    assert losses.get_ylim()[1] > 5.2


def test_one_epoch_has_no_ticks_between_epochs():
    one = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "is_last": False}
    one |= {"validation_loss": None, "validation_accuracy": None}
    ticks = _learning([one]).axes[0].get_xticks()
    assert [tick for tick in ticks if 0.5 <= tick <= 1.5] == [1.0]


def test_facts_can_be_looked_at(classifier, corpus):
    facts = model_facts(classifier, corpus=corpus)
    assert json.loads(json.dumps(facts.history))[0]["epoch"] == 1


@pytest.mark.parametrize("most", [1, 7, 29, 30, 44, 100, 1000])
def test_a_chart_of_lengths_invents_no_teeth(most):
    lengths = [*range(1, most + 1)] * 200  # as many of each length
    bars = _lengths([*lengths, 10 * most], 10**6).axes[0].patches
    heights = [bar.get_height() for bar in bars]
    assert {round(bar.get_width(), 6) for bar in bars} == {round(bars[0].get_width(), 6)}
    assert sum(heights) == len(lengths) + 1
    assert heights[-1] == 1.0
    assert len(set(heights[1:-2])) <= 1  # the first begins at 0, the last but one may be half full


def test_labels_break_behind_their_underscores():
    assert _breakable("a<b_c_d") == "a&lt;b_<wbr>c_<wbr>d"


class Text(str):
    """One that can be watched."""


class Passing(Sequence):
    """Texts of a file too large for memory: counts how many of them are held at a time."""

    def __init__(self, texts):
        self.texts, self.alive, self.most = texts, weakref.WeakSet(), 0

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, row):
        return self.texts[row]

    def __iter__(self):
        for text in self.texts:
            one = Text(text)
            self.alive.add(one)
            self.most = max(self.most, len(self.alive))
            yield one


class LargeCorpus(Corpus):
    """One that has counted its duplicates before, as one in files has."""

    n_duplicates = 0
    conflicts = ()


def test_the_texts_of_a_large_file_are_not_held_in_memory(classifier, corpus):
    texts = Passing(corpus.texts)
    held = {field.name: getattr(corpus, field.name) for field in fields(corpus)}
    model_facts(classifier, corpus=LargeCorpus(**held | {"texts": texts}), redact=True)
    assert 1 <= texts.most <= 4


def test_classes_of_one_size_have_no_largest_and_smallest(classifier, corpus):
    facts = model_facts(classifier, corpus=corpus)
    even = replace(facts, data=facts.data | {"largest": ("b", 25), "smallest": ("a", 25)})
    assert "Every class has 25 records." in Page(model_page(even)).told
    assert "Every class" not in Page(model_page(facts)).told


def test_the_largest_class_of_the_baseline_is_that_of_the_measured_records(seen):
    assert "always the largest class of those measured (" in seen.told
