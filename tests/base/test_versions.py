from __future__ import annotations

from importlib import metadata

import pytest

from gatewise import __version__
from gatewise.base import versions


def test_all_versions_are_listed():
    assert versions.package_versions() == {
        "gatewise": __version__,
        **{package: metadata.version(package) for package in versions.PACKAGES},
    }


def test_some_versions_are_listed():
    found = versions.package_versions(("numpy", "pyarrow"))
    assert found == {
        "gatewise": __version__,
        "numpy": metadata.version("numpy"),
        "pyarrow": metadata.version("pyarrow"),
    }


def test_what_is_not_installed_is_left_out(monkeypatch):
    def version(package):
        if package == "torch":
            raise metadata.PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(versions, "version", version)
    assert "torch" not in versions.package_versions()
    assert versions.package_versions()["numpy"] == "1.0"


@pytest.mark.parametrize("package", versions.PACKAGES)
def test_the_packages_are_names_of_distributions(package):
    assert metadata.version(package)
