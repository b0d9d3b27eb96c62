import itertools
import math

import numpy as np
import pytest
import safetensors.numpy

from gatewise.base.errors import ModelFileError
from gatewise.network.config import NetworkConfig
from gatewise.network.model import TextNetwork
from gatewise.store.arrays import (
    build_companion,
    companion_arrays,
    companion_shapes,
    network_shapes,
    read_arrays,
    split_tables,
    table_shapes,
    write_arrays,
)

SHAPES = {"a": (2, 3), "b": (4,)}
LISTED = {name: ("F32", shape) for name, shape in SHAPES.items()}


def arrays_of(shapes):
    generator = np.random.default_rng(3)
    return {name: generator.random(shape, dtype=np.float32) for name, shape in shapes.items()}


def configurations():
    parts = {
        "n_ngrams": [0, 5],
        "ngram_dimension": [0, 3],
        "projection": [0, 6],
        "layers": [1, 2],
        "bidirectional": [True, False],
        "pooling": ["max", "max-mean", "flatten"],
    }
    for values in itertools.product(*parts.values()):
        settings = dict(zip(parts, values, strict=True))
        yield NetworkConfig(
            n_words=7, n_classes=3, word_dimension=5, units=2, max_length=4, **settings
        )
    yield NetworkConfig(7, 5, 3, units=2, pooling="max-mean", pool_vectors=True)
    yield NetworkConfig(7, 5, 3, units=2, pooling="mean", pool_vectors=True, projection=6)


@pytest.mark.parametrize("config", list(configurations()))
def test_the_shapes_are_those_of_the_network(config):
    network = TextNetwork(config, seed=1)
    shapes = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    tables, rest = table_shapes(config), network_shapes(config)
    assert not tables.keys() & rest.keys()
    assert {**tables, **rest} == shapes
    parted = split_tables(network.arrays())
    assert [set(part) for part in parted] == [set(tables), set(rest)]


def test_a_companion_comes_back(fitted):
    companion = fitted("modern").model_.ngrams
    arrays = companion_arrays(companion)
    terms = companion.terms
    assert {name: array.shape for name, array in arrays.items()} == companion_shapes(
        len(terms), 3, outside=False
    )
    found = build_companion(list(terms), arrays)
    tokens = [["my", "card"], [], ["cart"]]
    np.testing.assert_array_equal(found.scores(tokens), companion.scores(tokens))


def test_arrays_come_back(tmp_path):
    arrays = arrays_of(SHAPES)
    arrays["a"] = np.asfortranarray(arrays["a"])
    described = write_arrays(tmp_path / "x.safetensors", arrays)
    assert described == {
        "a": {"dtype": "F32", "shape": [2, 3]},
        "b": {"dtype": "F32", "shape": [4]},
    }
    found = read_arrays(tmp_path / "x.safetensors", SHAPES, LISTED)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.c_contiguous


def test_the_order_of_the_arrays_makes_no_difference(tmp_path):
    arrays = arrays_of(SHAPES)
    write_arrays(tmp_path / "one", arrays)
    write_arrays(tmp_path / "two", dict(reversed(arrays.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_the_system_refuses_is_told_by_the_name_of_the_file(tmp_path, small_files):
    with pytest.raises(OSError, match="too large") as caught:
        write_arrays(tmp_path / "w.safetensors", {"a": np.ones(99_999, dtype=np.float32)})
    assert caught.value.filename == str(tmp_path / "w.safetensors")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_neither_written_nor_read(value, tmp_path):
    arrays = arrays_of(SHAPES)
    arrays["b"][1] = value
    path = tmp_path / "x.safetensors"
    with pytest.raises(ModelFileError, match="'b' has values that are not finite"):
        write_arrays(path, arrays)
    assert not path.exists()
    safetensors.numpy.save_file(arrays, path)
    with pytest.raises(ModelFileError, match=r"x\.safetensors has values in 'b'"):
        read_arrays(path, SHAPES, LISTED)


@pytest.mark.parametrize(
    ("shapes", "listed", "reason"),
    [
        ({**SHAPES, "c": (1,)}, LISTED, "has nothing for 'c' according to the manifest"),
        (SHAPES, {**LISTED, "c": ("F32", (1,))}, "the model asks for nothing"),
        (SHAPES, {**LISTED, "b": ("F64", (4,))}, "has F64 of shape (4,) for 'b' according to the"),
        (SHAPES, {**LISTED, "b": ("F32", (5,))}, "has F32 of shape (5,) for 'b' according to the"),
        ({"a": (2, 3)}, {"a": ("F32", (2, 3))}, "F32 of shape (4,) for 'b' according to itself"),
        (
            {**SHAPES, "b": (2, 2)},
            {**LISTED, "b": ("F32", (2, 2))},
            "has F32 of shape (4,) for 'b' according to itself, but the model asks for F32 of "
            "shape (2, 2)",
        ),
    ],
)
def test_other_arrays_than_asked_for_are_refused(shapes, listed, reason, tmp_path):
    write_arrays(tmp_path / "x.safetensors", arrays_of(SHAPES))
    with pytest.raises(ModelFileError) as error:
        read_arrays(tmp_path / "x.safetensors", shapes, listed)
    assert reason in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"\xff" * 100, b"\x02" + b"\0" * 7 + b"{}"])
def test_what_is_no_safetensors_file_is_refused(content, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"x\.safetensors (is not a safetensors|has nothing)"):
        read_arrays(tmp_path / "x.safetensors", SHAPES, LISTED)
