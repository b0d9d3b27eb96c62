"""Charts: what is drawn is read back from the picture."""

import html
import math
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import rc_context, rcParams

from gatewise.report.charts import curve_chart, run_chart
from gatewise.report.facts import read_run

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
CHOSEN, OTHERS, OUT = "#d55e00", "#0072b2", "#999999"


class Picture:
    """An SVG by matplotlib, which writes every text as a comment beside its outlines."""

    def __init__(self, svg):
        builder = ElementTree.TreeBuilder(insert_comments=True)
        self.root = ElementTree.fromstring(svg, ElementTree.XMLParser(target=builder))
        groups = self.root.iter(f"{SVG}g")
        self.axes = [group for group in groups if group.get("id", "").startswith("axes_")]

    def texts(self, under=None):
        found = (self.root if under is None else under).iter(ElementTree.Comment)
        return [html.unescape(comment.text.strip()) for comment in found]

    def legend(self, number=0):
        legend = self.axes[number].find(f"{SVG}g[@id='legend_{number + 1}']")
        return [] if legend is None else self.texts(legend)

    def ticks(self, number, axis):
        """Give a dict of label -> where on the page."""
        groups = self.axes[number].iter(f"{SVG}g")
        ticks = [group for group in groups if group.get("id", "").startswith(f"{axis}tick_")]
        return {
            self.texts(tick)[0]: float(next(tick.iter(f"{SVG}use")).get(axis)) for tick in ticks
        }

    def values(self, number, axis, places):
        """Turn places on the page into values, by the labels of a linear axis."""
        ticks = self.ticks(number, axis).items()
        numbers = [float(label.rstrip("%")) / (100 if "%" in label else 1) for label, _ in ticks]
        slope, shift = np.polyfit([place for _, place in ticks], numbers, 1)
        return [slope * place + shift for place in places]

    def lines(self, number):
        """Give the vertices of each line that is drawn, in x and y on the page."""
        paths = [
            group.find(f"{SVG}path")
            for group in self.axes[number].findall(f"{SVG}g")
            if group.get("id").startswith("line2d_")
        ]
        commands = [path.get("d").split() for path in paths if path is not None and path.get("d")]
        return [(list(map(float, one[1::3])), list(map(float, one[2::3]))) for one in commands]

    def marks(self, number):
        """Give the colour and the place of every mark."""
        found = []
        for group in self.axes[number].findall(f"{SVG}g"):
            if group.get("id").startswith("line2d_"):
                found += [(use.get("style"), use) for use in group.iter(f"{SVG}use")]
        return [(style, float(use.get("x")), float(use.get("y"))) for style, use in found]


@pytest.fixture
def drawn(tuned):
    def draw(results, chosen=0):
        return Picture(run_chart(read_run(tuned(results, chosen))))

    return draw


def test_the_lines_are_at_the_scores(drawn, grid):
    picture = drawn(grid, 2)
    scores, alone, seconds = (picture.lines(number) for number in range(3))
    assert len(scores) == len(alone) == len(seconds) == 2
    for place in range(2):
        mine = grid[place::2]
        read = picture.values(0, "y", scores[place][1])
        assert read == pytest.approx([one.mean for one in mine], abs=1e-5)
        read = picture.values(1, "y", alone[place][1])
        assert read == pytest.approx([one.part_mean("lstm") for one in mine], abs=1e-5)
        read = picture.values(2, "y", seconds[place][1])
        assert read == pytest.approx([one.seconds for one in mine], abs=1e-3)


def test_the_bars_are_as_long_as_the_standard_errors(drawn, grid):
    picture = drawn(grid)
    bars = picture.axes[0].find(f"{SVG}g[@id='LineCollection_1']").findall(f"{SVG}path")
    for bar, one in zip(bars, grid[::2], strict=True):
        command = bar.get("d").split()
        low, high = picture.values(0, "y", [float(command[2]), float(command[5])])
        assert high - low == pytest.approx(2 * one.standard_error, abs=1e-5)
        assert (high + low) / 2 == pytest.approx(one.mean, abs=1e-5)


