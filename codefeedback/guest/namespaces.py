"""Namespaces around all that a sandbox runs: an extra wall, where the kernel lets us build it.

A new root shows the readable paths and three small writable file systems; there are no other
processes, no network and no capabilities. Works as root and as anybody else, and not at all where
user namespaces are forbidden: ask `probe` first.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import signal
import warnings
from typing import Any, Dict, Iterable, List, NoReturn, Optional, Set, Tuple

from . import kernel

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT = 1, 24, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522

_OLD_ROOT = "/.old"
_DEVICES = ["/dev/" + name for name in ("null", "zero", "full", "random", "urandom")]
_DEVICE_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}
_INODES = 65536
_MOST_LINKS = 40  # in one path, as in the kernel
_PROBE_SECONDS = 10.0
_PROBE_BYTES = 1 << 20


def enter(readable: List[str], box: str, box_bytes: int) -> None:
    """Returns in a child, the first process of its own small world, with `box` as its folder.

    `readable` are the absolute paths to show in there; what does not exist is left out. `box`,
    /tmp and /dev/shm can be written to, `box_bytes` each. The caller must have a single thread and
    must not have made itself undumpable yet. Open files stay open in the child; the calling process
    keeps only stderr, waits, and ends the way the child does. OSError names the step that failed,
    on either side of the fork.
    """
    box = os.path.normpath(box)
    _unshare()
    _fork()
    mask = os.umask(0o022)
    _call("make mounts private", "mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    places, links = _survey(readable + _DEVICES)
    _change_root()
    room = "size=%d,nr_inodes=%d" % (box_bytes, _INODES)
    writable = {"/tmp": "mode=1777," + room, "/dev/shm": "mode=1777," + room}
    writable[box] = "mode=0700," + room
    _furnish(places, links, writable)
    _mount_proc()
    _call("detach the old root", "umount2", os.fsencode(_OLD_ROOT), _MNT_DETACH)
    os.rmdir(_OLD_ROOT)
    _seal_all(set(writable))
    _call("sethostname", "sethostname", b"sandbox", 7)
    os.chdir(box)
    os.umask(mask)
    _drop_capabilities()


def probe(readable: List[str], box: str) -> Optional[str]:
    """None if `enter` does here what it promises, else a line that says what does not work."""
    import tempfile  # slow to load, and only needed here

    told, tell = os.pipe()
    with tempfile.NamedTemporaryFile() as canary, warnings.catch_warnings():
        # Of forking with threads: the child needs no lock that another thread may hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
        if pid == 0:
            _probe_child(readable, box, canary.name, tell)
        os.close(tell)
        try:
            waiter = select.poll()
            waiter.register(told, select.POLLIN)
            if waiter.poll(_PROBE_SECONDS * 1000):
                answer = os.read(told, 4096).decode(errors="replace")
            else:
                answer = "no answer after %g seconds" % _PROBE_SECONDS
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except ChildProcessError:  # the caller has it that nobody need wait
            pass
        finally:
            os.close(told)
    return None if answer == "works" else answer or "ended without an answer"


def _probe_child(readable: List[str], box: str, canary: str, tell: int) -> NoReturn:
    try:
        _call("prctl", "prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        enter(readable, box, _PROBE_BYTES)
        answer = _shortcoming(readable, box, canary) or "works"
    except OSError as error:
        answer = "%s: %s" % (error.filename or "probe", error.strerror or error)
    except BaseException as error:  # nothing may go on in a copy of the caller
        answer = "probe: %r" % (error,)
    try:
        os.write(tell, answer.replace("\n", " ").encode(errors="replace")[:4096])
    finally:
        os._exit(0)


def _shortcoming(readable: List[str], box: str, canary: str) -> Optional[str]:
    """What is not as promised in here."""
    import _socket  # `socket` itself loads much more

    if os.getpid() != 1:
        return "not the first process"
    shown = [os.path.realpath(path) for path in readable]
    for path in (canary, "/etc/passwd"):
        if os.path.exists(path) and not any(_within(os.path.realpath(path), at) for at in shown):
            return "%s: can be seen" % path
    for path in readable:
        if os.path.exists(path) and not os.statvfs(path).f_flag & os.ST_RDONLY:
            return "%s: can be written to" % path
    with open(os.__file__):
        pass
    with open(os.path.join(box, "probe"), "w") as file:
        file.write("x")
    os.unlink(file.name)
    with open("/proc/self/status") as file:
        if any(int(line.split()[1], 16) for line in file if line.startswith("Cap")):
            return "capabilities are left"
    # Not a list of interfaces: some kernels put idle tunnels beside lo into every namespace.
    beacon = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    routed = beacon.connect_ex(("192.0.2.1", 9)) == 0
    beacon.close()
    return "the network can be reached" if routed else None


def _call(step: str, name: str, *arguments: Any) -> None:
    """A function of the C library that returns zero, or else OSError with the step's name."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, name):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), step)
    wide = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    if getattr(libc, name)(*wide) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), step)


