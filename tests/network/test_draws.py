from __future__ import annotations

import pytest
import torch

from gatewise.network.draws import draw_uniform, part_of_batch


def generator():
    return torch.Generator().manual_seed(2)


def test_parts_are_rows_of_what_one_process_draws():
    one = generator()
    whole = [draw_uniform(shape, one) for shape in [(5, 1, 3), (5, 4)]]
    for rows in (slice(0, 2), slice(2, 5)):
        n_rows, part = rows.stop - rows.start, generator()
        with part_of_batch(5, rows):
            drawn = [draw_uniform(shape, part) for shape in [(n_rows, 1, 3), (n_rows, 4)]]
        for found, expected in zip(drawn, whole, strict=True):
            torch.testing.assert_close(found, expected[rows], rtol=0, atol=0)


def test_a_part_ends_with_its_block():
    def fail():
        with part_of_batch(9, slice(8, 9)):
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    torch.testing.assert_close(
        draw_uniform((2, 2), generator()), torch.rand((2, 2), generator=generator())
    )