def test_units_stand_on_a_log_axis(drawn, grid):
    ticks = drawn(grid).ticks(2, "x")
    assert list(ticks) == ["8", "64", "512"]
    assert ticks["64"] - ticks["8"] == pytest.approx(ticks["512"] - ticks["64"], abs=1e-3)


def test_numbers_close_together_stand_on_a_linear_axis(drawn, candidate):
    values = (0.0, 0.1, 0.5)
    picture = drawn([candidate({"dropout": value}, 0.7 + value / 10) for value in values])
    assert list(picture.ticks(2, "x")) == ["0", "0.1", "0.5"]
    assert "dropout" in picture.texts()
    ((x, _),) = picture.lines(0)
    assert picture.values(2, "x", x) == pytest.approx(values, abs=1e-5)


def test_an_axis_with_many_values_has_few_labels(drawn, candidate):
    picture = drawn([candidate({"units": 16 + 25 * n}, 0.7 + n / 99) for n in range(20)])
    ticks = picture.ticks(2, "x")
    assert {"20", "50", "100", "200"} <= ticks.keys()
    assert len(ticks) < 10
    ((x, _),) = picture.lines(0)
    assert x[0] < ticks["20"] < x[1]  # 16 and 41 units


def test_texts(drawn, grid):
    picture = drawn(grid, 3)
    assert picture.legend() == ["chosen: units 64, layers 2", "layers 1", "layers 2"]
    for told in ("accuracy, ± one standard error", "LSTM alone", "seconds a fit", "units"):
        assert told in picture.texts()


def test_the_other_score(drawn, candidate):
    results = [candidate({"units": n}, n / 20, score="macro_f1") for n in (9, 12, 10)]
    picture = drawn(results)
    assert "macro F1, ± one standard error" in picture.texts()
    ((_, y),) = picture.lines(0)
    assert picture.values(0, "y", y) == pytest.approx([0.45, 0.5, 0.6], abs=1e-5)


def test_the_chosen_one_is_circled_and_a_dropped_one_grey(drawn, grid, candidate):
    dropped = candidate({"units": 16, "layers": 1}, 0.5, n_folds=2, state="dropped after 2 folds")
    picture = drawn([*grid, dropped], 2)
    x = picture.ticks(2, "x")
    (circle,) = [mark for mark in picture.marks(0) if "stroke: #000000" in mark[0]]
    assert circle[1] == pytest.approx(x["64"], abs=1e-3)
    assert picture.values(0, "y", [circle[2]]) == pytest.approx([grid[2].mean], abs=1e-5)
    (grey,) = [mark for mark in picture.marks(0) if f"fill: {OUT}" in mark[0]]
    assert grey[1] == pytest.approx(x["16"], abs=1e-3)
    assert picture.values(0, "y", [grey[2]]) == pytest.approx([dropped.mean], abs=1e-5)


def test_a_candidate_without_any_fold_is_left_out(drawn, grid, candidate):
    failed = candidate({"units": 1024, "layers": 1}, n_folds=0, state="failed: out of memory")
    picture = drawn([*grid, failed])
    assert [len(x) for x, _ in picture.lines(0)] == [3, 3]
    assert "1,024" in picture.ticks(2, "x")


def test_a_candidate_with_one_fold_has_no_bar(drawn, grid, candidate):
    failed = candidate({"units": 16, "layers": 1}, n_folds=1, state="failed: out of memory")
    picture = drawn([failed, *grid], 1)
    bars = picture.axes[0].find(f"{SVG}g[@id='LineCollection_1']").findall(f"{SVG}path")
    y = [float(bar.get("d").split()[place]) for bar in bars for place in (2, 5)]
    assert y[2] == y[3]
    assert len(y) == 8


def test_a_part_that_is_not_there_has_no_line(drawn, candidate):
    picture = drawn([candidate({"units": n}, n / 20, parts=()) for n in (9, 12, 10)])
    assert [len(picture.lines(number)) for number in range(3)] == [1, 0, 1]


# Candidate by candidate


