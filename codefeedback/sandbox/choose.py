"""From a sandbox's name to a sandbox."""

from __future__ import annotations

from codefeedback.errors import UsageError
from codefeedback.sandbox.interface import Sandbox
from codefeedback.sandbox.portable import PortableSandbox

#: What a user can ask for. ``auto`` is the strongest that works here.
SANDBOXES = ("auto", "portable")


def choose(name: str, *, python: str | None = None, site_packages: bool = False) -> Sandbox:
    """The sandbox of this name. Raises UsageError for an unknown one."""
    if name not in SANDBOXES:
        raise UsageError(f"unknown sandbox {name!r}; choose one of {', '.join(SANDBOXES)}")
    return PortableSandbox(python=python, site_packages=site_packages)
