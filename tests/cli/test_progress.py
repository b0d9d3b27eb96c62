"""Progress: few lines in a file, bars on a terminal, nothing on standard output."""

import io

import pytest
from rich.console import Console

from gatewise.base.progress import Part, Progress, SilentProgress
from gatewise.cli import progress as progress_module
from gatewise.cli.progress import PlainProgress, TerminalProgress, open_progress


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module.time, "monotonic", clock)
    return clock


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def plain(stream, clock):
    return PlainProgress(stream)


def lines(stream):
    return stream.getvalue().splitlines()


def test_a_line_every_few_seconds_and_one_at_the_end(plain, stream, clock):
    plain.start("training", 1000, "records")
    for _ in range(100):
        clock.now += 0.11
        plain.advance(10, "epoch 1/2")
    plain.finish()
    assert lines(stream) == [
        "training: 460 of 1,000 records (46%), 89 records/s, 6 s left, epoch 1/2",
        "training: 920 of 1,000 records (92%), 90 records/s, 1 s left, epoch 1/2",
        "training: 1,000 records in 11 s, epoch 1/2",
    ]


def test_a_stage_ends_when_the_next_begins(plain, stream):
    plain.start("tokens", 5, "texts")
    plain.advance(5)
    plain.start("training", 3, "records")
    assert lines(stream) == ["tokens: 5 texts in 0 s"]
    plain.finish()
    plain.finish()
    assert lines(stream)[1:] == ["training: 0 records in 0 s"]


@pytest.mark.parametrize(("units", "told"), [("fits", "1 fit"), ("passes", "1 pass")])
def test_one_of_them_is_told_as_one(plain, stream, units, told):
    plain.start("stage", 1, units)
    plain.advance(1)
    plain.finish()
    assert lines(stream) == [f"stage: {told} in 0 s"]


def test_what_a_checkpoint_holds_says_nothing_of_the_speed(plain, stream, clock):
    plain.start("training", 1000, "records")
    plain.advance(500)
    clock.now += 10
    plain.advance(100)
    assert lines(stream) == ["training: 600 of 1,000 records (60%), 10 records/s, 40 s left"]


def test_no_speed_before_anything_was_done(plain, stream, clock):
    plain.start("training", 1000, "records")
    clock.now += 6
    plain.advance(0)
    assert lines(stream) == ["training: 0 of 1,000 records (0%)"]


def test_a_stage_whose_end_is_not_known(plain, stream, clock):
    plain.start("answers", None, "rows")
    plain.advance(1)
    clock.now += 8
    plain.advance(4)
    assert lines(stream) == ["answers: 5 rows, 0.5 rows/s"]


def test_an_empty_stage(plain, stream, clock):
    plain.start("tokens", 0, "texts")
    clock.now += 6
    plain.advance(0)
    assert lines(stream) == ["tokens: 0 of 0 texts (100%)"]


def test_messages_stay(plain, stream):
    plain.message("one sentence")
    assert lines(stream) == ["one sentence"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.9, "1 min 0 s"), (61, "1 min 1 s"), (3661, "1 h 1 min")],
)
def test_durations(plain, stream, clock, seconds, told):
    plain.start("a", 1, "b")
    clock.now += seconds
    plain.finish()
    assert lines(stream) == [f"a: 0 b in {told}"]


# What is being done side by side


def test_what_is_being_done_is_told_where_nothing_else_happens(plain, stream, clock):
    plain.start("fits", 4, "fits")
    for _ in range(125):
        clock.now += 1
        seconds = clock.now - 100
        plain.running([Part("units 8", seconds, 90.0), Part("units 16", seconds - 2)], None)
    assert lines(stream) == [
        "fits: 0 of 4 fits (0%); now units 8 (1 min 0 s); units 16 (58 s)",
        "fits: 0 of 4 fits (0%); now units 8 (2 min 0 s); units 16 (1 min 58 s)",
    ]


def test_a_line_that_is_due_tells_what_is_being_done_and_what_is_foreseen(plain, stream, clock):
    plain.start("fits", 4, "fits")
    plain.running([Part("units 8", 3.0)], 83.4)
    clock.now += 6
    plain.advance(1, "best 80%")
    plain.running([Part("units 8", 6.0)], 83.4)  # the last line is not long ago
    told = "fits: 1 of 4 fits (25%), about 1 min 23 s left, best 80%; now units 8 (3 s)"
    assert lines(stream) == [told]


