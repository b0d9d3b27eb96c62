"""The versions of what a model's numbers depend on."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from gatewise import __version__

__all__ = ["PACKAGES", "package_versions"]

PACKAGES = ("torch", "gensim", "scikit-learn", "numpy", "scipy", "icu4py", "onnxruntime")


def package_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """List the versions of gatewise and of those packages that are installed."""
    found = {"gatewise": __version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # only training needs all of them
            continue
    return found
