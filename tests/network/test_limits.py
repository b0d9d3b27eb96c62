"""Limits of the libraries below."""

import os
import subprocess
import sys

import pytest

NAME = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


@pytest.mark.parametrize(("given", "kept"), [({}, "256"), ({NAME: "9"}, "9")])
def test_kernels_that_onednn_keeps_are_limited_unless_the_user_did(given, kept):
    environment = {name: value for name, value in os.environ.items() if name != NAME}
    program = f"import os, gatewise.network; print(os.environ[{NAME!r}])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment | given, capture_output=True, text=True
    )
    assert done.stdout.strip() == kept, done.stderr
