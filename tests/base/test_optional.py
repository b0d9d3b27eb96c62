import sys

import pytest

from gatewise.base.errors import GatewiseError, MissingExtraError
from gatewise.base.optional import require


def test_a_package_that_is_there():
    module = require("json.decoder", extra="train", purpose="read")
    assert module is sys.modules["json.decoder"]


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.part.deeper"])
def test_a_package_that_is_not_there_is_named_with_its_extra(module):
    with pytest.raises(MissingExtraError) as caught:
        require(module, extra="cluster", purpose="tune on a cluster")
    assert str(caught.value) == (
        "no_such_package is needed to tune on a cluster, and is not installed; "
        "type: pip install 'gatewise[cluster]'"
    )
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_package_that_is_switched_off(monkeypatch):
    """As tests of a base install do it."""
    monkeypatch.setitem(sys.modules, "decimal", None)
    with pytest.raises(MissingExtraError, match="decimal is needed to count"):
        require("decimal", extra="train", purpose="count")


def test_it_is_caught_as_import_error_and_as_ours():
    for kind in (ImportError, GatewiseError):
        with pytest.raises(kind):
            require("no_such_package", extra="x", purpose="y")


def test_other_errors_of_a_package_come_through(tmp_path, monkeypatch):
    (tmp_path / "package_that_fails.py").write_text("raise RuntimeError('its own fault')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RuntimeError, match="its own fault"):
        require("package_that_fails", extra="x", purpose="y")
