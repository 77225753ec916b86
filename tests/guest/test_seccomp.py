"""The filters, run by a small interpreter for both machines; and this machine's, by its kernel."""

from __future__ import annotations

import errno
import functools
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from codefeedback.guest import seccomp
from codefeedback.guest.syscalls import ALLOWED, FORBIDDEN, NUMBERS

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}
ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
ME, SOMEONE, MINUS_ONE = 4321, 4322, 0xFFFFFFFFFFFFFFFF

machines = pytest.mark.parametrize("machine", MACHINES)
broad = functools.cache(seccomp.broad_filter)


@functools.cache
def of_program(machine: str, foreign_signals: bool) -> bytes:
    """With the process's id filled in, as `prepare` does."""
    code = seccomp.program_filter(machine, foreign_signals=foreign_signals)
    return code.replace(struct.pack("=I", seccomp._OWN_PID), struct.pack("=I", ME))


def run(code: bytes, number: int, arch: int, *args: int) -> int:
    """What a filter returns, by the rules of classic BPF."""
    data = struct.pack("=IIQ6Q", number, arch, 0, *args, *[0] * (6 - len(args)))
    loaded, at = 0, 0
    while True:
        instruction, yes, no, k = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        if instruction == 0x20:
            (loaded,) = struct.unpack_from("=I", data, k)
        elif instruction == 0x06:
            return int(k)
        else:
            tests = {0x15: loaded == k, 0x35: loaded >= k, 0x45: bool(loaded & k)}
            at += yes if tests[instruction] else no


def call(code: bytes, machine: str, name: str, *args: int) -> int:
    return run(code, NUMBERS[machine][name], MACHINES[machine], *args)


@machines
def test_numbers_are_the_kernel_s(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"no {header}")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\n", header.read_text())
    kernel = {name: int(number) for name, number in found}
    if machine == "aarch64":
        kernel["newfstatat"] = kernel.pop("fstatat")
        for other in ("arch_specific_syscall", "sync_file_range2", "syscalls"):
            del kernel[other]
    ours = NUMBERS[machine]
    known = max(kernel.values())
    assert {name: n for name, n in ours.items() if n <= known} == {
        name: n for name, n in kernel.items() if not re.search(r"time(r|rfd)?_?.*64$", name)
    }


def test_lists_name_calls_that_exist() -> None:
    assert not ALLOWED & FORBIDDEN
    assert NUMBERS["x86_64"].keys() | NUMBERS["aarch64"].keys() >= ALLOWED | FORBIDDEN


@machines
def test_every_number_has_its_answer(machine: str) -> None:
    names = {number: name for name, number in NUMBERS[machine].items()}
    numbers = [*range(601), 0x3FFFFFFF, *range(0x40000000, 0x40000258), 0x7FFFFFFF, 0xFFFFFFFF]
    for number in numbers:
        name = names.get(number, "")
        expected = ALLOW if name in ALLOWED else EPERM if name in FORBIDDEN else ENOSYS
        if name in ("personality", "socketpair"):  # not with nothing but zeros
            expected = EPERM
        assert run(broad(machine), number, MACHINES[machine]) == expected, (number, name)


@machines
def test_other_architectures_are_killed(machine: str) -> None:
    for arch in {*MACHINES.values(), 0x40000003, 0x40000028, 0} - {MACHINES[machine]}:
        for number in (0, 1, 20, 39, 0xFFFFFFFF):
            assert run(broad(machine), number, arch) == KILL


@machines
def test_filters_are_small(machine: str) -> None:
    assert len(broad(machine)) // 8 <= 140
    assert len(of_program(machine, True)) // 8 <= 45
    assert len(of_program(machine, False)) // 8 <= 50


SIGCHLD, THREAD, NEWUSER, NEWNET, NEWNS = 17, 0x3D0F00, 1 << 28, 1 << 30, 1 << 17


