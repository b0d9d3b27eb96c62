import pickle

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from gatewise.classify.nearest import N_NEAREST, RecordIndex


@pytest.fixture
def index():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(700, 6)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    axes, _ = np.linalg.qr(generator.normal(size=(20, 6)))
    center = generator.normal(size=20).astype(np.float32)
    rows = generator.permutation(2000)[:700]
    return RecordIndex(center, axes.astype(np.float32), points, rows, rows % 4)


def test_points_are_the_directions_from_the_center(index):
    pooled = np.random.default_rng(1).normal(size=(5, 20)).astype(np.float32)
    expected = (pooled.astype(float) - index.center) @ index.axes
    expected /= np.linalg.norm(expected, axis=1)[:, None]
    assert index.locate(pooled) == pytest.approx(expected, abs=1e-5)
    assert np.isfinite(index.locate(index.center[None])).all()


@pytest.mark.parametrize("k", [1, 5, 700])
def test_the_nearest_are_those_of_scikit_learn(index, k):
    points = index.locate(np.random.default_rng(2).normal(size=(300, 20)).astype(np.float32))
    similarities, places = index.nearest(points, k)
    theirs = NearestNeighbors(n_neighbors=k, metric="cosine").fit(index.points)
    distances, expected = theirs.kneighbors(points)
    assert similarities == pytest.approx(1 - distances, abs=1e-5)
    if k < 700:  # further out two may be equally far up to rounding
        assert (places == expected).all()
    found = np.take_along_axis(points @ index.points.T, places, axis=1)
    assert found == pytest.approx(similarities, abs=1e-5)


def test_equally_near_records_come_in_their_order(index):
    twins = RecordIndex(
        index.center, index.axes, index.points[[3, 3, 3, 4]], np.arange(4), np.zeros(4, int)
    )
    _, places = twins.nearest(index.points[3:4], 3)
    assert places.tolist() == [[0, 1, 2]]


def test_of_many_equally_near_records_the_first_are_named(index):
    """More than are asked for, all over the index, as sentences that people repeat."""
    many = RecordIndex(
        index.center,
        index.axes,
        np.tile(index.points, (9, 1)),
        np.arange(6300),
        np.zeros(6300, int),
    )
    similarities, places = many.nearest(index.points[:40], 3)
    assert places.tolist() == [[row, row + 700, row + 1400] for row in range(40)]
    assert similarities == pytest.approx(1.0)


def test_a_text_is_placed_alike_alone_and_among_others(index):
    points = index.locate(np.random.default_rng(3).normal(size=(300, 20)).astype(np.float32))
    together, _ = index.nearest(points, 5)
    alone = np.concatenate([index.nearest(points[row : row + 1], 5)[0] for row in range(300)])
    assert alone == pytest.approx(together, abs=2e-6)  # they are rounded to six digits
    one_by_one = [index.nearness(points[row : row + 1])[0] for row in range(300)]
    assert one_by_one == pytest.approx(index.nearness(points), abs=1e-6)


def test_nearness_is_the_mean_of_the_nearest(index):
    points = index.points[:10]
    cosines = -np.sort(-(points @ index.points.T), axis=1)
    assert index.nearness(points) == pytest.approx(cosines[:, :N_NEAREST].mean(axis=1), abs=1e-6)


def test_fewer_records_than_asked_for(index):
    small = RecordIndex(index.center, index.axes, index.points[:3], np.arange(3), np.zeros(3, int))
    similarities, places = small.nearest(index.points[:2], 5)
    assert similarities.shape == places.shape == (2, 3)
    assert index.nearest(index.points[:0], 5)[0].shape == (0, 5)


def test_a_copy_leaves_out_what_follows_from_the_rest(index):
    before = pickle.dumps(index)
    points = index.locate(np.random.default_rng(3).normal(size=(4, 20)).astype(np.float32))
    expected = index.nearness(points)
    assert pickle.dumps(index) == before
    assert pickle.loads(before).nearness(points) == pytest.approx(expected, abs=0)