def rows_of(picture):
    """Give the names from below, and the scores beside them."""
    names = picture.ticks(0, "y")
    marks = picture.marks(0)
    places = {
        name: [x for _, x, y in marks if abs(y - place) < 0.01] for name, place in names.items()
    }
    middles = {name: sorted(found)[len(found) // 2] for name, found in places.items()}
    return dict(zip(middles, picture.values(0, "x", middles.values()), strict=True))


def test_words_are_drawn_row_by_row_and_the_best_on_top(drawn, candidate):
    scores = {"max": 0.81, "last": 0.72, "mean": 0.93}
    picture = drawn([candidate({"pooling": word}, score) for word, score in scores.items()])
    assert rows_of(picture) == pytest.approx(
        {"pooling last": 0.72, "pooling max": 0.81, "pooling mean": 0.93}, abs=1e-5
    )
    heights = list(picture.ticks(0, "y").values())
    assert heights == sorted(heights, reverse=True)  # the page is measured from above


def test_colours_tell_what_a_row_is(drawn, candidate):
    picture = drawn(
        [
            candidate({"pooling": "max"}, 0.7),
            candidate({"pooling": "mean"}, 0.8),
            candidate({"pooling": "last"}, 0.6, n_folds=2, state="dropped after 2 folds"),
            candidate({"pooling": "flatten"}, n_folds=0, state="failed: out of memory"),
        ]
    )
    assert list(picture.ticks(0, "y")) == ["pooling last", "pooling max", "pooling mean"]
    colours = [
        colour
        for style, _, _ in picture.marks(0)
        for colour in (OUT, CHOSEN, OTHERS)
        if f"fill: {colour}" in style
    ]
    assert sorted(set(colours), key=colours.index) == [OUT, CHOSEN, OTHERS]


def test_the_bars_at_the_right_are_the_seconds(drawn, methods):
    picture = drawn(methods)
    patches = picture.axes[1].findall(f"{SVG}g")
    paths = [one.find(f"{SVG}path") for one in patches if one.get("id").startswith("patch_")]
    ends = [float(path.get("d").split()[4]) for path in paths if "#bbbbbb" in path.get("style")]
    read = picture.values(1, "x", ends)
    assert read == pytest.approx([one.seconds for one in methods], abs=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        [{}],
        [{"units": 8}],
        [{"units": 8}, {"units": 16}],
        [{"bidirectional": True}, {"bidirectional": False}],
        [{"units": 8, "pooling": "max"}, {"units": 9, "pooling": "last"}, {"units": 8}],
        [{"units": 8}, {"units": 9}, {"layers": 2}],
        [{"dropout": n / 20, "warmup": n / 30} for n in range(8)],  # eight lines of one point each
    ],
)
def test_what_makes_no_line(drawn, candidate, settings):
    names = [f"number {number}" for number in range(len(settings))]
    results = [
        candidate(params, 0.5 + number / 50, name=name)
        for number, (params, name) in enumerate(zip(settings, names, strict=True))
    ]
    assert list(drawn(results).ticks(0, "y")) == names


def test_the_setting_that_leaves_few_lines_is_drawn_along(drawn, candidate):
    # Eight layers are too many lines along the first setting, and three samples are not.
    results = [
        candidate({"word2vec_sample": sample / 3000, "layers": layers}, 0.5 + layers / 50)
        for sample in range(3)
        for layers in range(1, 9)
    ]
    picture = drawn(results)
    assert "layers" in picture.texts()
    assert picture.legend()[1:] == [
        "word2vec sample 0",
        "word2vec sample 0.000333",
        "word2vec sample 0.000667",
    ]


def test_numbers_in_a_legend_are_short(drawn, candidate):
    results = [candidate({"units": n, "dropout": 1 / 3}, 0.5 + n / 50) for n in (8, 9, 10)]
    assert drawn(results).legend()[1:] == ["dropout 0.333"]


def test_long_names_are_broken_and_leave_room_for_the_chart(drawn, candidate):
    params = {f"setting {number}": "word" for number in range(12)}
    results = [candidate(params, 0.7), candidate(params | {"setting 0": "x"}, 0.8)]
    picture = drawn(results)
    told = picture.texts()
    assert max(map(len, told)) <= 44
    assert all(one.name in " ".join(told) for one in results)
    for number in range(2):
        x = picture.ticks(number, "x").values()
        assert max(x) - min(x) > 50


# The file


def test_the_same_facts_give_the_same_bytes(tuned, grid, compared, methods, curve):
    facts = read_run(tuned(grid))
    chart = run_chart(facts)
    assert run_chart(facts) == chart
    with rc_context({"axes.facecolor": "black", "font.size": 20, "svg.hashsalt": "other"}):
        assert run_chart(facts) == chart
    facts = read_run(compared(methods, curve=curve))
    assert (run_chart(facts), curve_chart(facts)) == (run_chart(facts), curve_chart(facts))


def test_what_a_user_has_set_for_matplotlib_stays(tuned, grid):
    with rc_context({"font.size": 20}):
        run_chart(read_run(tuned(grid)))
        assert rcParams["font.size"] == 20


def test_nothing_is_asked_from_elsewhere(drawn, grid, methods):
    for results in (grid, methods):
        root = drawn(results).root
        for element in root.iter():
            assert element.tag is ElementTree.Comment or element.tag.startswith(SVG)
            assert element.tag not in (f"{SVG}script", f"{SVG}image", f"{SVG}foreignObject")
            assert element.get(LINK, "#").startswith("#")
            assert element.get("href") is None
            for value in element.attrib.values():
                assert "url(" not in value or "url(#" in value
                assert "http" not in value


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "--><script>", "$\\frac{$", "a\\n$_^b$", "_hidden", "&amp;"],
)
def test_every_name_is_drawn_as_it_is(tuned, candidate, name):
    words = [candidate({"pooling": word}, 0.8, name=f"{name} {word}") for word in ("max", "last")]
    lines = [candidate({"units": n, "pooling": name}, n / 99, name=name) for n in (8, 9, 10)]
    for results in (words, lines):
        svg = run_chart(read_run(tuned(results)))
        assert "<script" not in svg
        assert name.replace("--", "- -") in " ".join(Picture(svg).texts())