def test_where_nothing_is_foreseen_the_speed_is_told(plain, stream, clock):
    plain.start("fits", 4, "fits")
    plain.advance(0)
    plain.running([Part("units 8", 3.0)], 10.0)
    plain.running([], None)
    clock.now += 10
    plain.advance(2)
    assert lines(stream) == ["fits: 2 of 4 fits (50%), 0.2 fits/s, 10 s left"]


def test_where_nothing_is_being_done_there_is_no_quiet_line(plain, stream, clock):
    plain.start("fits", 4, "fits")
    clock.now += 100
    plain.running([], 5.0)
    assert lines(stream) == []


def test_a_stage_ends_what_was_being_done(plain, stream, clock):
    plain.start("fits", 4, "fits")
    plain.running([Part("units 8", 3.0)], 10.0)
    plain.start("training", 10, "records")
    clock.now += 6
    plain.advance(0)
    assert lines(stream) == ["fits: 0 fits in 0 s", "training: 0 of 10 records (0%)"]


# On a terminal


@pytest.fixture
def drawn(stream):
    return TerminalProgress(Console(file=stream, force_terminal=True, width=150, color_system=None))


def test_bars_show_stage_amount_and_note(drawn, stream):
    with drawn.bars:
        drawn.start("training", 100, "records")
        drawn.advance(0)
        drawn.advance(40, "epoch [1/2]")
        drawn.message("a [b]sentence[/b]")
        drawn.finish()
    told = stream.getvalue()
    assert "a [b]sentence[/b]" in told
    assert "training" in told
    assert "40/40 records" in told
    assert "epoch [1/2]" in told


@pytest.mark.parametrize("width", [80, 60])
def test_a_narrow_terminal_cuts_the_note_alone(stream, width):
    console = Console(file=stream, force_terminal=True, width=width, color_system=None)
    drawn = TerminalProgress(console)
    with drawn.bars:
        drawn.start("training", 1000, "records")
        drawn.advance(1000, "epoch 1/20  loss 3.442  accuracy 9.7%  held out 8.5%")
        drawn.finish()
    last = stream.getvalue().rstrip().splitlines()[-2]
    assert "1,000/1,000 records" in last
    assert "…" in last


def test_every_stage_has_its_bar_and_stops_where_it_is(drawn):
    with drawn.bars:
        drawn.advance(1)  # before any stage: nothing to draw
        drawn.start("a", 10, "x")
        drawn.advance(4)
        drawn.start("b", None, "y")
        drawn.advance(7)
        drawn.finish()
    tasks = drawn.bars.tasks
    assert [(task.description, task.completed, task.total) for task in tasks] == [
        ("a", 5, 5),
        ("b", 7, 7),
    ]
    assert all(task.finished for task in tasks)


def test_drawing_is_held_back(drawn, clock):
    drawn.start("a", 100, "x")
    for _ in range(50):
        drawn.advance(1)
    assert drawn.bars.tasks[0].completed == 1
    clock.now += 1
    drawn.advance(1)
    assert drawn.bars.tasks[0].completed == 51


def bars_of(drawn):
    return [(task.description, task.completed, task.total) for task in drawn.bars.tasks]


def test_each_part_has_a_bar_for_as_long_as_it_is_being_done(drawn):
    drawn.start("fits", 4, "fits")
    drawn.running([Part("units 8", 3.0, 10.0), Part("units 16", 2.0)], None)
    assert bars_of(drawn) == [("fits", 0, 4), ("  units 8", 3, 10), ("  units 16", 2, None)]
    drawn.running([Part("units 16", 5.0, 20.0), Part("units 32", 1.0, 4.0)], None)
    assert bars_of(drawn) == [("fits", 0, 4), ("  units 16", 5, 20), ("  units 32", 1, 4)]
    drawn.running([Part("units 16", 25.0, 20.0)], None)  # longer than was foreseen
    assert bars_of(drawn) == [("fits", 0, 4), ("  units 16", 25, 25)]
    drawn.running([], None)
    assert bars_of(drawn) == [("fits", 0, 4)]