@machines
@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("clone", (SIGCHLD | 0x1200000,), ALLOW),
        ("clone", (THREAD,), ALLOW),
        ("clone", (0x4111,), ALLOW),  # posix_spawn
        ("clone", (SIGCHLD | NEWUSER,), EPERM),
        ("clone", (SIGCHLD | NEWNET,), EPERM),
        ("clone", (SIGCHLD | NEWNS,), EPERM),
        ("clone", (SIGCHLD | 0x8000,), EPERM),
        ("clone3", (), ENOSYS),
        ("socket", (1, 1), EPERM),
        ("socket", (2, 1), EPERM),
        ("socket", (16, 3), EPERM),
        ("socketpair", (1, 1), ALLOW),
        ("socketpair", (1, 1 | 0x80800), ALLOW),
        ("socketpair", (1, 5 | 0x80000), ALLOW),
        ("socketpair", (1, 2), EPERM),
        ("socketpair", (1, 3), EPERM),
        ("socketpair", (1, 2 | 0x80000), EPERM),
        ("socketpair", (30, 1), EPERM),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0x40000,), EPERM),
        ("fcntl", (3, 2, 1), ALLOW),
        ("fcntl", (3, 1030, 1), ALLOW),
        ("fcntl", (3, 8, ME), EPERM),
        ("fcntl", (3, 15), EPERM),
        ("fcntl", (3, 10), EPERM),
        ("fcntl", (3, 1024), EPERM),
        ("fcntl", (3, 1 << 32 | 1026), EPERM),
        ("fcntl", (3, 1033), EPERM),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), EPERM),
        ("ioctl", (0, 1 << 32 | 0x5412), EPERM),
        ("ioctl", (0, 0x541C), EPERM),
        ("ioctl", (0, 0x5423), EPERM),
        ("ioctl", (0, 0x8901), EPERM),
        ("ioctl", (0, 0x8902), EPERM),
        ("seccomp", (1, 0), ALLOW),
        ("seccomp", (1, 8), EPERM),
        ("seccomp", (1, 1 | 8 | 16), EPERM),
        ("seccomp", (0, 0), ALLOW),
        ("pidfd_open", (ME,), ALLOW),
        ("prlimit64", (SOMEONE,), ALLOW),
        ("kill", (SOMEONE, 9), ALLOW),
        ("openat", (MINUS_ONE, MINUS_ONE), ALLOW),
    ],
)
def test_the_broad_filter_reads_arguments(
    machine: str, name: str, args: tuple[int, ...], expected: int
) -> None:
    assert call(broad(machine), machine, name, *args) == expected


#: Name, arguments, and what the filter says where signals are, and are not, confined otherwise.
OF_PROGRAM = [
    ("landlock_create_ruleset", (), EPERM, EPERM),
    ("landlock_add_rule", (), EPERM, EPERM),
    ("landlock_restrict_self", (), EPERM, EPERM),
    ("seccomp", (1,), EPERM, EPERM),
    ("pidfd_open", (ME,), EPERM, EPERM),
    ("memfd_create", (), EPERM, EPERM),
    ("pidfd_send_signal", (3, 0), EPERM, EPERM),
    *[(name, (0,), ALLOW, ALLOW) for name in ("prlimit64", "sched_setaffinity", "sched_setattr")],
    *[(name, (ME,), EPERM, EPERM) for name in ("prlimit64", "sched_setaffinity", "sched_setattr")],
    ("sched_setscheduler", (0, 3), ALLOW, ALLOW),
    ("sched_setscheduler", (SOMEONE, 3), EPERM, EPERM),
    ("sched_setparam", (SOMEONE,), EPERM, EPERM),
    ("setpriority", (0, 0, 19), ALLOW, ALLOW),
    ("setpriority", (0, SOMEONE, 19), EPERM, EPERM),
    ("setpriority", (1, 0, 19), EPERM, EPERM),
    ("setpriority", (2, 0, 19), EPERM, EPERM),
    ("ioprio_set", (1, 0), ALLOW, ALLOW),
    ("ioprio_set", (1, SOMEONE), EPERM, EPERM),
    ("ioprio_set", (3, 0), EPERM, EPERM),
    *[("prctl", (option,), ALLOW, ALLOW) for option in (3, 15, 16, 38, 39, 0x53564D41)],
    *[("prctl", (o,), EPERM, EPERM) for o in (1, 4, 22, 28, 31, 32, 35, 36, 62, 99, 0x59616D61)],
    ("prctl", (1 << 32 | 4, 1), EPERM, EPERM),
    ("kill", (ME, 15), ALLOW, ALLOW),
    ("kill", (0, 15), ALLOW, ALLOW),
    ("kill", (SOMEONE, 15), ALLOW, EPERM),
    ("kill", (1 << 32 | SOMEONE, 15), ALLOW, EPERM),
    ("kill", (-SOMEONE % (1 << 64), 15), ALLOW, EPERM),
    ("kill", (MINUS_ONE, 15), EPERM, EPERM),
    ("kill", (0xFFFFFFFF, 15), EPERM, EPERM),
    ("tgkill", (ME, SOMEONE, 15), ALLOW, ALLOW),
    ("tgkill", (SOMEONE, SOMEONE, 15), ALLOW, EPERM),
    ("tkill", (ME, 15), ALLOW, EPERM),
]