# The learning curve


@pytest.fixture
def curved(compared, methods):
    def draw(points, **changes):
        facts = read_run(compared(methods, curve=points, **changes))
        return Picture(curve_chart(facts))

    return draw


def test_the_curve_is_at_the_means_of_the_folds(curved, curve):
    picture = curved(curve)
    assert picture.legend() == ["LSTM and n-grams", "LSTM alone"]
    assert "records learnt from" in picture.texts()
    assert list(picture.ticks(0, "x")) == ["250", "500", "1,000"]
    (x, y), (_, alone) = picture.lines(0)
    assert picture.values(0, "y", y) == pytest.approx([0.4, 0.6, 0.8], abs=1e-5)
    assert picture.values(0, "y", alone) == pytest.approx([0.2] * 3, abs=1e-5)
    assert x == pytest.approx(list(picture.ticks(0, "x").values()), abs=1e-3)


@pytest.mark.parametrize(("repeats", "n_folds"), [(1, 3), (3, 1)])
def test_the_bars_of_the_curve_are_standard_errors(curved, curve, repeats, n_folds):
    """The same records judged once more make them no shorter."""
    picture = curved(curve, repeats=repeats)
    bars = picture.axes[0].find(f"{SVG}g[@id='LineCollection_1']").findall(f"{SVG}path")
    command = bars[0].get("d").split()
    low, high = picture.values(0, "y", [float(command[2]), float(command[5])])
    assert high - low == pytest.approx(2 * 0.1 / math.sqrt(n_folds), abs=1e-5)


def test_a_curve_of_one_point(curved, curve):
    ((x, y), _) = curved(curve[:1]).lines(0)
    assert len(x) == len(y) == 1


def test_a_part_that_is_not_at_all_points_is_left_out(curved, curve):
    scores = {"blend": [0.5, 0.6, 0.7], "ngrams": [0.5, 0.6, 0.7]}
    picture = curved([SimpleNamespace(to_plain=lambda: {"n_records": 9, "scores": scores}), *curve])
    assert picture.legend() == ["LSTM and n-grams"]
