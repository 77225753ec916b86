"""Fixtures of the tests of whole runs."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, models and configurations (see tiny.py). There is a space in its path."""
    from tiny import make_home

    return make_home(tmp_path_factory.mktemp("a home"))
