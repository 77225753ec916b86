"""Tries in forked children what the kernel lets us do; prints it as one line of JSON."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from typing import Any, Callable, Dict, Optional

from . import cgroups, kernel, landlock, namespaces, seccomp


def main() -> None:
    readable = landlock.runtime_files()
    machine = seccomp.supported()
    offer: Dict[str, Any] = {"seccomp": None, "landlock": 0, "namespaces": False}
    if machine is None:
        why: Optional[str] = "no filters for this kind of machine"
    else:
        why = _attempt(_filter_calls)
    if why is None:
        offer["seccomp"] = machine
    offer["seccomp_reason"] = why or ""
    with tempfile.NamedTemporaryFile() as secret:
        why = _attempt(lambda: _hide_files(secret.name))
    offer["landlock"] = 0 if why else landlock.version()
    offer["landlock_reason"] = why or ""
    why = _attempt(cgroups.why_not)
    offer["cgroups"] = why is None
    offer["cgroups_reason"] = why or ""
    why = namespaces.probe(readable, "/box")
    offer["namespaces"] = why is None
    offer["namespaces_reason"] = why or ""
    why = None if offer["namespaces"] else _attempt(_see_processes)
    if why is not None:
        offer["seccomp"], offer["seccomp_reason"] = None, why
    print(json.dumps(offer))


def _attempt(body: Callable[[], Optional[str]]) -> Optional[str]:
    """What `body` says in a child: None if all is well."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            why = body() or ""
        except BaseException as error:
            why = str(error) or type(error).__name__
        os.write(writer, why.encode()[:1000])
        os._exit(0)
    os.close(writer)
    told = os.read(reader, 1000).decode()
    os.close(reader)
    _, status = os.waitpid(pid, 0)
    return told or (None if status == 0 else "the attempt ended with status %d" % status)


def _see_processes() -> Optional[str]:
    """Supervisors watch programs by it; in namespaces there is one of our own."""
    try:
        if os.readlink("/proc/self") == str(os.getpid()):
            return None
    except OSError:
        return "there is no /proc"
    return "/proc shows the processes of another namespace (see unshare --mount-proc)"


def _filter_calls() -> Optional[str]:
    machine = seccomp.supported()
    assert machine is not None
    kernel.drop_privileges()
    seccomp.install(seccomp.broad_filter(machine))
    try:
        socket.socket()
    except OSError:
        return None
    return "a filter was installed and does nothing"


def _hide_files(secret: str) -> Optional[str]:
    if not landlock.version():
        return "this kernel has no Landlock, or has it switched off"
    kernel.drop_privileges()
    landlock.restriction(landlock.runtime_files(), [], landlock.DEVICES, scoped=True)()
    with open(os.__file__):
        pass
    try:
        with open(secret):
            return "Landlock was switched on and hides nothing"
    except PermissionError:
        return None
