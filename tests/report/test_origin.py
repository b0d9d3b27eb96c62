"""Data, costs and settings of a model, as the report tells them."""

from dataclasses import replace

import numpy as np

from gatewise.network.training import EpochResult
from gatewise.report.origin import (
    cost_facts,
    data_facts,
    history_facts,
    reproduction_facts,
    training_counts,
)
from gatewise.text.tokens import tokenize


def test_counts_come_from_the_corpus_or_the_index(classifier, altered, corpus):
    model = classifier.model_
    assert training_counts(model, corpus) == corpus.label_counts
    assert training_counts(model, None) == corpus.label_counts
    part = replace(model.index, rows=model.index.rows[1:], targets=model.index.targets[1:])
    assert training_counts(altered(index=part).model_, None) is None
    assert training_counts(altered(index=None).model_, None) is None


def test_the_data(classifier, corpus):
    found = data_facts(classifier.model_, corpus, corpus.label_counts)
    lengths = [len(tokenize(text)) for text in corpus.texts]
    assert found["lengths"] == lengths
    assert found["quantiles"][0.5] == sorted(lengths)[119]
    assert found["quantiles"][1.0] == max(lengths)
    assert found["n_records"] == 240
    account = found["account"]
    assert (account["n_read"], account["n_refused"]) == (240, 1)
    assert account["reasons"] == [("no text", 1)]
    assert account["n_duplicates"] == corpus.n_duplicates > 0
    assert account["n_conflicts"] == len(corpus.conflicts) > 0
    assert found["largest"][1] == max(corpus.label_counts.values())


def test_a_path_is_told_by_its_last_part(classifier, corpus):
    found = data_facts(classifier.model_, replace(corpus, source="/home/ada/x.csv"), None)
    assert found["account"]["name"] == "x.csv"


def test_data_that_are_not_at_hand(classifier):
    found = data_facts(classifier.model_, None, None)
    assert (found["account"], found["lengths"], found["largest"]) == (None, None, None)
    assert found["mean_length"] > 1


def test_what_is_read_of_long_texts(classifier, altered):
    assert data_facts(classifier.model_, None, None)["read_from"] == "half from either end"
    classic = replace(classifier.model_.recipe, fixed_length=True)
    assert data_facts(altered(recipe=classic).model_, None, None)["read_from"] == "the end"


def test_epochs_on_all_records_are_numbered_on(altered):
    history = [EpochResult(epoch, 1.0, 0.5, 1.1, 0.4, 2.0) for epoch in (1, 2, 3)]
    history += [EpochResult(epoch, 0.9, 0.6, None, None, 2.0) for epoch in (1, 2)]
    found = history_facts(altered(history=history).model_)
    assert [one["epoch"] for one in found] == [1, 2, 3, 4, 5]
    assert [one["is_last"] for one in found] == [False] * 3 + [True] * 2
    assert history_facts(altered(history=[]).model_) == []


def test_costs(classifier, altered):
    found = cost_facts(classifier.model_)
    assert found["parameters"] == sum(
        np.size(a) for a in classifier.model_.network.arrays().values()
    )
    assert found["total"] == sum(found["seconds"].values()) > 0
    assert found["records_per_second"] is None
    assert cost_facts(altered(facts={}).model_)["seconds"] == {}


def test_settings_that_differ(classifier, altered):
    found = reproduction_facts(
        classifier.model_, "modern", versions={"torch": "9"}, command="gatewise train x"
    )
    changed = {one["name"]: (one["used"], one["default"]) for one in found["changed"]}
    assert changed["units"] == (4, 128)
    assert "layers" not in changed
    assert (found["seed"], found["versions"]) == (3, {"torch": "9"})
    assert list(map(len, found["fingerprints"].values())) == [64]
    assert found["threads"] == classifier.model_.facts["threads"] >= 1
    facts = {"data_fingerprint": "abc"}
    model = altered(facts=facts).model_
    found = reproduction_facts(model, "unheard of", versions={}, command=None)
    assert found["fingerprints"] == {"data fingerprint": "abc"}
    assert len(found["changed"]) == len(vars(model.recipe))
