from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from gatewise.classify.repeated import repeated_share, repetitions_told
from gatewise.classify.request import LabelledTexts

TEXTS = [f"text {number}" for number in range(10)]


def told(texts, held_out, *, validation=(), outside=()):
    """What is told where those rows are held out and all others are learnt from."""
    data = LabelledTexts(texts, np.zeros(len(texts), dtype=np.int64))
    given = LabelledTexts(validation, np.zeros(len(validation), dtype=np.int64))
    request = SimpleNamespace(validation=given if validation else None, out_of_scope=outside)
    kept = np.setdiff1d(np.arange(len(texts)), [] if validation else held_out)
    return repetitions_told(data, request, kept, np.array(held_out))


def test_case_and_white_space_make_no_other_text():
    assert repeated_share(["A  b", "c"], ["a b", "C ", "d", "a b"]) == pytest.approx(0.75)
    assert repeated_share(["a"], []) == 0.0


def test_nothing_is_told_of_texts_that_stand_once():
    assert told(TEXTS, [2, 5]) == ({}, [])


def test_repeated_texts_make_the_held_out_records_easy():
    facts, notes = told([*TEXTS, "text 1", "TEXT 2"], [1, 5, 11, 6])
    assert facts == {"learnt_share": 0.5}
    assert notes == [
        "50.0% of the held-out records have a text that was learnt from too, which makes scores "
        "too good unless new texts repeat as often; leave repetitions out"
    ]


def test_two_held_out_records_of_one_text_tell_nothing_to_each_other():
    assert told([*TEXTS, "text 1"], [1, 10]) == ({}, [])


def test_validation_records_are_others():
    facts, notes = told(TEXTS, [10, 11], validation=["text 3", "new"])
    assert facts == {"learnt_share": 0.5}
    assert notes[0].startswith("50.0% of the validation records have a text")
    assert notes[0].endswith("; give others that the training data do not have")


def test_an_out_of_scope_example_has_no_label():
    assert told(TEXTS, [0], outside=["text 3", "new"])[1] == [
        "1 out-of-scope example of 2 is among the labelled texts as well; take them out of one of "
        "the two"
    ]