def _unshare() -> None:
    """New namespaces, in which we are who we were."""
    uid, gid = os.geteuid(), os.getegid()
    # Root too gets a user namespace: its capabilities then reach nothing outside.
    spaces = _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
    _call("unshare", "unshare", spaces | _CLONE_NEWNS)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", "%d %d 1" % (uid, uid))
    _write("/proc/self/gid_map", "%d %d 1" % (gid, gid))
    try:
        # This limit is our namespace's own: a program makes none below, where it had capabilities.
        _write("/proc/sys/user/max_user_namespaces", "0")
    except OSError:
        pass


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(file)


def _fork() -> None:
    """Returns in the child only, and that does not outlive its parent."""
    alive, kept = os.pipe()
    # Listed before the fork: the child changes the root, and so /proc, of both.
    files = {int(name) for name in os.listdir("/proc/self/fd")}
    pid = os.fork()
    if pid:
        _stand_outside(pid, files - {2, kept})
    os.close(kept)
    _call("prctl", "prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Dead before that? getppid is 0 in here either way, but the pipe then has lost its other end.
    os.set_blocking(alive, False)
    try:
        os.read(alive, 1)
        os._exit(1)
    except BlockingIOError:
        os.close(alive)


def _stand_outside(pid: int, files: Set[int]) -> NoReturn:
    """Waits for the child and ends as it does, having nothing that anyone could want."""
    try:
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        for file in files:
            try:
                os.close(file)
            except OSError:  # the one that listed them
                pass
        os.chdir("/")
        _drop_capabilities()
        _, status = os.waitpid(pid, 0)
        kernel.end_as(status)
    finally:
        os._exit(1)


def _survey(paths: Iterable[str]) -> Tuple[List[str], Dict[str, str]]:
    """The files and folders behind paths, none within another, and the symlinks that lead there."""
    links: Dict[str, str] = {}
    found = {_follow(path, links) for path in paths}
    places: List[str] = []
    for path in sorted(path for path in found if path is not None):
        if not any(_within(path, place) for place in places):
            places.append(path)
    return places, links


def _follow(path: str, links: Dict[str, str]) -> Optional[str]:
    """The path without symlinks, which it notes, or None where it leads nowhere that we can see."""
    seen: Dict[str, str] = {}
    at, todo = "/", path.split("/")[::-1]
    while todo:
        name = todo.pop()
        if name in ("", "."):
            continue
        if name == "..":
            at = os.path.dirname(at)
            continue
        step = os.path.join(at, name)
        try:
            target = os.readlink(step)
        except OSError as error:
            if error.errno != errno.EINVAL:
                return None
            at = step  # there, and no symlink
            continue
        if len(seen) == _MOST_LINKS or step in seen:
            return None
        seen[step] = target
        if target.startswith("/"):
            at = "/"
        todo += target.split("/")[::-1]
    links.update(seen)
    return at


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _change_root() -> None:
    """An empty root, with the old one below it for as long as there is something to fetch."""
    # Over /proc, because that is sure to be there; it is uncovered again when the root moves.
    _mount_tmpfs("/proc", "mode=0755,size=1m,nr_inodes=4096")
    os.mkdir("/proc" + _OLD_ROOT)
    _call("pivot_root", "pivot_root", b"/proc", os.fsencode("/proc" + _OLD_ROOT))
    os.chdir("/")


def _furnish(places: List[str], links: Dict[str, str], writable: Dict[str, str]) -> None:
    """Makes what is to be seen in the new root."""
    for path in sorted(places + list(writable)):  # so that none is hidden by a folder above it
        if path in writable:
            os.makedirs(path, exist_ok=True)
            _mount_tmpfs(path, writable[path])
            continue
        source = _OLD_ROOT + path
        if os.path.isdir(source):
            os.makedirs(path, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        old, new = os.fsencode(source), os.fsencode(path)
        _call("mount " + path, "mount", old, new, None, _MS_BIND | _MS_REC, None)
        _seal(path)  # at once: nothing that we make from here on may land in the real folder
    for path, target in dict(links, **_DEVICE_LINKS).items():
        if not any(_within(path, place) for place in places):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target, path)


def _mount_tmpfs(path: str, options: str) -> None:
    flags = _MS_NOSUID | _MS_NODEV
    _call("mount " + path, "mount", b"tmpfs", os.fsencode(path), b"tmpfs", flags, options.encode())


def _mount_proc() -> None:
    """Our own processes only. Read-only, since root's id alone would do to write to /proc/sys."""
    os.mkdir("/proc")
    flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    # Not hidepid: from a supervisor without privileges it would hide the very processes that it
    # watches, and there are no others here.
    for options in (b"subset=pid", None):
        try:
            _call("mount /proc", "mount", b"proc", b"/proc", b"proc", flags, options)
            break
        except OSError as error:
            if error.errno != errno.EINVAL or options is None:  # EINVAL: an older kernel
                raise


def _seal(path: str, step: Optional[str] = None) -> None:
    """Makes the mount at `path` read-only."""
    # Flags set by someone with more rights than ours can be added to, not taken away; the atime
    # flags are kept if none is given.
    kept = os.statvfs(path).f_flag & (_MS_NODEV | _MS_NOEXEC)
    device = path in _DEVICES
    flags = kept | _MS_RDONLY | _MS_NOSUID | (_MS_NOEXEC if device else _MS_NODEV)
    change = _MS_REMOUNT | _MS_BIND
    _call("mount %s read-only" % path, "mount", None, os.fsencode(path), None, flags | change, None)


def _seal_all(writable: Set[str]) -> None:
    """Makes everything else read-only: the root, and what was mounted within a readable folder."""
    with open("/proc/self/mountinfo", "rb") as file:
        points = {os.fsdecode(_plain(line.split()[4])) for line in file}
    for path in points - writable:
        try:
            _seal(path)
        except OSError as error:
            # Hidden by a mount above it, or in a folder closed to us: nobody in here gets there.
            if error.errno not in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                raise


def _plain(name: bytes) -> bytes:
    """A path of mountinfo as it is."""
    for code, meant in ((b"040", b" "), (b"011", b"\t"), (b"012", b"\n"), (b"134", b"\\")):
        name = name.replace(b"\\" + code, meant)
    return name


def _drop_capabilities() -> None:
    """For good: out of the bounding set too, so that nothing that root starts brings any back."""
    for capability in range(64):
        try:
            _call("drop capabilities", "prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError as error:
            if error.errno != errno.EINVAL:  # one that this kernel does not know
                raise
    _call("prctl", "prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call("drop capabilities", "capset", header, (ctypes.c_uint32 * 6)())
