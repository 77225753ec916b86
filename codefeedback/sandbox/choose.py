"""From a sandbox's name to a sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from codefeedback.errors import SandboxUnavailableError, UsageError
from codefeedback.sandbox.guests import GuestSandbox
from codefeedback.sandbox.local import LocalSandbox
from codefeedback.sandbox.portable import PortableSandbox

#: What a user can ask for. ``auto`` is the strongest that works here.
SANDBOXES = ("auto", "local", "portable")


def choose(
    name: str,
    *,
    python: str | None = None,
    site_packages: bool = False,
    paths: Sequence[str] = (),
    preload: Sequence[str] = (),
    workers: int = 1,
) -> GuestSandbox:
    """The sandbox of this name. Raises UsageError for an unknown one, SandboxUnavailableError
    for one that does not work here."""
    if name not in SANDBOXES:
        raise UsageError(f"unknown sandbox {name!r}; choose one of {', '.join(SANDBOXES)}")
    if name != "portable":
        try:
            return LocalSandbox(
                python=python,
                site_packages=site_packages,
                paths=paths,
                preload=preload,
                workers=workers,
            )
        except SandboxUnavailableError:
            if name == "local":
                raise
    return PortableSandbox(python=python, site_packages=site_packages, paths=paths)
