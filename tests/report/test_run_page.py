"""The page of a run: whole, escaped, and in need of nothing."""

import json
import re
from html.parser import HTMLParser

import pytest

from gatewise import __version__
from gatewise.base.errors import DataError
from gatewise.report.charts import curve_chart, run_chart
from gatewise.report.facts import RunFacts, read_run
from gatewise.report.run_page import run_page, write_run_page

VOID = {"meta", "link", "br", "img", "input", "hr"}
EVIL = (
    "</title></style><script>alert(1)</script><img src=x onerror=\"a\" style='b'>&amp;{{ 7 * 7 }}"
)


class Page(HTMLParser):
    """What a browser would see; fails where an element is not closed."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text("utf-8")
        self.elements, self.words, self.cells, self._open = [], [], [], []
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("th", "td"):
            self.cells[-1].append("")

    def handle_startendtag(self, tag, attributes):
        assert "svg" in self._open, f"<{tag}/> is closed in SVG alone"
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if {"svg", "style"} & set(self._open):
            return
        self.words += data.split()
        if {"th", "td"} & set(self._open):
            self.cells[-1][-1] += data

    @property
    def told(self):
        return " ".join(self.words)

    def row(self, name):
        (found,) = [cells for cells in self.cells if cells[0] == name]
        return found[1:]

    def all(self, tag):
        return [attributes for one, attributes in self.elements if one == tag]


@pytest.fixture
def page():
    return lambda folder: Page(write_run_page(folder))


# What it says


def test_of_equal_candidates_the_chosen_one_stands_first(tuned, grid):
    facts = read_run(tuned(grid))
    rows = [row | {"mean": 0.8, "state": "", "chosen": False} for row in facts.rows]
    rows[-1] |= {"chosen": True, "name": "zuletzt"}
    source = run_page(RunFacts(rows, facts.summary), "")
    assert re.search(r'<th scope="row" class="words">([^<]*)<', source)[1] == "zuletzt"


def test_every_candidate_has_its_numbers(tuned, grid, page):
    seen = page(tuned(grid, 2, best=grid[5].name, fastest=grid[2].name))
    assert [cells[0] for cells in seen.cells] == ["candidate", *(one.name for one in grid[::-1])]
    assert seen.row("units 64, layers 1") == [
        "74.00",
        "1.00",
        "54.00",
        "54.00",
        "8.4",
        "1,234",
        "chosen, fastest within one point",
    ]
    assert seen.row("units 512, layers 2")[-1] == "best"
    assert seen.row("units 8, layers 1")[-1] == ""
    assert [one["class"] for one in seen.all("tr")[1:]] == ["", "", "", "chosen", "", ""]


def test_what_was_chosen_and_why(tuned, grid, page):
    told = page(tuned(grid, reason="It is small.")).told
    assert "units 8, layers 1 It is small." in told
    assert "Which settings? units 8, layers 1" in told


def test_the_foot_says_where_it_comes_from(tuned, grid, page):
    fixed = {"epochs": 4, "language": "zh", "bidirectional": False}
    told = page(tuned(grid, fixed=fixed, seed=7)).told
    foot = f"gatewise {__version__}, seed 7, 1,454 records under 33 labels, 3 folds. The same for "
    assert f"{foot}all: bidirectional = False, epochs = 4, language = zh." in told


def test_nothing_fixed_and_nothing_to_know(tuned, grid, page):
    told = page(tuned(grid, fixed={})).told
    assert "The same for all" not in told
    assert "What should be known of it" not in told


def test_notes(tuned, grid, page):
    told = page(tuned(grid, notes=["2 classes are small", "one was dropped"])).told
    assert "What should be known of it 2 classes are small one was dropped" in told


def test_candidates_that_are_out_come_last(tuned, grid, candidate, page):
    out = {"units": 16, "layers": 1}, {"units": 17, "layers": 1}
    dropped = candidate(out[0], 0.95, n_folds=2, state="dropped after 2 folds")
    failed = candidate(out[1], n_folds=0, state="failed: out of memory")
    seen = page(tuned([failed, dropped, *grid], 2))
    assert [cells[0] for cells in seen.cells[-2:]] == [dropped.name, failed.name]
    assert [one["class"] for one in seen.all("tr")[-2:]] == ["out", "out"]
    assert seen.row(dropped.name)[0] == "94.13"
    assert seen.row(dropped.name)[-1] == "dropped after 2 folds"
    assert seen.row(failed.name) == [
        "",
        "",
        "",
        "",
        "",
        "",
        "failed: out of memory, fastest within one point",
    ]


def test_one_candidate_with_one_fold(tuned, candidate, page):
    row = page(tuned([candidate({}, 0.8, n_folds=1, parts=("lstm",))])).row("the one candidate")
    assert row[:5] == ["78.27", "", "60.00", "", "8.0"]
    assert row[-1] == "chosen, best, fastest within one point"


def test_the_other_score(tuned, candidate, page):
    seen = page(tuned([candidate({}, 0.8, score="macro_f1")]))
    assert seen.cells[0][1] == "macro F1\N{NO-BREAK SPACE}%"
    assert seen.row("the one candidate")[:3] == ["80.00", "1.00", "60.00"]
    assert "macro F1 of each candidate" in seen.source


def test_long_fits_are_told_in_whole_seconds(tuned, candidate, page):
    seen = page(tuned([candidate({}, 140.4), candidate({"units": 8}, 0.8)]))
    assert seen.row("the one candidate")[4] == "1,405"
    assert seen.row("units 8")[4] == "9.0"


# A comparison


def test_methods_and_their_differences(compared, methods, page):
    seen = page(compared(methods, 2))
    assert "The LSTM is not worth it." in seen.told
    assert [cells[0] for cells in seen.cells[1:4]] == [one.name for one in methods[::-1]]
    assert seen.cells[1][1:] == [
        "80.00",
        "1.73",
        "9.0",
        "1,234",
        "quickest that cannot be told from the best",
    ]
    assert seen.cells[-1] == [
        "LSTM and n-grams",
        "n-grams alone",
        "−1.23",
        "−3.45 to +0.67",
        "0.2500",
        "< 0.0001",
    ]


def test_a_method_that_failed(compared, methods, candidate, page):
    failed = candidate({"method": "x"}, n_folds=0, state="failed: why", name="the other")
    assert page(compared([failed, *methods], 1)).row("the other") == ["", "", "", "", "failed: why"]


def test_the_curve_is_there_if_it_was_asked_for(compared, methods, curve, page):
    folder = compared(methods, curve=curve)
    seen = page(folder)
    assert "250 records: 40.00 %, 500 records: 60.00 %, 1,000 records: 80.00 %." in seen.told
    assert curve_chart(read_run(folder)) in seen.source
    assert len(seen.all("figure")) == len(seen.all("svg")) == 2
    seen = page(compared(methods))
    assert "Would more labels help?" not in seen.told
    assert len(seen.all("figure")) == len(seen.all("svg")) == 1


# What it is made of


@pytest.fixture
def pages(tuned, grid, compared, methods, curve, page):
    return page(tuned(grid, notes=["a note"])), page(compared(methods, curve=curve))


def test_nothing_is_asked_from_elsewhere(pages):
    for seen in pages:
        for tag, attributes in seen.elements:
            assert tag not in ("script", "img", "link", "iframe", "object", "base", "form")
            for name, value in attributes.items():
                assert not name.startswith("on")
                assert name not in ("src", "action", "srcset")
                assert "href" not in name or value.startswith("#")
                assert "url(" not in value or "url(#" in value
        own = re.sub(r' xmlns(:xlink)?="[^"]*"', "", seen.source)
        assert "://" not in own
        assert "@import" not in own
        (policy,) = [one for one in seen.all("meta") if "http-equiv" in one]
        assert policy["http-equiv"] == "Content-Security-Policy"
        assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_a_reader_of_the_screen_is_told_what_is_shown(pages):
    for seen in pages:
        assert seen.source.startswith('<!doctype html>\n<html lang="en">')
        ids = {one["id"] for _, one in seen.elements if "id" in one}
        boxes = [one for one in seen.all("div") if one["class"] == "scroll"]
        assert len(boxes) == len(seen.all("table")) + len(seen.all("svg"))
        for box in boxes:
            assert box["tabindex"] == "0"
            assert box.get("aria-label") or box["aria-labelledby"] in ids
        assert all(one["scope"] in ("row", "col") for one in seen.all("th"))
        lengths = {len(cells) for cells in seen.cells}
        assert len(lengths) <= len(seen.all("table"))


def test_every_text_is_escaped(tuned, compared, candidate, page):
    evil = {"notes": [EVIL], "fixed": {EVIL: EVIL}}
    names = [candidate({"pooling": n}, name=f"{EVIL} {n}", state=EVIL * n) for n in range(2)]
    tune = page(tuned(names, reason=EVIL, **evil))
    names = [candidate({"method": key}, name=EVIL + key) for key in ("modern", "ngrams")]
    compare = page(compared(names, conclusion=EVIL, **evil))
    for seen, n_times in ((tune, 9), (compare, 8)):
        tags = {tag for tag, _ in seen.elements}
        assert not {"script", "img"} & tags
        assert len(seen.all("title")) == 1
        assert len(seen.all("style")) == 1 + len(seen.all("svg"))
        assert seen.told.count(EVIL) == n_times


def test_the_same_facts_give_the_same_bytes(tuned, grid, page):
    folder = tuned(grid)
    assert page(folder).source == page(folder).source
    facts = read_run(folder)
    assert run_page(facts, run_chart(facts)) == page(folder).source


# Files


def test_the_chart_is_a_file_of_its_own(tuned, grid):
    folder = tuned(grid)
    assert write_run_page(folder) == folder / "report.html"
    chart = (folder / "chart.svg").read_text("utf-8")
    head, _, rest = chart.partition("\n")
    assert head == '<?xml version="1.0" encoding="utf-8"?>'
    assert rest == run_chart(read_run(folder))
    assert rest in (folder / "report.html").read_text("utf-8")


def test_the_page_may_stand_elsewhere(tuned, grid, tmp_path_factory):
    folder, out = tuned(grid), tmp_path_factory.mktemp("pages") / "page.html"
    assert write_run_page(folder, out) == out
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert not (folder / "report.html").exists()


def test_a_run_that_cannot_be_read_leaves_the_page_before(tuned, grid):
    folder = tuned(grid)
    before = write_run_page(folder).read_bytes()
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | {"question": "x"}))
    with pytest.raises(DataError, match="another form"):
        write_run_page(folder)
    assert (folder / "report.html").read_bytes() == before