@machines
@pytest.mark.parametrize(("name", "args", "confined", "alone"), OF_PROGRAM)
def test_the_program_s_filter(
    machine: str, name: str, args: tuple[int, ...], confined: int, alone: int
) -> None:
    assert call(of_program(machine, True), machine, name, *args) == confined
    assert call(of_program(machine, False), machine, name, *args) == alone


@machines
def test_changes_of_attributes_are_ignored_where_others_files_are_in_reach(machine: str) -> None:
    code = seccomp.program_filter(machine, foreign_signals=True, foreign_files=False)
    for name in ("fchmod", "fchmodat", "fchownat", "utimensat"):
        assert call(code, machine, name) == 0x00050000
    assert call(code, machine, "openat") == ALLOW
    assert len(code) // 8 <= 70


@machines
@pytest.mark.parametrize("foreign_signals", [True, False])
def test_the_program_s_filter_leaves_the_rest_alone(machine: str, foreign_signals: bool) -> None:
    looked_at = {NUMBERS[machine][name] for name, *_ in OF_PROGRAM}
    for number in {*range(601), 0x40000000, 0xFFFFFFFF} - looked_at:
        code = of_program(machine, foreign_signals)
        assert run(code, number, MACHINES[machine], SOMEONE) == ALLOW, number


@machines
def test_an_id_that_was_not_filled_in_allows_nothing(machine: str) -> None:
    code = seccomp.program_filter(machine, foreign_signals=False)
    assert call(code, machine, "kill", ME, 15) == EPERM
    assert call(code, machine, "tgkill", ME, ME, 15) == EPERM


# From here on, the kernel runs them. The scripts need nothing but the guest's modules, so that they
# can be run with older interpreters too.

PREPARE = """
import ctypes, errno, os, signal, sys
sys.path.insert(0, sys.argv[1])
from guest import seccomp, syscalls

FOREIGN_SIGNALS = sys.argv[2] == "confined"
libc = ctypes.CDLL(None, use_errno=True)
machine = seccomp.supported()
number = syscalls.NUMBERS[machine]
prepared = seccomp.prepare(seccomp.program_filter(machine, foreign_signals=FOREIGN_SIGNALS))
libc.prctl(38, 1, 0, 0, 0)
seccomp.install(seccomp.broad_filter(machine))
parent = os.getpid()

def status_of(function):
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            prepared()
            function()
            sys.stdout.flush()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]
"""

