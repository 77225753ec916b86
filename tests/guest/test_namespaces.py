"""What a process sees after `namespaces.enter`. Every test enters, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import codefeedback
from codefeedback.guest import namespaces

ROOT = Path(codefeedback.__file__).parent.parent
READABLE = [
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/bin", "/bin", "/usr/share/zoneinfo"),
    *("/etc/ld.so.cache", "/etc/localtime", "/usr/lib/python3", "/not/there"),
    *(f"{sys.base_prefix}/lib", f"{sys.base_prefix}/bin"),
]
BOX = "/tmp/codefeedback-xyz/box"
BOX_BYTES = 1 << 20
PROLOGUE = """
import errno, json, os, signal, socket, subprocess, sys, threading, time
from codefeedback.guest import namespaces

def tried(action, *arguments):
    try:
        return action(*arguments) and None
    except OSError as error:
        return errno.errorcode[error.errno]

def capabilities():
    lines = subprocess.check_output(["/bin/cat", "/proc/self/status"], text=True).splitlines()
    lines += open("/proc/self/status")
    return [int(line.split()[1], 16) for line in lines if line.startswith("Cap")]

def say(*facts):
    os.write(1, json.dumps(facts).encode() + b"\\n")  # at once: two may say something
"""
FAILURE = namespaces.probe(READABLE, BOX)
pytestmark = pytest.mark.skipif(FAILURE is not None, reason=f"no namespaces here: {FAILURE}")


def start(script: str, *, within: str = "", **options: Any) -> subprocess.Popen[str]:
    """A process that runs `script`; `within`: flags of unshare and, after a |, shell commands."""
    command = [sys.executable, "-c", PROLOGUE + textwrap.dedent(script)]
    if within:
        flags, _, setup = within.partition("|")
        shell = ["sh", "-ec", f'{setup}\nexec "$@"', "sh"]
        command = ["unshare", *flags.split(), *shell, *command]
    options = {"stdout": subprocess.PIPE, "cwd": ROOT, "start_new_session": True, **options}
    return subprocess.Popen(command, text=True, **options)


def start_inside(
    script: str, readable: list[str] = READABLE, box: str = BOX, **options: Any
) -> subprocess.Popen[str]:
    enter = f"namespaces.enter({readable!r}, {box!r}, {BOX_BYTES})\n"
    return start(enter + textwrap.dedent(script), **options)


def said_by(process: subprocess.Popen[str]) -> Any:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(output)


def inside(script: str, **options: Any) -> Any:
    """What the script says."""
    return said_by(start_inside(script, **options))


def open_files() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_the_probe_agrees_and_leaves_nothing() -> None:
    mounts, files = Path("/proc/self/mounts").read_text(), open_files()
    limit = Path("/proc/sys/user/max_user_namespaces").read_text()
    assert namespaces.probe(READABLE, "/box") is None
    assert Path("/proc/self/mounts").read_text() == mounts
    assert open_files() == files
    assert Path("/proc/sys/user/max_user_namespaces").read_text() == limit
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_probe_works_beside_threads() -> None:
    ended = threading.Event()
    threads = [threading.Thread(target=ended.wait) for _ in range(4)]
    answers: list[object] = []
    threads.append(threading.Thread(target=lambda: answers.append(namespaces.probe(READABLE, BOX))))
    for thread in threads:
        thread.start()
    threads.pop().join()
    ended.set()
    for thread in threads:
        thread.join()
    assert answers == [None]


def test_the_probe_says_what_it_misses() -> None:
    readable = [path for path in READABLE if not path.startswith(sys.base_prefix)]
    if not os.__file__.startswith("/usr"):
        assert namespaces.probe(readable, BOX) not in (None, "")
    assert namespaces.probe(READABLE, "/usr/lib/box") == "/usr/lib/box: Read-only file system"
    assert not Path("/usr/lib/box").exists()


@pytest.mark.parametrize(
    ("within", "answer"),
    [
        ("-Ur|echo 0 > /proc/sys/user/max_user_namespaces", "unshare: No space left on device"),
        # As in a container that hides parts of /proc.
        (
            "-Urmpf --mount-proc|mount -t tmpfs none /proc/tty",
            "mount /proc: Operation not permitted",
        ),
    ],
)
def test_the_probe_where_it_is_forbidden(within: str, answer: str) -> None:
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    if "--mount-proc" in within and any(
        kind == "proc" and not place.startswith("/proc") for place, kind in mounts
    ):
        pytest.skip("a /proc that is mounted elsewhere as well hides nothing")
    script = f"say(namespaces.probe({READABLE!r}, '/box'))"
    assert said_by(start(script, within=within)) == [answer]


def test_a_small_world() -> None:
    pid, host, root, processes, interfaces, routed = inside("""
        say(
            os.getpid(), socket.gethostname(), sorted(os.listdir("/")),
            [name for name in os.listdir("/proc") if name.isdigit()], socket.if_nameindex(),
            tried(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect, ("192.0.2.1", 9)),
        )
    """)
    assert (pid, host, processes) == (1, "sandbox", ["1"])
    shown = {path.split("/")[1] for path in READABLE}
    assert {"dev", "proc", "tmp"} <= set(root) <= shown | {"dev", "proc", "tmp"}
    assert "lo" in [name for _, name in interfaces]
    assert routed == "ENETUNREACH"


def test_host_files_are_gone(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("sings")
    hidden = [str(canary), str(ROOT)]
    hidden += ["/etc/shadow", "/etc/passwd", "/sys", "/.old", "/proc/sys", "/dev/vda"]
    script = f"say(*(tried(os.stat, path) for path in {hidden}))"
    assert inside(script) == ["ENOENT"] * len(hidden)
    (etc,) = inside("say(sorted(os.listdir('/etc')))")
    assert set(etc) <= {"ld.so.cache", "localtime"}


def test_readable_paths_are_only_readable(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "file").write_text("content")
    (tmp_path / "folder" / "alone").write_text("alone")
    (tmp_path / "link").symlink_to("folder/deep/../file")
    (tmp_path / "absolute").symlink_to(tmp_path / "folder")
    (tmp_path / "loop").symlink_to("loop")
    tmp_path.chmod(0o700)
    names = ["absolute/deep", "folder/deep", "folder/file", "link", "loop"]
    paths = [f"{tmp_path}/{name}" for name in names]
    said = inside(
        f"""
        at = {str(tmp_path)!r}
        say(
            sorted(os.listdir(at)), sorted(os.listdir(at + "/folder")),
            os.readlink(at + "/link"), open(at + "/link").read(),
            os.statvfs(at + "/folder/deep").f_flag & os.ST_NOSUID != 0,
            tried(open, at + "/folder/file", "w"), tried(os.mkdir, at + "/folder/deep/new"),
            tried(os.chmod, at + "/absolute/deep", 0o777),
            tried(open, os.__file__, "r+"), tried(os.mkdir, "/usr/lib/new"),
            tried(os.mkdir, "/new"), tried(os.mkdir, "/dev/new"), tried(os.chmod, "/dev/null", 0),
        )
        """,
        readable=READABLE + paths,
    )
    assert said[:2] == [["absolute", "folder", "link"], ["deep", "file"]]
    assert said[2:5] == ["folder/deep/../file", "content", True]
    # Others than root are refused where the rights of a file say so, first.
    assert len(said[5:]) == 8 and set(said[5:]) <= {"EROFS", "EACCES"}


@pytest.mark.parametrize("options", ["nosuid,nodev,noexec,noatime", "ro", "nodiratime"])
def test_what_is_mounted_within_a_readable_path(tmp_path: Path, options: str) -> None:
    """And keeps flags that someone with more rights has set."""
    at = tmp_path / "a folder"
    (at / "sub").mkdir(parents=True)
    within = f"""-Urm|
        cd "{at}"; mount -t tmpfs none sub; mkdir sub/deeper
        mount -t tmpfs -o {options} none sub/deeper; cd "{ROOT}"
    """
    script = f"""
        os.chdir({str(at)!r})
        errors = [tried(os.mkdir, path) for path in ("new", "sub/new", "sub/deeper/new")]
        say(*errors, os.statvfs("sub/deeper").f_flag & os.ST_NOEXEC != 0)
    """
    said = inside(script, readable=[*READABLE, str(at)], within=within)
    assert said == ["EROFS"] * 3 + ["noexec" in options]


@pytest.mark.parametrize("box", [BOX, "/box", "/srv/deep/er/box"])
@pytest.mark.parametrize("place", [".", "/tmp", "/dev/shm"])
def test_small_writable_places(box: str, place: str) -> None:
    cwd, small, large = inside(
        f"""
        def fill(size):
            with open({place!r} + "/file", "wb") as file:
                file.write(bytes(size))
        say(os.getcwd(), tried(fill, {BOX_BYTES // 2}), tried(fill, {BOX_BYTES * 2}))
        """,
        box=box,
    )
    assert (cwd, small, large) == (box, None, "ENOSPC")


def test_inodes_are_limited() -> None:
    (most,) = inside("say(os.statvfs('.').f_files)")
    assert most == 65536


def test_devices() -> None:
    with open(__file__) as file:
        line = file.readline()
        said = inside(
            """
            with open("/dev/null", "w") as null:
                null.write("nothing")
            say(
                open("/dev/null").read(), open("/dev/zero", "rb").read(3) == bytes(3),
                len(open("/dev/urandom", "rb").read(5)),
                tried(os.write, os.open("/dev/full", os.O_WRONLY), b"x"),
                len(os.listdir("/dev")),
                open("/dev/stdin").readline(), open("/dev/fd/0").readline(),
            )
            """,
            stdin=file,
        )
    assert said == ["", True, 5, "ENOSPC", 10, line, line]


def test_no_capabilities_are_left_nor_come_back() -> None:
    own, status = inside("""
        again = subprocess.run(["/usr/bin/unshare", "-Ur", "/bin/true"], stderr=subprocess.DEVNULL)
        say(capabilities(), again.returncode)
    """)
    assert own == [0] * 10
    assert status != 0


def test_programs_of_all_kinds_run() -> None:
    said = inside("""
        facts = []
        thread = threading.Thread(target=lambda: facts.append(os.getpid()))
        thread.start()
        thread.join()
        import multiprocessing, random, tempfile
        with multiprocessing.get_context("fork").Pool(2) as pool:
            facts += pool.map(abs, [-1, -2])
        with tempfile.NamedTemporaryFile() as file:
            facts.append(file.name.split("/")[1])
        say(*facts, subprocess.check_output(["/bin/echo", "hello"], text=True),
            subprocess.check_output([os.readlink("/proc/self/exe"), "-c", "print(3)"], text=True))
    """)
    assert said == [1, 1, 2, "tmp", "hello\n", "3\n"]


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("os._exit(7)", 7),
        ("raise SystemExit(3)", 3),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass", -9),
    ],
)
def test_the_way_it_ends_is_passed_on(ending: str, status: int) -> None:
    process = start_inside(ending, stderr=subprocess.DEVNULL)
    process.communicate(timeout=30)
    assert process.returncode == status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nobody_inside_outlives_the_parent(number: int) -> None:
    process = start_inside("""
        if os.fork() == 0:
            os.setsid()
        say("in")
        time.sleep(100)
    """)
    with process:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline()) for _ in range(2)] == [["in"]] * 2
        began = time.monotonic()
        process.send_signal(number)
        assert process.stdout.read() == ""  # the end, for which both must have ended
        assert process.wait(10) == -number
    assert time.monotonic() - began < 10


def test_the_parent_keeps_no_file_of_the_child() -> None:
    """So whoever talks with the child sees at once that it has ended."""
    here, there = os.pipe()
    script = f"os.close({there}); say(1); time.sleep(100)"
    with start_inside(script, pass_fds=[there]) as process:
        os.close(there)
        assert process.stdout is not None
        process.stdout.readline()
        assert os.read(here, 1) == b""
        process.kill()
    os.close(here)


def test_open_files_stay_open_inside() -> None:
    here, there = os.pipe()
    with start_inside(f"os.write({there}, b'told')", pass_fds=[there]) as process:
        os.close(there)
        assert process.wait(10) == 0
    assert os.read(here, 100) == b"told"
    os.close(here)


def test_failures_name_the_step() -> None:
    (said,) = said_by(
        start(f"""
            try:
                namespaces.enter({READABLE!r}, "/usr/lib/no/box", 1)
            except OSError as error:
                say(str(error))
        """)
    )
    assert said == "[Errno 30] Read-only file system: '/usr/lib/no'"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_anybody_can(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As an ordinary user, with the interpreter of the system: ours may be in root's folder."""
    python, setpriv = shutil.which("python3", path="/usr/bin"), shutil.which("setpriv")
    if python is None or setpriv is None:
        pytest.skip("neither a python3 in /usr/bin nor setpriv")
    home = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        shutil.copytree(ROOT / "codefeedback" / "guest", home / "guest")
        subprocess.run(["chmod", "-R", "a+rX", home], check=True)
        script = PROLOGUE.replace("codefeedback.guest", "guest") + textwrap.dedent(f"""
            facts = [namespaces.probe({READABLE!r}, {BOX!r})]
            namespaces.enter({READABLE!r}, {BOX!r}, {BOX_BYTES})
            facts += [tried(open, "file", "w"), tried(os.mkdir, "/usr/new"), capabilities()]
            say(*facts, os.getpid(), os.getuid(), os.stat("file").st_uid)
        """)
        become = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = subprocess.run(
            [*become, python, "-c", script], stdout=subprocess.PIPE, cwd=home, check=True
        )
    finally:
        shutil.rmtree(home)
    assert json.loads(done.stdout) == [None, None, "EROFS", [0] * 10, 1, 65534, 65534]
