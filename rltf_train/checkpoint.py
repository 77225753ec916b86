"""Checkpoints: whole or not there at all, and enough to go on as if nothing had happened.

A folder holds what accelerate saves (model, optimizer, the state of all random generators, also
sharded) and, for each process, `process-N.pt`: step, buffer, cursor and best programs.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from rltf_train.errors import TrainError

STAGES = ("sft", "rl", "done")


def save(
    accelerator: Accelerator, run: Path, stage: str, step: int, state: dict[str, Any], *, keep: int
) -> None:
    """Writes ``checkpoints/STAGE-STEP`` and removes all but the newest `keep`."""
    folder = run / "checkpoints"
    name = f"{stage}-{step:08d}"
    part = folder / f".{name}"
    if (folder / name).exists():  # of the very same state: an evaluation was stopped
        return
    if accelerator.is_main_process:
        for left in folder.glob(".*"):  # by a run that was killed while it wrote
            shutil.rmtree(left)
        part.mkdir(parents=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(part))
    torch.save({**state, "stage": stage, "step": step}, part / _own_file(accelerator))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        _to_disk(part)
        part.rename(folder / name)
        _sync(folder)
        for old in _finished(run)[:-keep]:
            shutil.rmtree(old)
    accelerator.wait_for_everyone()


def load(accelerator: Accelerator, run: Path) -> dict[str, Any] | None:
    """Restores the newest checkpoint of `run`: this process's state, or None without one."""
    accelerator.wait_for_everyone()
    folders = _finished(run)
    if not folders:
        return None
    processes = len(list(folders[-1].glob("process-*.pt")))
    if processes != accelerator.num_processes:
        raise TrainError(f"--resume: the run had {processes} processes, and now has "
                         f"{accelerator.num_processes}")  # fmt: skip
    accelerator.load_state(str(folders[-1]))
    file = folders[-1] / _own_file(accelerator)
    state: dict[str, Any] = torch.load(file, weights_only=True)
    accelerator.wait_for_everyone()
    return state


def exists(run: Path) -> bool:
    return bool(_finished(run))


def _finished(run: Path) -> list[Path]:
    """The checkpoints of a run, the newest last."""
    found = (run / "checkpoints").glob("[a-z]*-[0-9]*")
    return sorted(found, key=lambda path: (STAGES.index(path.name.split("-")[0]), path.name))


def _own_file(accelerator: Accelerator) -> str:
    return f"process-{accelerator.process_index}.pt"


def _to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
