"""The container engine: Docker, or Podman by the socket on which it speaks Docker's language.

Whatever an engine says becomes one SandboxUnavailableError that tells what to do about it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from codefeedback.errors import RunLostError, SandboxUnavailableError
from codefeedback.guest.identity import LIFETIME_OVER
from codefeedback.sandbox.janitor import Janitor
from codefeedback.version import VERSION

if TYPE_CHECKING:
    from docker import APIClient

#: The image that programs run in unless another one is named.
DEFAULT_IMAGE = f"codefeedback-sandbox:{VERSION}"
#: The images that there are Dockerfiles for.
KINDS = ("python", "numpy")

_SECONDS = 60  # for an engine to answer
_REMOVE_SECONDS = 30.0
_FRAME = struct.Struct(">4xI")
_PART = 1 << 16
_LOOK_SECONDS = 0.02  # between looks at a container that is on its way
_EVENTS_SECONDS = 5
_HALF_SECONDS = 3.0  # for Podman to make or remove a container
_NOTICE_SECONDS = 1.0  # for an engine to see that a container ended
#: The schemes of addresses that are sockets of this machine.
UNIX = ("unix", "http+unix")
# What Podman says of a container that is half made, or half removed.
_HALF = re.compile(r'container from store "(\w+)": container not known')
# What to do when an engine says such a thing.
_HINTS = {
    "no space left on device": "make room on its disk (docker system df shows what uses it)",
    "bind source path does not exist": "the engine must run on this machine, and see our temporary "
    "folder (TMPDIR chooses another one)",
    "executable file": "images for programs are made by `codefeedback sandbox build`",
}


class Engine:
    """A connection to an engine. Safe to use from several threads, not in a fork (`in_a_fork`).

    Every method raises SandboxUnavailableError when the engine is gone, or refuses.
    """

    def __init__(self, address: str, connect: Callable[[], APIClient]) -> None:
        #: where it listens, as a URL
        self.address = address
        #: whether it did not answer when it was asked last
        self.silent = False
        self._connect = connect
        self._lock = threading.Lock()
        self._janitor: Janitor | None = None
        self._closed = False

    @cached_property
    def api(self) -> APIClient:
        """The SDK's view of it."""
        api = self._connect()
        api.timeout = _SECONDS
        return api

    @contextlib.contextmanager
    def asked(self, to: str, image: str = "") -> Iterator[None]:
        """Turns whatever the SDK raises into one message; `to` says what was asked for."""
        import docker.errors
        import requests.exceptions

        try:
            yield
            self.silent = False
        except docker.errors.ImageNotFound:
            raise SandboxUnavailableError(no_image(image or DEFAULT_IMAGE, self.address)) from None
        except docker.errors.APIError as error:
            said = str(error.explanation or error)
            hint = next((_HINTS[phrase] for phrase in _HINTS if phrase in said), "")
            raise SandboxUnavailableError(
                f"the container engine at {self.address} could not {to}: {said}"
                + (f"; {hint}" if hint else "")
            ) from None
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            self.silent = True
            raise SandboxUnavailableError(
                f"the container engine at {self.address} does not answer any more (it was to {to}):"
                f" start it again, and repeat the command ({reason_of(error)})"
            ) from None

    @property
    def socket(self) -> str | None:
        """The path of the socket it listens at, if that is one of this machine."""
        scheme, _, path = self.address.partition("://")
        return path if scheme in UNIX else None

    @cached_property
    def kind(self) -> str:
        """``Docker`` or ``Podman``, which differ in a few words."""
        parts = self._version.get("Components") or ()
        return "Podman" if any("Podman" in part.get("Name", "") for part in parts) else "Docker"

    @property
    def version(self) -> str:
        """Its kind and version, for people."""
        return f"{self.kind} {self._version['Version']}"

    @cached_property
    def _version(self) -> Mapping[str, Any]:
        with self.asked("tell its version"):
            return dict(self.api.version())

    def image_id(self, name: str) -> str | None:
        """What tells an image from others of that name; None if there is none."""
        import docker.errors

        with self.asked(f"look for the image {name}"):
            try:
                return str(self.api.inspect_image(name)["Id"])
            except docker.errors.ImageNotFound:
                return None

    def start(
        self, image: str, settings: Mapping[str, Any], host: Mapping[str, Any], folder: str
    ) -> Container:
        """Creates and starts a container, attached to before it starts.

        `settings` and `host` are what the SDK's create_container and create_host_config take;
        `settings` has a name that no other container has. If we are killed, it is removed, and so
        is `folder`.
        """
        import docker.errors

        container = Container(self, str(settings["name"]))
        janitor = self._hired()
        if janitor is not None:
            janitor.watch(container.name, folder)
        with self.asked("create a container", image):
            host_config = self.api.create_host_config(**host)
            try:
                self.api.create_container(image, host_config=host_config, **settings)
            except docker.errors.APIError:  # in all other cases one may have been made
                self.removed(container.name)
                raise
        try:
            if janitor is not None:
                janitor.made(container.name)
            with self.asked(f"start a container of {image}", image):
                container.attach()
                self.api.start(container.name)
        except BaseException:
            container.remove()
            raise
        return container

    def containers(self, label: str) -> list[Mapping[str, Any]]:
        """Those with this label, running or not, as the engine lists them.

        Podman lists none while it makes or removes one of them, and none at all any more if whoever
        had asked for that one did not wait: what is left of it is removed.
        """
        import docker.errors

        give_up = time.monotonic() + _HALF_SECONDS
        with self.asked("list containers"):
            while True:
                try:
                    found = self.api.containers(all=True, filters={"label": label})
                    return [dict(container) for container in found]
                except docker.errors.APIError as error:
                    half = _HALF.search(str(error.explanation))
                    if half is None:
                        raise
                    if time.monotonic() > give_up:
                        self.api.remove_container(half[1], force=True, v=True)
                        give_up += _HALF_SECONDS
                time.sleep(_LOOK_SECONDS)

    def _hired(self) -> Janitor | None:
        with self._lock:
            if self._closed:
                raise RunLostError("the sandbox is closed")
            if self._janitor is None and self.socket is not None:
                self._janitor = Janitor(self.socket)
            return self._janitor

    def removed(self, name: str) -> None:
        """To be told when a container is gone."""
        if self._janitor is not None:
            self._janitor.forget(name)

    def in_a_fork(self) -> Engine:
        """A connection of its own to the same engine. This one is the parent's from now on."""
        import docker

        if self._janitor is not None:
            self._janitor.abandon()
        version = str(self.api.api_version)  # so that nothing need be asked
        return Engine(self.address, lambda: docker.APIClient(self.address, version))

    def close(self) -> None:
        """Ends the connection, and removes what was started and not removed."""
        with self._lock:
            self._closed = True
        if self._janitor is not None:
            self._janitor.close()
        self.api.close()


