"""What this machine offers a sandbox, found out by trying it in processes of their own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from codefeedback import guest

_GUEST = Path(guest.__file__).parent / "main.py"
_PROBE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What works. Where something does not, its `..._reason` says why."""

    seccomp: str | None = None  #: the machine whose system calls can be filtered
    seccomp_reason: str = ""
    landlock: int = 0  #: the version of its interface, 0 without
    landlock_reason: str = ""
    namespaces: bool = False
    namespaces_reason: str = ""
    cgroups: bool = False
    cgroups_reason: str = ""


@lru_cache
def offer_of(python: str) -> Offer:
    """What works for guests of this interpreter. Costs a tenth of a second, once."""
    try:
        answer = subprocess.run(
            [python, "-s", "-S", str(_GUEST), "probe"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
        return Offer(**json.loads(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        return Offer(seccomp_reason=f"{python} cannot be tried: {error}")
