from __future__ import annotations

import csv
import os
import random

import numpy as np
import pytest

from gatewise.base.errors import DataError
from gatewise.text import stored_corpus
from gatewise.text.corpus import read_corpus
from gatewise.text.stored_corpus import StoredLabels, remove_stored, store_corpus
from gatewise.text.token_table import tabulate
from gatewise.text.tokens import tokenize

ROWS = [
    ("The card was swallowed", "card"),
    ("", "card"),
    ("what is my balance?", " balance "),
    ("the CARD  was swallowed", "balance"),
    ("bad \0 cell", "card"),
    ("What is my balance?", ""),
    ("what is my balance?", "balance"),
    ("", "x"),
    ("我的卡被吞了 again", "card"),
    ("...", "card"),
    ("caf\u00e9", "card"),
    ("cafe\u0301", "balance"),
]


@pytest.fixture(name="source")
def _source(tmp_path):
    path = tmp_path / "tickets.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *ROWS])
    return path


@pytest.fixture(name="cache")
def _cache(tmp_path):
    return tmp_path / "cache"


def test_a_stored_corpus_says_what_one_in_memory_says(source, cache):
    stored, plain = store_corpus(source, cache), read_corpus(source)
    assert list(stored.texts) == plain.texts
    assert list(stored.labels) == plain.labels
    assert list(stored.lines) == plain.lines
    assert stored.label_counts == plain.label_counts
    assert stored.n_duplicates == plain.n_duplicates == 1
    assert stored.conflicts == plain.conflicts == [[2, 5], [12, 13]]
    assert stored.tally == plain.tally
    told, folder = stored.summary(), next(cache.iterdir())
    assert told[-2] == f"note: texts and tokens are kept in {folder}, not in memory"
    assert [*told[:-2], told[-1]] == plain.summary()


def test_its_tokens_are_those_of_its_texts(source, cache):
    stored = store_corpus(source, cache, language="zh")
    expected = tabulate(tokenize(text, "zh") for text in read_corpus(source).texts)
    tokens = stored.texts.tokens
    assert list(tokens) == list(expected)
    assert list(tokens.words) == list(expected.words)
    assert tokens.numbers.dtype == np.int32


def test_it_is_used_again_and_told(source, cache, monkeypatch):
    first = store_corpus(source, cache)
    monkeypatch.setattr(stored_corpus, "write_corpus", None)
    again = store_corpus(source.rename(source.with_name("tickets.b.csv")), cache)
    assert list(again.texts) == list(first.texts)
    assert "are used again from" in again.notes[-1]


@pytest.mark.parametrize("change", ["content", "language", "columns", "most_words"])
def test_another_reading_has_its_own_folder(source, cache, change):
    store_corpus(source, cache)
    options = {
        "content": {},
        "language": {"language": "tr"},
        "columns": {"text_column": "label", "label_column": "text"},
        "most_words": {"most_words": 50},
    }
    if change == "content":
        with source.open("a", encoding="utf-8") as stream:
            stream.write("one more,card\n")
    store_corpus(source, cache, **options[change])
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("name", ["texts", "tokens", "facts.json"])
def test_a_damaged_folder_is_made_anew(source, cache, name):
    expected = list(store_corpus(source, cache).texts.tokens)
    path = next(cache.glob(f"*/{name}"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    stored = store_corpus(source, cache)
    assert list(stored.texts.tokens) == expected
    assert "are kept in" in stored.notes[-1]


@pytest.mark.parametrize("content", [None, b"[]", b"{}", b"[" * 100_000])
def test_damaged_facts_are_not_believed(source, cache, content):
    """A label with another letter is still JSON."""
    labels = store_corpus(source, cache).label_counts
    path = next(cache.glob("*/facts.json"))
    changed = path.read_bytes().replace(b'"card"', b'"cart"')
    assert changed != path.read_bytes()
    path.write_bytes(changed if content is None else content)
    assert store_corpus(source, cache).label_counts == labels


def test_rare_words_are_left_out_where_there_are_too_many(tmp_path, cache):
    draws = random.Random(0)
    common = ["red", "green", "blue"]
    texts = [
        " ".join([draws.choice(common), f"rare{number}", draws.choice(common)])
        for number in range(300)
    ]
    path = tmp_path / "many.csv"
    rows = "".join(f"{text},{number % 2}\n" for number, text in enumerate(texts))
    path.write_text("text,label\n" + rows, encoding="utf-8")
    tokens = store_corpus(path, cache, most_words=40).texts.tokens
    assert len(tokens.words) <= 41
    counts = dict(zip(tokens.words, tokens.counts().tolist(), strict=True))
    joined = " ".join(texts).split()
    assert {word: counts[word] for word in common} == {word: joined.count(word) for word in common}
    assert sum(counts.values()) == len(joined)  # no place was lost
    for found, text in zip(tokens, texts, strict=True):
        assert found == [word for word in text.split() if word in found]
    assert tokens[299] == texts[299].split()  # the last ones had no time to be left out
    (note,) = [one for one in store_corpus(path, cache, most_words=40).notes if "distinct" in one]
    assert note.startswith("more than 40 distinct words: 2")


def test_errors_are_those_of_reading_and_leave_nothing(tmp_path, cache):
    path = tmp_path / "bad.csv"
    path.write_text("text,label\n,card\n,balance\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no record that can be used \(refused 2: no text"):
        store_corpus(path, cache)
    path.write_text("text,label\none,card\ntwo,card\n", encoding="utf-8")
    with pytest.raises(DataError, match="every record has the label 'card'"):
        store_corpus(path, cache)
    assert list(cache.iterdir()) == []


def test_a_file_that_changes_while_it_is_read_is_refused(source, cache, monkeypatch):
    write = stored_corpus.write_corpus

    def slow(*args, **kwargs):
        write(*args, **kwargs)
        os.utime(source, ns=(1, 1))

    monkeypatch.setattr(stored_corpus, "write_corpus", slow)
    with pytest.raises(DataError, match="was changed while it was read"):
        store_corpus(source, cache)
    assert list(cache.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(source, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(DataError, match=r"cannot be kept in .*--cache"):
        store_corpus(source, blocked)


def test_what_killed_runs_left_is_removed_and_nothing_else(source, cache):
    old, young = cache / ".a.0123456789ab.tmp", cache / ".b.0123456789ab.tmp"
    for folder in (old, young, cache / "mine"):
        folder.mkdir(parents=True)
    os.utime(old, (1, 1))
    store_corpus(source, cache)
    assert not old.exists()
    assert young.exists()
    remove_stored(cache)
    assert [path.name for path in cache.iterdir()] == ["mine"]
    (cache / "mine").rmdir()
    remove_stored(cache)
    assert not cache.exists()
    remove_stored(cache)


def test_labels_are_like_a_list_and_an_array():
    labels = StoredLabels(("b", "a", "c"), np.array([0, 1, 1, 2, 0], dtype=np.int32))
    assert list(labels) == ["b", "a", "a", "c", "b"]
    assert labels[-2] == "c"
    assert list(labels[1:3]) == ["a", "a"]
    assert np.asarray(labels).tolist() == list(labels)
    classes, targets = labels.classes()
    assert classes.tolist() == ["a", "b", "c"]
    assert targets.tolist() == [1, 0, 0, 2, 1]
