"""What the tests of sandboxes that lock programs in have in common."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codefeedback import CodeFeedbackError, Limits, Sandbox, Source
from codefeedback.sandbox.interface import Execution, Script
from codefeedback.sandbox.leftovers import LABEL, mark_of_this_process
from codefeedback.sandbox.lookup import find_engine
from codefeedback.sandbox.probe import offer_of

OFFER = offer_of(sys.executable)
LIMITS = Limits(cpu_seconds=2, wall_seconds=4, memory_bytes=256 << 20, output_bytes=1 << 20)
#: What makes a container's kernel one that has no Landlock.
WITHOUT_LANDLOCK = json.dumps(
    {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {
                "names": [
                    "landlock_create_ruleset",
                    "landlock_add_rule",
                    "landlock_restrict_self",
                ],
                "action": "SCMP_ACT_ERRNO",
                "errnoRet": 38,
            }
        ],
    }
)
SLEEPER = """threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(7)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def script(sandbox: Sandbox, text: str, stdin: bytes = b"", **limits: Any) -> Execution:
    return sandbox.run(Script(program=Source(text), stdin=stdin), LIMITS.override(limits))


def facts(sandbox: Sandbox, expression: str, imports: str = "os, sys") -> Any:
    """What an expression is inside of the sandbox."""
    run = script(sandbox, f"import json, {imports}\nprint(json.dumps({expression}))")
    assert run.exit_code == 0, run.stderr.decode()
    return json.loads(run.stdout)


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def family(pid: int) -> list[int]:
    """The processes below `pid`."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children] + [
        deeper for child in children for deeper in family(int(child))
    ]


def guests() -> list[int]:
    """The processes that run guests of this one, whichever thread started them, or guests in
    containers."""
    return [*guests_in_containers(), *guests_here()]


def guests_in_containers() -> list[int]:
    """Of this process alone."""
    try:
        engine = find_engine()
    except CodeFeedbackError:
        return []
    with contextlib.closing(engine):
        mark = mark_of_this_process()
        first = [
            engine.api.inspect_container(found["Id"])["State"]["Pid"]
            for found in engine.containers(LABEL)
            if found["Labels"][LABEL] == mark and found["State"] == "running"
        ]
    return [pid for each in first for pid in (each, *family(each))]


def guests_here() -> list[int]:
    return [
        pid
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
        if b"guest/main.py" in Path(f"/proc/{child}/cmdline").read_bytes()
        for pid in [int(child), *family(int(child))]
    ]


def is_sleeper(pid: int) -> bool:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) == 8
    except OSError:
        return False


def namespace_of(pid: str) -> str:
    return str(Path(f"/proc/{pid}/ns/user").readlink())
