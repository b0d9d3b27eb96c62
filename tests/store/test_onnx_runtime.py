"""ONNX Runtime keeps nothing about its users and sends nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What says of itself that it is a test or a build makes ONNX Runtime keep quiet anyway.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


@pytest.mark.parametrize("module", ["gatewise.store.onnx_session", "gatewise.serve.app"])
def test_nothing_is_written_to_the_users_folder(tmp_path: Path, module: str) -> None:
    assert _run(f"import {module}, sys; print('onnxruntime' in sys.modules)", tmp_path) == "True"
    assert not list(tmp_path.rglob("*"))


def test_reports_are_refused_whatever_the_user_had_set(tmp_path: Path) -> None:
    found = _run(
        "import os, gatewise.store.onnx_session; print(os.environ['ORT_DISABLE_TELEMETRY'])",
        tmp_path,
        ORT_DISABLE_TELEMETRY="0",
    )
    assert found == "1"
    assert not list(tmp_path.rglob("*"))


def _run(code: str, home: Path, **more: str) -> str:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "HOME": str(home), "XDG_CACHE_HOME": str(home), **more},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()
