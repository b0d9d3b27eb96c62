import dataclasses
import re

import pytest

from gatewise.base.versions import package_versions
from gatewise.network.recipes import Recipe
from gatewise.store.card import model_card


def card_of(model, **changes):
    return model_card(dataclasses.replace(model, **changes), package_versions())


def test_the_card_says_what_was_measured(fitted):
    model = fitted("held out").model_
    card, held_out = card_of(model), model.facts["held_out"]
    for title, part in (
        ("LSTM alone", "lstm"),
        ("n-grams alone", "ngrams"),
        ("both together", "blend"),
    ):
        assert f"| {title} | {held_out[part]:.1%} |" in card
    assert f"Measured on {held_out['n_records']} held-out records" in card
    assert "chosen on the same records" in card
    assert "records: 81" in card
    assert "100.0% of the vocabulary" in card
    assert "of 4 units" in card


def test_the_card_says_when_nothing_was_measured(fitted):
    card = card_of(fitted("classic").model_)
    assert "model-index" not in card
    assert "None: no records were held out" in card
    assert "note: too few records" in card
    assert "%" not in card.split("## Held-out scores")[1].split("##")[0]


def test_the_card_without_companion_says_nothing_of_it(fitted):
    assert "blended" in card_of(fitted("modern").model_)
    assert "blended" not in card_of(fitted("alone").model_)


def test_the_card_without_companion_has_the_network_alone(fitted):
    card = card_of(fitted("held out").model_, ngrams=None)
    assert "| LSTM alone |" in card
    assert "both together" not in card
    assert "The temperature was chosen" in card


@pytest.mark.parametrize(
    ("source", "named"),
    [("training", "held out of the"), ("validation", "a validation file"), ("folds", "without it")],
)
def test_the_card_names_the_records_that_were_measured(fitted, source, named):
    model = fitted("held out").model_
    held_out = dataclasses.replace(model.held_out, source=source)
    card = card_of(model, held_out=held_out)
    assert named in card.split("Measured on")[1]
    assert named in card.split("model-index")[1].splitlines()[0]


def test_the_card_names_every_setting_and_version(fitted):
    card = card_of(fitted("classic").model_).replace("\\", "")
    for field in dataclasses.fields(Recipe):
        assert f"| {field.name} | {getattr(fitted('classic').recipe_, field.name)} |" in card
    for package, version in package_versions().items():
        assert f"| {package} | {version} |" in card


def test_the_card_does_not_need_every_fact(fitted):
    card = card_of(fitted("modern").model_, facts={})
    assert "records: not known" in card
    assert "mean length: not known" in card


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a\n\n# b | c", r"a \# b \| c"),
        ("[x](http://a.b) *c* `d`", r"\[x\](http://a.b) \*c\* \`d\`"),
        ("\ud800", "?"),
    ],
)
def test_labels_cannot_become_markup(label, written, fitted):
    card = card_of(fitted("modern").model_, labels=(label, "other", "third"))
    assert f"- classes: {written}, other, third\n" in card


def test_many_labels_are_cut_short(fitted):
    card = card_of(fitted("modern").model_, labels=tuple(f"n{number}" for number in range(1103)))
    assert "n99 and 1,003 more" in card
    assert "n100" not in card


def test_the_card_is_one_page_of_markdown(fitted):
    card = card_of(fitted("modern").model_)
    front, _, rest = card.removeprefix("---\n").partition("\n---\n\n")
    assert rest.startswith("# Model card\n\n")
    assert {line.partition(": ")[0] for line in front.splitlines()} == {
        "library_name",
        "pipeline_tag",
        "tags",
        "model-index",
    }
    assert len(re.findall(r"^## ", card, flags=re.M)) == 5
    assert card.endswith("|\n")