def test_the_end_of_a_stage_takes_the_bars_of_its_parts_away(drawn):
    drawn.start("fits", 4, "fits")
    drawn.running([Part("units 8", 3.0, 10.0)], 5.0)
    drawn.start("training", 10, "records")
    assert bars_of(drawn) == [("fits", 0, 0), ("training", 0, 10)]
    drawn.running([Part("units 8", 3.0, 10.0)], 5.0)
    drawn.finish()
    assert bars_of(drawn) == [("fits", 0, 0), ("training", 0, 0)]


def test_parts_without_a_stage_are_drawn_too(drawn):
    drawn.running([Part("units 8", 3.0, 10.0)], 5.0)
    assert bars_of(drawn) == [("  units 8", 3, 10)]
    drawn.finish()
    assert bars_of(drawn) == []


def last_drawing(drawn, stream):
    """Draw once more; returns the lines of that drawing without what stands between words."""
    stream.seek(0)
    stream.truncate()
    drawn.bars.console.print(drawn.bars.get_renderable())
    return [" ".join(line.split()) for line in lines(stream)]


def test_what_is_counted_is_drawn_with_what_is_running(drawn):
    drawn.start("fits", 4, "fits")
    drawn.advance(0)
    drawn.advance(3)
    assert drawn.bars.tasks[0].completed == 0  # held back
    drawn.running([], None)
    assert drawn.bars.tasks[0].completed == 3


@pytest.fixture
def seconds(drawn):
    """Set the clock of the bars."""
    now = [0.0]
    drawn.bars.get_time = lambda: now[0]
    return lambda second: now.__setitem__(0, float(second))


def test_seconds_have_no_speed(drawn, stream, seconds):
    drawn.start("fits", 8, "fits")
    for second in range(4):
        seconds(second)
        drawn.advance(0)
        drawn.bars.advance(drawn.bars.tasks[0].id, 1)
        drawn.running([Part("units [8]", second, 10.0)], None)
    told = last_drawing(drawn, stream)
    assert len(told) == 2
    assert told[0].startswith("fits ")
    assert " fits/s" in told[0]
    assert told[1].startswith("units [8] ")
    assert "3/10 s" in told[1]
    assert "s/s" not in told[1]


def test_what_is_foreseen_stands_in_place_of_the_guess(drawn, stream, seconds):
    drawn.start("fits", 4, "fits")
    drawn.running([Part("units 8", 3.0, 10.0)], 83.4)
    told = last_drawing(drawn, stream)
    assert "1 min 23 s left" in told[0]
    assert "left" not in told[1]
    drawn.running([Part("units 8", 4.0, 10.0)], None)
    seconds(1)  # it is drawn twice a second
    assert "left" not in last_drawing(drawn, stream)[0]


def test_a_part_of_unknown_length_names_no_end(drawn, stream):
    drawn.start("fits", 4, "fits")
    drawn.running([Part("units 8", 7.0)], None)
    assert " 7 s" in last_drawing(drawn, stream)[1]


# Which of them


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_where_there_is_no_terminal(monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream)
    with open_progress() as progress:
        progress.start("a", 1, "x")
        progress.advance(1)
    assert lines(stream) == ["a: 1 x in 0 s"]


def test_nothing_where_only_bars_are_wanted(monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream)
    with open_progress(lines=False) as progress:
        assert isinstance(progress, SilentProgress)


def test_bars_on_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with open_progress() as progress:
        assert isinstance(progress, TerminalProgress)
        progress.start("a", 1, "x")
        progress.advance(1)
    with open_progress(bars=False) as progress:
        assert isinstance(progress, SilentProgress)


def test_lines_on_a_terminal_that_cannot_draw(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "dumb")
    with open_progress() as progress:
        assert isinstance(progress, PlainProgress)


def test_an_error_ends_the_drawing_and_writes_no_last_line(monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream)
    with pytest.raises(ZeroDivisionError), open_progress() as progress:
        progress.start("a", 1 // 0, "x")
    assert lines(stream) == []


def test_all_are_a_progress():
    kinds: list[type[Progress]] = [PlainProgress, TerminalProgress, SilentProgress]
    for kind in kinds:
        assert all(
            callable(getattr(kind, name)) for name in ("start", "advance", "running", "message")
        )
