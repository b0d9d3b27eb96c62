"""Facts about the machine and the packages, which every measured number depends on."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import gatewise

__all__ = ["machine_facts", "package_versions", "source_digest"]

_NOT_INSTALLED = "not installed"
_INSTRUCTIONS = {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"}


def machine_facts() -> dict[str, Any]:
    """Describe what a run's seconds depend on: processor, cores, memory (10**9 bytes), system."""
    described = _cpu_facts()
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "cpu": described.get("model name") or platform.processor() or platform.machine(),
        # One name stands for processors with and without these, and bfloat16 needs them.
        "instructions": sorted(_INSTRUCTIONS & set(described.get("flags", "").split())),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _cpu_facts() -> dict[str, str]:
    """Read what Linux tells of its first processor; elsewhere nothing."""
    path = Path("/proc/cpuinfo")
    first = path.read_text("utf-8").partition("\n\n")[0] if path.is_file() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Look up the versions of packages, and of Python, without importing them."""
    return {"python": platform.python_version()} | {name: _version(name) for name in names}


def _version(name: str) -> str:
    if name == "gatewise":  # it may be used from its source folder
        return gatewise.__version__
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return _NOT_INSTALLED


def source_digest(folders: Iterable[str]) -> str:
    """Compute one SHA-256 of all modules in these folders of gatewise."""
    root = Path(gatewise.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()
