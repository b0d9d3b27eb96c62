"""The public names: complete, sorted, loaded only when used, and at home where they say."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import gatewise


def test_the_list_is_sorted_and_complete():
    assert gatewise.__all__ == sorted(gatewise._HOMES)
    assert set(gatewise.__all__) <= set(dir(gatewise))


@pytest.mark.parametrize("name", gatewise.__all__)
def test_each_name_is_the_one_its_module_exports(name):
    home = importlib.import_module(gatewise._HOMES[name])
    assert getattr(gatewise, name) is getattr(home, name)
    assert name in home.__all__


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'classifier'"):
        gatewise.classifier  # noqa: B018


def test_importing_the_package_imports_nothing_heavy():
    program = "import sys, gatewise; print({'torch', 'sklearn', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
