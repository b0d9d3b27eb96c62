import inspect

import pytest

from gatewise.base.progress import Part, Progress, SilentProgress

METHODS = ["advance", "message", "running", "start"]


def public_methods(kind):
    return sorted(name for name in vars(kind) if not name.startswith("_"))


def test_the_protocol_has_these_methods():
    assert public_methods(Progress) == METHODS


@pytest.mark.parametrize("name", METHODS)
def test_the_silent_one_takes_the_same_arguments(name):
    drawn, built = (inspect.signature(getattr(kind, name)) for kind in (Progress, SilentProgress))
    assert built == drawn


def test_the_silent_one_has_no_other_methods():
    assert public_methods(SilentProgress) == METHODS


def test_the_silent_one_says_nothing(capfd):
    progress: Progress = SilentProgress()
    progress.start("word vectors", 3, "passes")
    progress.start("records", None, "records")
    progress.advance(1)
    progress.advance(2, note="loss 0.5")
    progress.running([Part("one", 1.0)], 3.0)
    progress.message("done")
    assert capfd.readouterr() == ("", "")