class Container:
    """One container of an engine, which removes it when its first process ends."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name
        self._started = time.time()
        self._stream: Any = None
        self._heard = b""

    def attach(self) -> None:
        """Listens to what its first process says. Raises what the SDK raises."""
        how = {"stdout": 1, "stderr": 1, "stream": 1}
        self._stream = self._engine.api.attach_socket(self.name, params=how)

    def fileno(self) -> int:
        """Becomes readable when the first process says something, or ends."""
        return int(self._stream.fileno())

    def hear(self) -> bool:
        """Takes what the first process says; False when it has ended. Waits for either."""
        try:
            part = os.read(self.fileno(), _PART)
        except OSError:
            part = b""
        if len(self._heard) < _PART:  # of an image that never stops talking, the beginning
            self._heard += part
        return bool(part)

    def complaint(self) -> str:
        """The last line of what the first process says until it ends, if it does so soon."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        give_up = time.monotonic() + _NOTICE_SECONDS
        while poll.poll(1000 * _NOTICE_SECONDS) and time.monotonic() < give_up and self.hear():
            pass
        lines = _unframed(self._heard).decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def detach(self) -> None:
        """Ends listening."""
        stream, self._stream = self._stream, None
        # What the SDK hands out is a file: around it is the answer, which complains (CPython 3.13)
        # when the file ends first, and below it the socket, which the file's end leaves open.
        parts = [getattr(stream, name, None) for name in ("_response", "_sock")]
        for part in (parts[0], stream, parts[1]):
            if part is not None:
                part.close()

    def state(self) -> str | None:
        """``running``, ``paused``, ``exited`` and so on; None when it was removed."""
        import docker.errors

        with self._engine.asked("look at a container"):
            try:
                return str(self._engine.api.inspect_container(self.name)["State"]["Status"])
            except docker.errors.NotFound:
                return None
            except docker.errors.APIError as error:
                # What Podman says of a container that it is just removing.
                if error.status_code == 500:
                    return "removing"
                raise

    def why_gone(self) -> str:
        """What the engine knows about its end."""
        try:
            give_up = time.monotonic() + _NOTICE_SECONDS
            while self.state() == "running" and time.monotonic() < give_up:
                time.sleep(_LOOK_SECONDS)
            found = self._events()
        except SandboxUnavailableError as error:
            return str(error)
        return _told_by(found)

    def _events(self) -> list[Mapping[str, Any]]:
        # The SDK would wait for them without end.
        api = self._engine.api
        asked: dict[str, str | int] = {
            "since": int(self._started) - 1,
            "until": int(time.time()) + 1,
            "filters": json.dumps({"container": [self.name]}),
        }
        with self._engine.asked("tell how a container ended"):
            answer = api.get(
                f"{api.base_url}/v{api.api_version}/events", params=asked, timeout=_EVENTS_SECONDS
            )
            return [json.loads(line) for line in answer.text.splitlines() if line]

    def remove(self) -> bool:
        """Ends it, and returns when it is gone; whether it is. An engine that is gone itself is no
        error: what runs in a container of ours ends with the connection to it."""
        import docker.errors

        self.detach()
        if self._engine.silent:
            return False  # the janitor goes on trying
        give_up = time.monotonic() + _REMOVE_SECONDS
        with contextlib.suppress(SandboxUnavailableError), self._engine.asked("remove a container"):
            while time.monotonic() < give_up:
                # Refused while the engine is just doing it, in as many ways as there are engines.
                with contextlib.suppress(docker.errors.APIError):
                    self._engine.api.remove_container(self.name, force=True, v=True)
                if self.state() is None:
                    self._engine.removed(self.name)
                    return True
                time.sleep(_LOOK_SECONDS)
        return False


