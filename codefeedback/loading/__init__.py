"""Tests files of every public format, turned into problems."""

from __future__ import annotations

from .loader import load_problem, load_problems
from .registry import FORMATS, detect
from .writing import to_native

__all__ = ["FORMATS", "detect", "load_problem", "load_problems", "to_native"]
