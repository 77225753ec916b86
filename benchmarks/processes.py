"""What /proc tells of this process and of those below it, and a way to keep processors busy."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_MIB = 2**20
# In a session of its own, since the kernel shares processors out by session; it ends with us.
_BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(10**6))\n"


def below(pid: int | None = None) -> list[int]:
    """The living descendants of a process (default: this one)."""
    found = []
    for path in Path(f"/proc/{pid or os.getpid()}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found + [deeper for child in found for deeper in below(child)]


def resident_mib(pid: int | None = None) -> float:
    """Resident memory, shared pages included."""
    words = Path(f"/proc/{pid or 'self'}/statm").read_text().split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB


def own_mib(pid: int) -> dict[str, float]:
    """Proportional and unique memory; where we may not look, what is not backed by a file."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        text = ""
    sizes = {name: int(size) / 1024 for name, size in re.findall(r"(?m)^(\w+): +(\d+) kB", text)}
    if "Pss" in sizes:
        unique = sizes["Private_Clean"] + sizes["Private_Dirty"]
        return {"pss": round(sizes["Pss"], 1), "unique": round(unique, 1)}
    status = Path(f"/proc/{pid}/status").read_text()
    anonymous = re.search(r"RssAnon:\s+(\d+) kB", status)
    return {"anonymous": round(int(anonymous[1]) / 1024, 1)} if anonymous else {}


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextlib.contextmanager
def oversubscribed(times: int) -> Iterator[None]:
    """So many busy loops on each processor."""
    count = times * len(os.sched_getaffinity(0))
    loops = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", _BUSY], start_new_session=True)
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()
