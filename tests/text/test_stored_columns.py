from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.text import stored_columns
from gatewise.text.stored_columns import ColumnWriter, StoredStrings, StringWriter, map_column


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(stored_columns, "_NUMBERS_AT_A_TIME", 3)
    monkeypatch.setattr(stored_columns, "_STRINGS_AT_A_TIME", 2)


@pytest.mark.parametrize("numbers", [[], [5], [1, -2, 3, 4, 2**31 - 1], list(range(10))])
def test_numbers_come_back(tmp_path, numbers):
    writer = ColumnWriter(tmp_path / "column", np.int32)
    writer.extend(numbers[:2])
    for number in numbers[2:]:
        writer.append(number)
    writer.close()
    found = map_column(tmp_path / "column", np.int32)
    assert found.tolist() == numbers
    assert found.dtype == np.int32


@pytest.mark.parametrize("n_numbers", [0, 1, 7])
def test_numbers_so_far_are_replaced(tmp_path, n_numbers):
    writer = ColumnWriter(tmp_path / "column", np.int32)
    writer.extend([number % 3 for number in range(n_numbers)])
    writer.replace_numbers(np.array([7, 8, 9]))
    writer.append(1)
    writer.close()
    expected = [7 + number % 3 for number in range(n_numbers)]
    assert map_column(tmp_path / "column", np.int32).tolist() == [*expected, 1]


@given(st.lists(st.text(max_size=4) | st.just("\ud800"), max_size=9))
@settings(max_examples=40)
def test_strings_come_back(tmp_path_factory, strings):
    path = tmp_path_factory.mktemp("strings") / "texts"
    writer = StringWriter(path)
    for string in strings:
        writer.append(string)
    writer.close()
    found = StoredStrings(path)
    assert len(found) == len(strings)
    assert list(found) == strings
    assert [found[row] for row in range(len(strings))] == strings
    assert found[::-1] == strings[::-1]
    assert found[1:3] == strings[1:3]
    with pytest.raises(IndexError):
        found[len(strings)]
