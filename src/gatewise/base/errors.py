"""The error tree: everything gatewise raises on purpose.

GatewiseError
 ├─ ConfigError          (also ValueError)    a parameter is outside what is allowed
 ├─ DataError            (also ValueError)    a file, table or text cannot be used
 ├─ ModelFileError       (also ValueError)    a saved model is incomplete, damaged or foreign
 ├─ CheckpointError      (also ValueError)    a checkpoint belongs to other data or settings
 ├─ ClusterError         (also RuntimeError)  machines that work together do not go on
 └─ MissingExtraError    (also ImportError)   an optional package is not installed

The command line prints the message and exits with status 2.
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "ClusterError",
    "ConfigError",
    "DataError",
    "GatewiseError",
    "MissingExtraError",
    "ModelFileError",
]


class GatewiseError(Exception):
    """Base of every error that gatewise raises on purpose."""


class ConfigError(GatewiseError, ValueError):
    """A parameter is outside what is allowed."""


class DataError(GatewiseError, ValueError):
    """A file, table or text cannot be used."""


class ModelFileError(GatewiseError, ValueError):
    """A saved model is incomplete, damaged or not one of ours."""


class CheckpointError(GatewiseError, ValueError):
    """A checkpoint belongs to other data or other settings."""


class ClusterError(GatewiseError, RuntimeError):
    """Machines that work together do not go on; the same command may, on others."""


class MissingExtraError(GatewiseError, ImportError):
    """An optional package is not installed."""
