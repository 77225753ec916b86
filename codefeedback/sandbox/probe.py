"""What this machine offers a sandbox, found out by trying it in processes of their own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache

from codefeedback.sandbox.worker import guest_command, guest_environment

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
            guest_command(python, "probe"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            env={**guest_environment("/"), "TMPDIR": tempfile.gettempdir()},
            check=True,
        )
        return Offer(**json.loads(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        said = (getattr(error, "stderr", None) or b"").decode("utf-8", "replace").splitlines()
        return Offer(seccomp_reason=f"{python} cannot be tried: {said[-1] if said else error}")
