"""Programs in containers: the zygote of the local sandbox with a hardened container around it.

The container is the outer wall, the zygote's own lockdown the inner one. A container serves many
programs, one at a time: starting one costs as much as a hundred cases.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codefeedback.errors import RunLostError, SandboxUnavailableError, UsageError
from codefeedback.guest import cgroups, identity
from codefeedback.problems import Limits
from codefeedback.sandbox import leftovers
from codefeedback.sandbox.engine import DEFAULT_IMAGE, Container, Engine, no_image
from codefeedback.sandbox.lookup import find_engine
from codefeedback.sandbox.pool import PooledSandbox
from codefeedback.sandbox.worker import GuestSettings, Worker, environment

_SOCKET = "/codefeedback.sock"
# No image may have this folder: engines keep the rights of one that is there.
_BOX = "/codefeedback"
_NOBODY = "65534:65534"
_MOST_PROCESSES = 1 << 22  # that Linux can count
_LONGEST_LIFE = 30 * 86400.0
_START_SECONDS = 60.0  # for the guest of a container that was started to call us
_LOOK_SECONDS = 10.0  # between looks at a container that does not answer
# A container is not given programs any more in the second half of its life.
_USEFUL_LIFE = 0.5


class ContainerSandbox(PooledSandbox):
    """Runs programs in hardened containers of Docker or Podman, one container per worker.

    image                   what the programs find around them (default: `DEFAULT_IMAGE`, which
                            ``codefeedback sandbox build`` makes); its interpreter runs them, and
                            what is installed there can be imported
    preload                 modules that every program finds imported already (numpy), for speed
    workers                 how many programs will run at a time: from two on, each keeps to one
                            processor
    engine                  where the engine listens, as a URL (default: DOCKER_HOST, Docker's
                            context, or the usual places)
    programs_per_container  how many programs a container serves before another takes its place
    lifetime_seconds        when a container ends by itself, whatever became of us: longer than a
                            program may take

    Raises SandboxUnavailableError without an engine, permission to use it, the image, or a guest in
    it that is ours; MissingExtraError without the docker package.
    """

    name = "docker"
    tier = "container"
    hides_files = True

    def __init__(
        self,
        *,
        image: str | None = None,
        preload: Sequence[str] = (),
        workers: int = 1,
        engine: str | None = None,
        programs_per_container: int = 1000,
        lifetime_seconds: float = 3600.0,
    ) -> None:
        super().__init__(workers)
        if type(programs_per_container) is not int or programs_per_container < 1:
            raise UsageError(
                "programs_per_container: expected a whole number from 1 on, got "
                f"{programs_per_container!r}"
            )
        number = isinstance(lifetime_seconds, (int, float)) and type(lifetime_seconds) is not bool
        if not number or not 1 <= lifetime_seconds <= _LONGEST_LIFE:
            raise UsageError(
                f"lifetime_seconds: expected 1 to {_LONGEST_LIFE:.0f}, got {lifetime_seconds!r}"
            )
        self._image = image or DEFAULT_IMAGE
        self._programs = programs_per_container
        self._lifetime = lifetime_seconds
        self._settings = GuestSettings(preload=tuple(preload), serves_many=True, contained=True)
        self._most = Limits()
        self._engine = find_engine(engine)
        try:
            found = self._engine.image_id(self._image)
            if found is None:
                raise SandboxUnavailableError(no_image(self._image, self._engine.address))
            #: the image that all programs find around them, whatever its name will mean later
            self.image_id = found
            #: what runs the containers, and where, for people
            self.engine = f"{self._engine.version} at {self._engine.address}"
            # Whatever is wrong with engine or image shows now, not in the middle of a batch.
            self._return(self._borrow(Limits()))
        except BaseException:
            self.close()
            raise

    def _start(self, limits: Limits, processor: int | None) -> Worker:
        with self._lock:  # what one problem needed, another one will
            self._most = Limits(
                processes=max(limits.processes, self._most.processes),
                memory_bytes=max(limits.memory_bytes, self._most.memory_bytes),
            )
            most = self._most
        return ContainerWorker(
            self._engine,
            (self._image, self.image_id),
            self._settings,
            most,
            processor=processor,
            programs=self._programs,
            lifetime=self._lifetime,
        )

    def forked(self) -> None:
        super().forked()
        self._engine = self._engine.in_a_fork()

    def close(self) -> None:
        super().close()
        self._engine.close()


class ContainerWorker(Worker):
    """A container and the guest in it, with room for programs with these `limits`.

    `named_image` is the image's name, for messages, and what tells it from others of that name.
    Raises SandboxUnavailableError when it does not come up, RunLostError when somebody ends it
    meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        named_image: tuple[str, str],
        settings: GuestSettings,
        limits: Limits,
        *,
        processor: int | None,
        programs: int,
        lifetime: float,
    ) -> None:
        image, image_id = named_image
        self._closed = False
        self._programs_left = programs
        self._useful_until = time.monotonic() + _USEFUL_LIFE * lifetime
        self._next_look = 0.0
        self._most = limits
        with Rendezvous() as rendezvous:
            host_settings = _host_settings(engine.kind, rendezvous.path, self._most)
            self._container = engine.start(
                image_id, _settings(lifetime), host_settings, rendezvous.folder
            )
            try:
                super().__init__(rendezvous.meet(self._container, image), processor)
            except BaseException:
                self._container.remove()
                raise
        try:
            self._acquaint(image)
            self._come_up(image, settings)
        except BaseException:
            self.close()
            raise
        self._container.detach()

    def _acquaint(self, image: str) -> None:
        """Hears who the guest is. Raises SandboxUnavailableError if it is not ours."""
        hello = self._hear(_START_SECONDS)
        if hello.get("guest") != identity.version():
            raise SandboxUnavailableError(
                f"the image {image} was made by another version of codefeedback (its guest is "
                f"{hello.get('guest')}, ours {identity.version()}): make it again, by "
                "`codefeedback sandbox build --from-host` or the way it was made"
            )
        if hello.get("seccomp") is None:
            raise SandboxUnavailableError(
                "system calls cannot be filtered in a container on this kind of machine"
            )

    def _come_up(self, image: str, settings: GuestSettings) -> None:
        try:
            self._introduce(settings, _BOX)
        except SandboxUnavailableError as error:
            raise SandboxUnavailableError(f"{error} (in the image {image})") from None
        except RunLostError:
            complaint = self._container.complaint()
            if not complaint:  # somebody killed it
                raise
            raise SandboxUnavailableError(
                f"the guest of the image {image} does not come up: {complaint}"
            ) from None

    @property
    def alive(self) -> bool:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        # It owes nothing: all that there can be to read is the end.
        return not self._closed and not poll.poll(0)

    def fits(self, limits: Limits) -> bool:
        return (
            limits.processes <= self._most.processes
            and limits.memory_bytes <= self._most.memory_bytes
        )

    @property
    def worn(self) -> bool:
        return self._programs_left <= 0 or time.monotonic() > self._useful_until

    def _prepare(self, limits: Limits) -> None:
        self._programs_left -= 1
        self._next_look = time.monotonic() + _LOOK_SECONDS

    def _check(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_SECONDS
        try:
            state = self._container.state()
        except SandboxUnavailableError:
            return  # a container goes on without its engine
        if state == "paused":
            raise RunLostError("the container of a run was paused")

    def _lost(self, why: object) -> RunLostError:
        if self._closed:
            return RunLostError("the sandbox is closed")
        return RunLostError(f"the container of a run is gone: {self._container.why_gone()}")

    def interrupt(self) -> None:
        self._closed = True
        super().interrupt()

    def close(self) -> None:
        self.interrupt()
        self._control.close()
        self._container.remove()

    def forget(self) -> None:
        self._closed = True
        self._control.close()


class Rendezvous:
    """A socket in a folder of its own where the guest of a container calls us, once.

    The folder and the socket are gone afterwards: what runs in the container finds nothing.
    """

    def __init__(self) -> None:
        self.folder = ""
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self.folder = tempfile.mkdtemp(prefix=leftovers.SOCKET_FOLDER)
            self.path = str(Path(self.folder) / "socket")
            self._listener.bind(self.path)
            # The guest is another user. Nobody else gets into the folder.
            Path(self.path).chmod(0o666)
            self._listener.listen(8)
        except OSError as error:
            self.close()
            raise SandboxUnavailableError(
                f"cannot make a socket in {self.folder or 'the temporary folder'} "
                f"({error.strerror or error}); TMPDIR chooses another folder"
            ) from None

    def __enter__(self) -> Rendezvous:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._listener.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def meet(self, container: Container, image: str) -> socket.socket:
        """The connection to the guest in this container. Raises SandboxUnavailableError if the
        container ends without a call, or does not call."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(container, select.POLLIN)
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up:
            ready = [fd for fd, _ in poll.poll(1000 * _START_SECONDS)]
            if self._listener.fileno() in ready:
                connection, _ = self._listener.accept()
                return connection
            if container.fileno() in ready and not container.hear():
                break
        complaint = container.complaint()
        if not complaint and time.monotonic() < give_up:
            raise RunLostError(f"a container ended as it began: {container.why_gone()}")
        if identity.UNREACHABLE in complaint:
            complaint += (
                f"; the engine must run on this machine, see {self.folder} (TMPDIR chooses another "
                "folder), and let containers use sockets of others (SELinux may forbid that)"
            )
        raise SandboxUnavailableError(
            f"the image {image} does not start as a sandbox: {complaint or 'no sign of life'}; "
            "images for programs are made by `codefeedback sandbox build`"
        )


def _settings(lifetime: float) -> dict[str, Any]:
    """What the container is, in the words of the SDK."""
    return {
        "name": "codefeedback-" + os.urandom(6).hex(),
        "command": ["contained", _SOCKET, str(lifetime)],
        "user": _NOBODY,
        "environment": environment(_BOX),
        "working_dir": "/",
        "hostname": "sandbox",
        "labels": {leftovers.LABEL: leftovers.mark_of_this_process()},
        "stop_signal": "SIGKILL",  # a first process has no other way to be ended
        "network_disabled": True,
    }


def _host_settings(engine: str, path: str, most: Limits) -> dict[str, Any]:
    """What the container may, in the words of the SDK."""
    backstops = cgroups.backstops(most.processes, most.memory_bytes)
    size = "rw,exec,nosuid,nodev,size=512m"
    owned = "U" if engine == "Podman" else "uid=65534,gid=65534"
    # Of each container's own, and open to all in it.
    closed = ["/dev/mqueue", "/dev/pts", *(["/var/tmp", "/run"] if engine == "Podman" else [])]
    folders = dict.fromkeys((_BOX, "/dev/shm"), f"{size},mode=0700,{owned}")
    folders["/tmp"] = f"{size},mode=1777"
    folders.update(dict.fromkeys(closed, "ro,size=4k"))
    return {
        "network_mode": "none",
        "ipc_mode": "none",
        "read_only": True,
        "tmpfs": folders,
        "mounts": [{"Type": "bind", "Source": path, "Target": _SOCKET, "ReadOnly": True}],
        "mem_limit": backstops["memory"],
        "memswap_limit": backstops["memory"],
        "pids_limit": min(backstops["pids"], _MOST_PROCESSES),
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "log_config": {"Type": "none"},
        "auto_remove": True,
    }
