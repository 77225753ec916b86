"""From a sandbox's name to a sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from codefeedback.errors import MissingExtraError, SandboxUnavailableError, UsageError
from codefeedback.sandbox.container import ContainerSandbox
from codefeedback.sandbox.guests import GuestSandbox
from codefeedback.sandbox.local import LocalSandbox
from codefeedback.sandbox.portable import PortableSandbox

#: What a user can ask for. ``auto`` is the first that hides this machine's files: local, then
#: docker; where none does, the strongest of the others.
SANDBOXES = ("auto", "local", "docker", "portable")


def choose(
    name: str,
    *,
    python: str | None = None,
    site_packages: bool = False,
    preload: Sequence[str] = (),
    image: str | None = None,
    workers: int = 1,
) -> GuestSandbox:
    """The sandbox of this name.

    Raises UsageError for an unknown one, or a setting that it does not have; for one that does not
    work here SandboxUnavailableError, or MissingExtraError.
    """
    if name not in SANDBOXES:
        raise UsageError(f"unknown sandbox {name!r}; choose one of {', '.join(SANDBOXES)}")
    if image is not None and name != "docker":
        raise UsageError("image: only the docker sandbox runs programs in one (--sandbox docker)")
    if name == "docker":
        if python is not None:
            raise UsageError(
                "python: in containers the image's interpreter runs the programs; name an image "
                "with another one instead (codefeedback sandbox build --from-host --python PATH)"
            )
        if site_packages:
            raise UsageError(
                "site_packages: in containers programs can import what the image has; make one "
                "with more (codefeedback sandbox build --from-host --package NAME --tag NAME)"
            )
        return ContainerSandbox(image=image, preload=preload, workers=workers)
    site_packages = site_packages or bool(preload)
    here = choose_here(
        name, python=python, site_packages=site_packages, preload=preload, workers=workers
    )
    if name == "auto" and not here.hides_files and python is None and not site_packages:
        try:
            stronger = ContainerSandbox(preload=preload, workers=workers)
        except (SandboxUnavailableError, MissingExtraError):
            return here
        here.close()
        return stronger
    return here


def choose_here(
    name: str,
    *,
    python: str | None = None,
    site_packages: bool = False,
    paths: Sequence[str] = (),
    preload: Sequence[str] = (),
    workers: int = 1,
) -> GuestSandbox:
    """The same without containers: the local sandbox unless it does not work or the portable one
    was asked for."""
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
