"""ONNX files: parsed, and nothing in them run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from undelete.errors import InputError
from undelete.limits import HOW, MODEL_BYTES, allowed


def library() -> Any:
    """Return onnx; InputError where it is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise InputError("ONNX files are read with onnx: install it (pip install 'undelete[onnx]')") from error
    return onnx


def load_onnx(file: Path) -> Any:
    """Return a file's graph; InputError without onnx, and where it is too large."""
    if file.stat().st_size > allowed(MODEL_BYTES):
        raise InputError(f"{file} has {file.stat().st_size / 1e6:,.0f} MB: a linear model has a few ({HOW})")
    return library().load_model_from_string(file.read_bytes())
