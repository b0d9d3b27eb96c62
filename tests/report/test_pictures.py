"""Where the parts of pictures stand."""

import pytest

from gatewise.report.confusion import Cell, Grid
from gatewise.report.pictures import (
    grid_picture,
    heat_picture,
    map_picture,
    shortened,
    text_width,
)
from gatewise.report.words import MapWord


def test_wide_letters_are_wider_and_marks_take_no_room():
    assert text_width("密码") > text_width("ab")
    assert text_width("e\u0301") == text_width("e")


def test_long_labels_are_cut():
    assert shortened("short") == "short"
    cut = shortened("a very long label indeed, longer than there is room")
    assert cut.endswith("…")
    assert text_width(cut) <= 27 * text_width("a")
    assert len(shortened("长" * 40)) < 16


def test_cells_stand_at_their_row_and_column():
    labels = ("one", "two", "three")
    found = grid_picture(Grid(labels, [Cell(0, 0, 3, 0.75), Cell(2, 1, 1, 0.5)], 3))
    first, second = found["cells"]
    side = found["side"]
    assert (first["x"], first["y"]) == (found["left"], found["top"])
    assert (second["x"], second["y"]) == (found["left"] + side, found["top"] + 2 * side)
    assert second["told"] == "three → two: 1 (50.0%)"
    assert (first["is_right"], second["is_right"]) == (True, False)
    assert found["width"] > found["left"] + 3 * side


def test_a_word_that_would_cover_another_is_a_dot():
    words = [
        MapWord("first", 0.5, 0.5, "a", 0.9, 1),
        MapWord("second", 0.51, 0.5, "a", 0.9, 1),
        MapWord("third", 0.1, 0.9, "b", 0.8, 0),
    ]
    found = map_picture(words)
    assert [one["is_written"] for one in found["words"]] == [True, False, True]
    for one in found["words"]:
        half = text_width(one["name"]) / 2
        assert half <= float(one["x"]) <= found["width"] - half
        assert 0 < float(one["y"]) < found["height"]
    assert found["words"][2]["told"] == "third: b (80%)"


def test_steps_stand_side_by_side():
    replayed = {
        "tokens": ["a", "b" * 40],
        "credits": [{"name": "credit", "values": [2.0, -1.0], "strengths": [1.0, -0.5]}],
        "gates": [{"name": "input gate", "values": [0.25, 0.5]}],
        "states": [{"name": "unit 1", "values": [0.1, 0.2], "strengths": [0.5, 1.0]}],
    }
    found = heat_picture(replayed)
    assert [row["name"] for row in found["rows"]] == ["credit", "input gate", "unit 1"]
    credit = found["rows"][0]["cells"]
    assert credit[1]["x"] - credit[0]["x"] == found["step_width"]
    assert [cell["is_less"] for cell in credit] == [False, True]
    assert credit[1]["strength"] == "0.500"
    assert credit[1]["told"].endswith(": -1.000")
    assert found["tokens"][1]["name"].endswith("…")
    heights = [row["y"] for row in found["rows"]]
    assert heights == sorted(heights)
    assert found["height"] == pytest.approx(heights[-1] + found["step_height"] + 2)
