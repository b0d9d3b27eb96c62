from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base.errors import ModelFileError
from gatewise.store.settings import decode, encode
from gatewise.store.words import words_from_json, words_to_json
from gatewise.text.vocabulary import Vocabulary, build_vocabulary

SOURCE = Path("vocabulary.json")
GOOD = {"words": ["a", "b"], "counts": [3, 1], "ngrams": ["<a", "b>"], "companion": ["c:a", "w:a"]}


@given(st.lists(st.lists(st.text(min_size=1), max_size=5), max_size=5))
def test_a_vocabulary_comes_back(token_lists):
    vocabulary = build_vocabulary(token_lists, max_ngrams=50)
    found, terms = words_from_json(decode(encode(words_to_json(vocabulary, None)), SOURCE), SOURCE)
    assert vars(found) == vars(vocabulary)
    assert terms is None


def test_the_companions_terms_come_back(fitted):
    model = fitted("modern").model_
    found, terms = words_from_json(words_to_json(model.vocabulary, model.ngrams), SOURCE)
    assert vars(found) == vars(model.vocabulary)
    assert tuple(terms) == model.ngrams.terms


def test_the_reserved_words_are_not_written():
    assert words_to_json(Vocabulary(["<pad>"], [2]), None)["words"] == ["<pad>"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"words": ["a"]}, "1 words came with 2 counts"),
        ({"words": ["a", "a"]}, "twice"),
        ({"words": ["a", 1]}, "list of strings for the words"),
        ({"words": ["a", ""]}, "without a letter"),
        ({"ngrams": [""]}, "without a letter"),
        ({"ngrams": ["x", "x"]}, "twice"),
        ({"ngrams": None}, "list of strings for the character n-grams"),
        ({"counts": [1, 2.0]}, "counts of words"),
        ({"counts": [1, True]}, "counts of words"),
        ({"counts": [1, -2]}, "counts of words"),
        ({"counts": 3}, "counts of words"),
        ({"companion": []}, "no n-gram for the companion"),
        ({"companion": ["w:a", "w:a"]}, "or one of them twice"),
        ({"companion": ["x:a"]}, "must begin with"),
        ({"companion": "w:a"}, "list of strings for the companion"),
        ({"more": []}, "the entry 'more'"),
    ],
)
def test_wrong_words_are_refused(change, reason):
    words_from_json(GOOD, SOURCE)
    with pytest.raises(ModelFileError, match=rf"^vocabulary\.json .*{reason}"):
        words_from_json({**GOOD, **change}, SOURCE)
