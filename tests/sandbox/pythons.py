"""The CPythons that are installed here: this one, on PATH, or in pyenv's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
THIS = ".".join(map(str, sys.version_info[:2]))

_ASK = "import platform, sys; print(platform.python_version(), sys.executable)"


@lru_cache
def interpreter(version: str) -> str | None:
    """The path of a CPython of this version."""
    for candidate in _candidates(version):
        asked = subprocess.run([candidate, "-c", _ASK], capture_output=True, text=True, check=False)
        found, _, path = asked.stdout.strip().partition(" ")
        if found.startswith(f"{version}."):
            return path
    return None


def _candidates(version: str) -> Iterator[str]:
    if version == THIS:
        yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path:  # pyenv's shim of it may not run
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python")))
