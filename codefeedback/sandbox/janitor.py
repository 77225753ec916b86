"""A process that outlives the grader, and removes the containers that this could not remove itself.

    python janitor.py ENGINE_SOCKET

is told on its standard input what is about to be made and what was removed. When the input ends,
the grader has ended in whatever way, and what is left is removed. Needs the standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time

# Each line is JSON: one of these, a container's name, and the folder that was made for it.
_ASKED_FOR, _MADE, _REMOVED, _FAREWELL = "asked for", "made", "removed", "farewell"
_ATTEMPT_SECONDS = 0.1  # between attempts
_LATE_SECONDS = 3.0  # for an engine to make a container that nobody waits for any more
_GIVE_UP_SECONDS = 60.0
_PATIENCE_SECONDS = 5.0  # of a grader that ends, and whose engine may be gone


class Janitor:
    """The grader's side of it. Safe to use from several threads."""

    def __init__(self, socket_path: str) -> None:
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, socket_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            start_new_session=True,  # Ctrl-C is not meant for it
        )

    def watch(self, container: str, folder: str) -> None:
        """From now on these are removed should we end. To be called before they are made."""
        self._tell(_ASKED_FOR, container, folder)

    def made(self, container: str) -> None:
        """It is there: it need not be waited for."""
        self._tell(_MADE, container)

    def forget(self, container: str) -> None:
        """They are removed."""
        self._tell(_REMOVED, container)

    def close(self) -> None:
        """Returns when all is removed, or it is clear that this takes longer: then the process
        goes on without us."""
        self._tell(_FAREWELL)
        self.abandon()
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.returncode = 0  # nobody need wait for it

    def abandon(self) -> None:
        """Nothing will be told from here any more: for forks of the grader."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if os.getpid() != self._owner:
            self._process.returncode = 0  # not ours to wait for

    def _tell(self, *words: str) -> None:
        assert self._process.stdin is not None
        # Somebody may have killed it, or it was sent away: then there is nobody to tell.
        with contextlib.suppress(OSError, ValueError):
            # One write, and so whole or not at all, whenever we are killed.
            os.write(self._process.stdin.fileno(), (json.dumps(words) + "\n").encode())


def main(socket_path: str) -> None:
    """The process's side of it."""
    folders: dict[str, str] = {}
    made = set()
    for line in sys.stdin:
        said, *about = json.loads(line)
        if said == _ASKED_FOR:
            folders[about[0]] = about[1]
        elif said == _MADE:
            made.add(about[0])
        elif said == _REMOVED:
            folders.pop(about[0], None)
        else:
            break  # forks of the grader may still hold the other end
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
    _remove(socket_path, {name: name in made for name in folders})


def _remove(socket_path: str, names: dict[str, bool]) -> None:
    """Removes containers, of which it is said whether they are known to have been made. One that an
    engine may be just making is asked for again: Podman can remove it and go on making it."""
    started = time.monotonic()
    while names and time.monotonic() < started + _GIVE_UP_SECONDS:
        late = time.monotonic() > started + _LATE_SECONDS
        for name, made in list(names.items()):
            status = _status_of_removal(socket_path, name)
            if (made and status in (204, 404)) or (late and status == 404):
                del names[name]
        if names:
            time.sleep(_ATTEMPT_SECONDS)


def _status_of_removal(socket_path: str, name: str) -> int:
    """What the engine answers; 0 if it does not."""
    import http.client  # with forty modules that a grader does not need

    with socket.socket(socket.AF_UNIX) as connection:
        request = http.client.HTTPConnection("localhost")
        try:
            connection.settimeout(_GIVE_UP_SECONDS)
            connection.connect(socket_path)
            request.sock = connection
            request.request("DELETE", f"/containers/{name}?force=1&v=1")
            return request.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


if __name__ == "__main__":
    main(sys.argv[1])
