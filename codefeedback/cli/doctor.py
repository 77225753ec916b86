"""``codefeedback doctor``: what this machine offers a sandbox, and what that means."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from dataclasses import asdict
from typing import Any

import click
from rich.text import Text

from codefeedback.cli.failures import ACCEPTED, NOT_ACCEPTED
from codefeedback.cli.options import printing
from codefeedback.cli.output import console_for, print_json, print_text
from codefeedback.errors import MissingExtraError, SandboxError
from codefeedback.guest import kernel
from codefeedback.problems import Limits
from codefeedback.sandbox.choose import choose
from codefeedback.sandbox.container import ContainerSandbox
from codefeedback.sandbox.guests import interpreter
from codefeedback.sandbox.probe import Offer, offer_of

_Row = tuple[str, bool, str]


@click.command(
    epilog="""\b
Exit status:
  0  the sandbox that `auto` chooses hides this machine's files from programs
  1  it cannot: batches and the API ask for --allow-weak-sandbox
  2  bad usage"""
)
@click.option(
    "--python",
    metavar="PATH",
    help="The interpreter that runs the programs.  [default: the one that runs codefeedback]",
)
@printing
def doctor(python: str | None, output_format: str, color: str) -> int:
    """Say how well programs can be confined here.

    Tries each mechanism in a process of its own and changes nothing.
    """
    offer = offer_of(interpreter(python, False)[0])
    containers = _containers()
    with choose("auto", python=python) as sandbox:
        name, tier, hides = sandbox.name, sandbox.tier, sandbox.hides_files
    if output_format == "json":
        chosen = {"name": name, "tier": tier, "hides_files": hides}
        print_json(
            {
                "sandbox": chosen,
                "offer": asdict(offer),
                "containers": {"work": containers[1], "reason": containers[2]},
                "processors": _processors(),
            }
        )
    else:
        print_text(console_for(color), _text([*_rows(offer), containers], name, tier, hides))
    return ACCEPTED if hides else NOT_ACCEPTED


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rows(offer: Offer) -> list[_Row]:
    clock = hasattr(os, "pidfd_open") or sys.platform == "linux"
    short = kernel.shortage(Limits().to_dict()) or kernel.scarcity()
    return [
        (
            "system call filter",
            offer.seccomp is not None,
            f"seccomp, {offer.seccomp}: no network, no other processes, no way around the rest"
            if offer.seccomp
            else f"{offer.seccomp_reason}: only the portable sandbox works",
        ),
        (
            "file rights",
            offer.landlock > 0,
            f"Landlock, version {offer.landlock}: programs read Python's library, and no more"
            + ("" if offer.landlock >= 6 else "; from version 6 on it confines signals, too")
            if offer.landlock
            else f"{offer.landlock_reason}: files are hidden only where namespaces work",
        ),
        (
            "namespaces",
            offer.namespaces,
            "user, pid, net, ipc, mount, uts: a file system of its own, with limited room"
            if offer.namespaces
            else f"{offer.namespaces_reason}: an extra wall that is missing",
        ),
        (
            "control groups",
            offer.cgroups,
            "the kernel counts processes and memory of all that a worker runs, for root as well"
            if offer.cgroups
            else f"{offer.cgroups_reason}: a supervisor looks, forty times a second",
        ),
        (
            "exact clocks",
            clock,
            "processor time and waiting time of each program are known"
            if clock
            else "limits in whole seconds, and a busy machine counts against programs",
        ),
        (
            "own limits",
            not short,
            short or "none of this process's own (ulimit) are below those of programs",
        ),
    ]


def _containers() -> _Row:
    """Whether ``--sandbox docker`` works without more ado: one is started."""
    try:
        with contextlib.closing(ContainerSandbox()) as sandbox:
            return "containers", True, f"{sandbox.engine}: --sandbox docker works"
    except (SandboxError, MissingExtraError) as error:
        return "containers", False, f"no --sandbox docker: {error}"


def _text(rows: list[_Row], name: str, tier: str, hides: bool) -> Text:
    lines = [
        Text(
            f"{platform.system()} {platform.release()}, {platform.machine()}, "
            f"{_processors()} processors"
        ),
        Text(""),
    ]
    for what, works, meaning in rows:
        line = Text("  ")
        line.append("yes  " if works else "no   ", style="green" if works else "red")
        line.append(f"{what:<20}{meaning}")
        lines.append(line)
    verdict: dict[str, Any] = {"style": "green" if hides else "yellow"}
    meaning = (
        "programs cannot read this machine's files, reach its network or its processes"
        if hides
        else "programs can read this machine's files, answers included: use "
        "--sandbox docker, or say --allow-weak-sandbox (API: allow_weak_sandbox=True)"
    )
    lines += [Text(""), Text(f"sandbox auto = {name} ({tier}): {meaning}", **verdict)]
    return Text("\n").join(lines)
