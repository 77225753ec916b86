"""Where a container engine is looked for, and what to do where there is none."""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from typing import TYPE_CHECKING

from codefeedback.errors import MissingExtraError, SandboxUnavailableError
from codefeedback.sandbox.engine import UNIX, Engine, reason_of

if TYPE_CHECKING:
    from docker import APIClient

_FIRST_SECONDS = 15  # for an engine to answer for the first time


def find_engine(address: str | None = None) -> Engine:
    """Connects to the engine at `address` (a URL), or to the first that answers of those that
    DOCKER_HOST, Docker's current context and the usual places name.

    Raises MissingExtraError without the docker package, SandboxUnavailableError without an engine.
    """
    try:
        import docker
        import docker.errors
    except ImportError:
        raise MissingExtraError(
            "containers need the docker package: pip install 'rltf-codefeedback[docker]'"
        ) from None
    addresses = [address] if address else _addresses()
    refusals = []
    for candidate in addresses:
        refused = _refusal(candidate)
        if refused is None:
            try:
                api = docker.APIClient(candidate, version="auto", timeout=_FIRST_SECONDS)
            except (docker.errors.DockerException, ValueError) as error:
                refused = reason_of(error)
            else:
                return Engine(candidate, partial(_itself, api))
        refusals.append((candidate, refused))
    raise SandboxUnavailableError(_nobody(refusals))


def _itself(api: APIClient) -> APIClient:
    return api


def _addresses() -> list[str]:
    """Where engines are looked for, the first choice first."""
    chosen = os.environ.get("DOCKER_HOST") or _of_context()
    if chosen:
        return [chosen]
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    sockets = [
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",
        f"{runtime}/podman/podman.sock",
        "/run/podman/podman.sock",
    ]
    return [f"unix://{path}" for path in sockets]


def _of_context() -> str | None:
    """The engine that DOCKER_CONTEXT or ``docker context use`` chose, unless it is the usual one.
    Raises SandboxUnavailableError for one that there is not."""
    from docker.context import ContextAPI

    chosen = os.environ.get("DOCKER_CONTEXT")
    host, known = None, False
    try:
        context = ContextAPI.get_context(chosen) if chosen else ContextAPI.get_current_context()
        known = context is not None
        if known and context.name != "default":
            host = str(context.Host)
    except Exception:  # somebody else's files, in whatever state
        pass
    if chosen and not known:
        raise SandboxUnavailableError(
            f"there is no Docker context {chosen}, which DOCKER_CONTEXT names (docker context ls)"
        )
    return host and host.replace("http+unix://", "unix://")


def _refusal(address: str) -> str | None:
    """Why nobody can be spoken to at a socket; None if somebody listens there, or it is none."""
    scheme, found, path = address.partition("://")
    if not found:
        return f"no address; unix://{address} perhaps"
    if scheme == "ssh":
        return "engines of other machines do not work"
    if scheme not in UNIX:
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                return "permission denied"
            if error.errno == errno.ECONNREFUSED:
                return "nobody listens"
            return os.strerror(error.errno) if error.errno else str(error)
    return None


def _nobody(refusals: list[tuple[str, str]]) -> str:
    forbidden = [address for address, why in refusals if why == "permission denied"]
    if forbidden:
        return (
            f"no permission to use the container engine at {forbidden[0]}: become a member of the "
            "group that owns the socket (usermod -aG docker USER), or use a rootless engine and "
            "name its socket by DOCKER_HOST"
        )
    if len(refusals) == 1:
        address, why = refusals[0]
        return f"no container engine at {address} ({why}): start it, or name another by DOCKER_HOST"
    places = ", ".join(address for address, _ in refusals)
    return (
        f"no container engine was found (looked at {places}): start Docker (systemctl start "
        "docker) or Podman (systemctl start podman.socket), or name one by DOCKER_HOST"
    )
