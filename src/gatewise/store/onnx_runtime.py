"""ONNX Runtime, loaded in such a way that it reports to nobody.

From 1.29 on its builds for Linux and macOS send what they run on, and which graphs, to their maker,
and keep a number for the machine under the user's cache folder, unless a variable says otherwise
before they are loaded. On Windows a call says so.
"""

from __future__ import annotations

import os

# The first is the name in 1.29 to 1.32, the second one that its sources have had as well.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["ORT_TELEMETRY_DISABLED"] = "1"

import onnxruntime

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
