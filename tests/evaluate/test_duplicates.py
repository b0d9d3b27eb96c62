from __future__ import annotations

import pytest

from gatewise.evaluate import duplicates
from gatewise.evaluate.duplicates import Twin, find_leaks, find_twins

TEXTS = [
    "My card was swallowed by the machine at the station",
    "my card  was swallowed by the machine at the station!",
    "What is my balance please",
    "my card was swallowed by the machine at the station",
    "Something else entirely, about a transfer",
]


def rows(twins):
    return [(twin.first, twin.second) for twin in twins]


def test_nearly_the_same_text_under_another_label():
    twins, notes = find_twins(TEXTS, ["card", "atm", "balance", "card", "transfer"])
    assert rows(twins) == [(0, 1), (1, 3)]
    assert all(0.9 <= twin.similarity <= 1 for twin in twins)
    assert notes == []


def test_letters_that_are_composed_and_not_are_the_same():
    assert rows(find_twins(["le caf\u00e9", "LE cafe\u0301"], ["a", "b"])[0]) == [(0, 1)]
    assert rows(find_twins(["\u00e9", "e\u0301"], ["a", "b"])[0]) == [(0, 1)]


def test_the_same_label_is_no_twin():
    assert find_twins(TEXTS, ["card"] * 5)[0] == []


def test_the_nearest_is_named():
    twins, _ = find_twins([TEXTS[0], TEXTS[1], TEXTS[0]], ["a", "b", "c"])
    assert rows(twins) == [(0, 2), (1, 2)]
    assert twins[0].similarity == pytest.approx(1.0)


def test_texts_of_a_test_file_that_were_learnt_from():
    leaks, _ = find_leaks(TEXTS, ["brand new words", TEXTS[2].upper(), TEXTS[0]])
    assert rows(leaks) == [(2, 1), (0, 2)]


def test_texts_too_short_for_letter_groups_have_to_be_equal():
    assert rows(find_twins(["a", "A ", "b"], ["x", "y", "z"])[0]) == [(0, 1)]
    assert rows(find_twins(["卡", "卡", "钱"], ["x", "y", "z"])[0]) == [(0, 1)]


def test_of_very_many_texts_only_equal_ones_are_found_and_that_is_said(monkeypatch):
    monkeypatch.setattr(duplicates, "_MOST_TEXTS", 4)
    twins, notes = find_twins(TEXTS, ["card", "atm", "balance", "other", "transfer"])
    assert rows(twins) == [(0, 3)]
    assert "only those that are equal were looked for" in notes[0]


def test_what_only_the_test_file_has_makes_its_texts_differ():
    learnt = ["reset my password"]
    judged = ["reset my password? quixotic zebra hunts bumblebees while vexing judge"]
    assert find_leaks(learnt, judged) == ([], [])
    assert find_leaks(judged, learnt) == ([], [])


def test_short_texts_are_found_among_long_ones():
    texts = ["退款", "退款", "我要退款可以吗", "换货可以吗"]
    assert find_twins(texts, ["a", "b", "a", "b"]) == ([Twin(0, 1, 1.0)], [])
    assert find_leaks(["退款", "我要退款可以吗"], [" 退款"]) == ([Twin(0, 0, 1.0)], [])


def test_no_texts_have_no_twins():
    assert find_leaks([], ["some text"]) == find_leaks(["some text"], []) == ([], [])


def test_the_note_is_about_the_longer_of_two_lists(monkeypatch):
    monkeypatch.setattr(duplicates, "_MOST_TEXTS", 3)
    few, more = ["one text"] * 3, ["one text"] * 4
    assert find_leaks(few, few)[1] == []
    assert len(find_leaks(few, more)[1]) == len(find_leaks(more, few)[1]) == 1
