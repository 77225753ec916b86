"""The tests of containers once more, against Podman and its Docker-compatible socket."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = ("tests/sandbox/test_container.py", "tests/sandbox/test_lockdown.py")


@pytest.mark.skipif(
    "CODEFEEDBACK_PRIVATE_ENGINE" not in os.environ,
    reason="installs and starts Podman, which tests/with-engine allows",
)
def test_podman() -> None:
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [ROOT / "tests" / "with-engine", "--podman", *pytest_, *FILES, "-k", "not namespaces"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    why = re.search(r"containers: \d+ skipped: (no container engine.*)", done.stdout)
    if why:
        pytest.skip(f"no Podman: {why[1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "containers: tested with Podman" in done.stdout
