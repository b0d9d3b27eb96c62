"""Progress: few lines in a file, bars on a terminal, nothing on standard output."""

import io

import pytest
from rich.console import Console

from gatewise.base.progress import Progress, SilentProgress
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
        assert all(callable(getattr(kind, name)) for name in ("start", "advance", "message"))
