from pathlib import Path

import numpy as np
import pytest

from gatewise.base.errors import ConfigError, ModelFileError
from gatewise.store.labels import (
    label_from_json,
    label_to_json,
    labels_from_json,
    labels_to_json,
)
from gatewise.store.settings import decode, encode

SOURCE = Path("labels.json")


def through_a_file(classes):
    return labels_from_json(decode(encode(labels_to_json(classes)), SOURCE), SOURCE)


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["a", "b", "日本", "\ud800"]),
        np.array(["a", "bb"], dtype=object),
        np.array([-3, 4, 2**62]),
        np.array([0, 2**64 - 1], dtype=np.uint64),
        np.array([-128, 127], dtype=np.int8),
        np.array([1, 2], dtype=object),
        np.array([False, True]),
        np.array([False, True], dtype=object),
        np.array([-1.0, 0.1, 2.0]),
        np.array([0.1, 2.0], dtype=np.float16),
        np.array([0.1, 2.0], dtype=object),
    ],
)
def test_labels_come_back_with_their_type(classes):
    found = through_a_file(classes)
    assert found.dtype == classes.dtype
    assert [(type(label), label) for label in found.tolist()] == [
        (type(label), label) for label in classes.tolist()
    ]


def test_strings_of_numpys_own_kind_come_back_as_strings():
    found = through_a_file(np.array(["a", "b"], dtype=np.dtypes.StringDType()))
    assert found.dtype == np.dtype("<U1")


@pytest.mark.parametrize(
    "classes",
    [
        np.array([b"a", b"b"]),
        np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"),
        np.array([1, 2], dtype="timedelta64[ns]"),
        np.array([1 + 2j, 3]),
        np.array([1, "a"], dtype=object),
        np.array([True, 2], dtype=object),
        np.array([(1,), (2,), None], dtype=object)[:2],
    ],
)
def test_other_labels_cannot_be_saved(classes):
    with pytest.raises(ConfigError, match="cannot be saved"):
        labels_to_json(classes)


GOOD = {"kind": "integer", "dtype": "int8", "values": [1, 2]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "tuple"}, "of the kind 'tuple'"),
        ({"kind": ["integer"]}, "of the kind"),
        ({"dtype": "int7"}, "the type 'int7'"),
        ({"dtype": "str"}, "the type 'str'"),
        ({"dtype": {}}, "the type {}"),
        ({"values": "12"}, "which gatewise does not write"),
        ({"values": [1]}, "has 1 labels; at least two"),
        ({"values": [1, 2.0]}, "all of the kind integer"),
        ({"values": [0, True]}, "all of the kind integer"),
        ({"values": [1, 300]}, "a label that is no int8"),
        ({"values": [2, 1]}, "not sorted, or one of them twice"),
        ({"values": [1, 1]}, "not sorted, or one of them twice"),
        ({"more": 1}, "the entry 'more'"),
    ],
)
def test_wrong_labels_are_refused(change, reason):
    with pytest.raises(ModelFileError, match=rf"^labels\.json .*{reason}"):
        labels_from_json({**GOOD, **change}, SOURCE)


@pytest.mark.parametrize("label", ["x", 1, True, 0.5, np.int8(3), np.str_("y"), np.bool_(False)])
def test_a_label_by_itself_comes_back(label):
    found = label_from_json(label_to_json(label), SOURCE)
    assert found == label
    assert type(found) in (str, int, bool, float)


def test_a_wrong_label_by_itself_is_refused():
    with pytest.raises(ConfigError, match=r"the label \(1,\) of type tuple"):
        label_to_json((1,))
    for values in ({"kind": "integer", "value": True}, {"kind": {}, "value": 1}):
        with pytest.raises(ModelFileError, match="which is not a"):
            label_from_json(values, SOURCE)