HONEST = (
    PREPARE
    + """
def square(number, queue):
    queue.put(number * number)

def program():
    import asyncio, mmap, multiprocessing, resource, select, shutil, socket, subprocess, tempfile
    import threading, time

    seen = []
    threads = [threading.Thread(target=seen.append, args=(i,)) for i in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert sorted(seen) == list(range(8))

    child = os.fork()
    if not child: os._exit(7)
    assert os.waitpid(child, 0)[1] == 7 << 8
    for options in {}, {"close_fds": False}, {"start_new_session": True, "cwd": "/"}:
        done = subprocess.run(["/bin/echo", "hello"], stdout=subprocess.PIPE, **options)
        assert done.stdout == b"hello\\n", done
    assert subprocess.run("ls / | sort | head -1 >/dev/null; kill -0 $$ 2>&1", shell=True,
                          stdout=subprocess.PIPE).returncode == (not FOREIGN_SIGNALS)
    pid = os.posix_spawn("/bin/echo", ["echo", "spawned"], {})
    assert os.waitpid(pid, 0)[1] == 0

    if os.access("/dev/shm", os.W_OK):  # where semaphores are
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        workers = [context.Process(target=square, args=(i, queue)) for i in range(3)]
        for worker in workers: worker.start()
        assert sorted(queue.get() for _ in workers) == [0, 1, 4]
        for worker in workers: worker.join()

    left, right = socket.socketpair()
    left.sendall(b"x"); assert right.recv(9) == b"x"
    read, write = os.pipe(); os.write(write, b"y"); assert select.select([read], [], [], 1)[0]
    asyncio.run(asyncio.sleep(0.01))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        with open(path, "wb") as file: file.write(b"z" * 9); os.fsync(file.fileno())
        shutil.copy2(path, path + "2"); os.rename(path, path + "3")
        os.utime(path + "2"); os.chmod(path + "2", 0o600)
        os.symlink("x", path); os.mkfifo(path + "4")
        assert len(os.listdir(folder)) == 4
    mmap.mmap(-1, 1 << 16).close()

    signal.signal(signal.SIGALRM, lambda *_: seen.append("alarm"))
    signal.alarm(1); time.sleep(1.1); assert seen[-1] == "alarm"
    signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()
    signal.signal(signal.SIGUSR1, lambda *_: seen.append("usr1"))
    os.kill(os.getpid(), signal.SIGUSR1); assert seen[-1] == "usr1"
    os.kill(0, signal.SIGUSR1)
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    assert seen.count("usr1") == 3, seen
    if FOREIGN_SIGNALS:
        process = subprocess.Popen(["sleep", "9"]); process.kill(); process.wait()

    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (100, 100)
    os.sched_setaffinity(0, os.sched_getaffinity(0)); os.nice(1)
    time.sleep(0.001); os.urandom(4); os.times(); os.uname(); os.getgroups(); os.getloadavg()
    print("done", flush=True)

assert status_of(program) == 0
"""
)

