"""The one door to optional packages."""

from __future__ import annotations

import importlib
from types import ModuleType

from gatewise.base.errors import MissingExtraError

__all__ = ["require"]


def require(module: str, *, extra: str | None, purpose: str) -> ModuleType:
    """Import an optional package or say how to install it.

    Parameters
    ----------
    module : str
        Dotted name, for example ``"pyarrow.parquet"``.
    extra : str or None
        The extra of gatewise that brings the package; None if none does.
    purpose : str
        What it is wanted for, as the end of "... is needed to".

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    ImportError
        If it is installed but cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        missing = (error.name or "").partition(".")[0]
        if not isinstance(error, ModuleNotFoundError) or missing != package:
            raise  # it is installed, and broken: its own message says how
        wanted = f"'gatewise[{extra}]'" if extra else package
        raise MissingExtraError(
            f"{package} is needed to {purpose}, and is not installed; type: pip install {wanted}"
        ) from error