def _unframed(data: bytes) -> bytes:
    """What is in the frames in which an engine sends both streams of a process."""
    parts = []
    while len(data) >= _FRAME.size:
        (length,) = _FRAME.unpack_from(data)
        parts.append(data[_FRAME.size : _FRAME.size + length])
        data = data[_FRAME.size + length :]
    return b"".join(parts)


def _told_by(events: Sequence[Mapping[str, Any]]) -> str:
    """The end of a container, in words."""
    kinds = {str(event.get("status", event.get("Action", ""))) for event in events}
    if "oom" in kinds:
        return "it ran out of memory, of its own limit or of the machine's"
    for event in events:
        if event.get("status", event.get("Action")) in ("die", "died"):
            attributes = event.get("Actor", {}).get("Attributes", {})
            code = attributes.get("exitCode", attributes.get("containerExitCode", ""))
            if code == "137":
                return "it was killed, by somebody or for want of memory"
            if code == str(LIFETIME_OVER):
                return "it had reached the end of its lifetime"
            return f"it ended with status {code}"
    return "the engine does not say why"


def image_of(kind: str) -> str:
    """The name of an image of this kind, unless another one is asked for."""
    return DEFAULT_IMAGE if kind == "python" else f"{DEFAULT_IMAGE}-{kind}"


def no_image(name: str, address: str) -> str:
    """What to do when an image is missing."""
    build = "codefeedback sandbox build"
    if name != DEFAULT_IMAGE:
        return f"there is no image {name} in the container engine at {address}: build or pull it"
    return (
        f"there is no image {name} in the container engine at {address}: make it with `{build}` "
        f"(needs a registry) or `{build} --from-host` (does not), or name another by --image"
    )


def reason_of(error: Exception) -> str:
    """The innermost cause of what the SDK raises, which is the one that says something."""
    told: BaseException = error
    while told.__cause__ is not None or told.__context__ is not None:
        told = told.__cause__ or told.__context__ or told
    if isinstance(told, TimeoutError):
        return "it does not answer"
    return str(told) or type(told).__name__