ATTACKS = (
    PREPARE
    + """
wrong = []

def expect(what, wanted, name, *args):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number.get(name, name)), *[ctypes.c_long(a) for a in args])
    if (result, ctypes.get_errno()) != (-1, wanted):
        wrong.append((what, result, errno.errorcode.get(ctypes.get_errno())))

def program():
    # Signal 0 only tells whether a signal could be sent.
    PERM = errno.EPERM
    expect("kill all", PERM, "kill", -1, 0)
    if not FOREIGN_SIGNALS:
        expect("kill parent", PERM, "kill", parent, 0)
        expect("kill group", PERM, "kill", -parent, 0)
        expect("tkill parent", PERM, "tkill", parent, 0)
        expect("tgkill parent", PERM, "tgkill", parent, parent, 0)
    expect("sigqueue", PERM, "rt_sigqueueinfo", parent, 0, 0)
    expect("pidfd_open", PERM, "pidfd_open", parent, 0)
    expect("pidfd_send_signal", PERM, "pidfd_send_signal", 0, 0, 0, 0)
    expect("prlimit parent", PERM, "prlimit64", parent, 7, 0, 0)
    expect("affinity parent", PERM, "sched_setaffinity", parent, 0, 0)
    expect("nice parent", PERM, "setpriority", 0, parent, 0)
    for family in 1, 2, 10, 16, 17, 38, 40:
        expect("socket %d" % family, PERM, "socket", family, 1, 0)
    expect("datagram pair", PERM, "socketpair", 1, 2, 0, 0)
    expect("traceme", PERM, "ptrace", 0, 0, 0, 0)
    expect("attach", PERM, "ptrace", 16, parent, 0, 0)
    expect("peek", PERM, "process_vm_readv", parent, 0, 0, 0, 0, 0)
    expect("unshare user", PERM, "unshare", 0x10000000)
    expect("unshare nothing", PERM, "unshare", 0)
    expect("clone user", PERM, "clone", 0x10000000 | 17, 0, 0, 0, 0)
    expect("clone parent", PERM, "clone", 0x8000 | 17, 0, 0, 0, 0)
    expect("clone3", errno.ENOSYS, "clone3", 0, 0)
    for name in ("memfd_create memfd_secret shmget semget msgget mq_open io_uring_setup io_setup"
                 " userfaultfd bpf perf_event_open keyctl add_key mount umount2 pivot_root chroot"
                 " fsopen open_tree setns fanotify_init kcmp open_by_handle_at personality"
                 " landlock_create_ruleset seccomp").split():
        expect(name, PERM, name, 0, 0, 0, 0, 0)
    for option in 1, 4, 22, 35, 36, 0x59616d61:
        expect("prctl %d" % option, PERM, "prctl", option, 0, 0, 0, 0)
    expect("own a pipe", PERM, "fcntl", os.pipe()[0], 8, parent)
    expect("push back", PERM, "ioctl", 0, 0x5412, 0)
    for absent in 599, 0x40000000 + 39, 0xFFFFFFFF:
        expect("number %x" % absent, errno.ENOSYS, absent)

    import subprocess
    code = "import socket; socket.socket()"
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE)
    if b"PermissionError" not in done.stderr:
        wrong.append(done)
    assert not wrong, wrong
    print("done", flush=True)

assert status_of(program) == 0
"""
)

INT_80 = (
    PREPARE
    + """
import mmap

def program():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()

status = status_of(program)
assert os.WIFSIGNALED(status), status
print(os.WTERMSIG(status))
"""
)


@functools.cache
def walls() -> list[str]:
    """A namespace of our own: should a filter leak, `kill(-1)` finds nobody."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    walls = [unshare, "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    done = subprocess.run([*walls, "true"], capture_output=True)
    return walls if done.returncode == 0 else []


def script(text: str, signals: str, python: str = sys.executable) -> str:
    guest_home = str(Path(seccomp.__file__).parents[1])
    command = [*walls(), python, "-c", text, guest_home, signals]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def can_filter() -> bool:
    try:
        return (
            seccomp.supported() is not None and "Seccomp:" in Path("/proc/self/status").read_text()
        )
    except OSError:
        return False


kernel = pytest.mark.skipif(not can_filter(), reason="no seccomp here")
signals = pytest.mark.parametrize("signals", ["confined", "alone"])


@kernel
@signals
def test_honest_programs_notice_nothing(signals: str) -> None:
    assert script(HONEST, signals).split() == ["spawned", "done"]


@kernel
@signals
def test_attacks_fail_with_the_right_error(signals: str) -> None:
    assert script(ATTACKS, signals) == "done\n"


@kernel
@pytest.mark.skipif(seccomp.supported() != "x86_64", reason="x86 only")
def test_the_other_door_of_x86_kills() -> None:
    # A kernel without that door says SIGSEGV.
    assert int(script(INT_80, "alone")) in (signal.SIGSYS, signal.SIGSEGV)


@kernel
def test_a_refused_filter_raises() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        seccomp.install(b"")
