"""Each claim that docs/sandbox.md makes of the local sandbox: posture, attacks, lifecycle.

The hostile programs of tests/hostile attack it on a broad front; here is what needs a look from
outside.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codefeedback import Limits, LocalSandbox, RunLostError, SandboxError, Source
from codefeedback.errors import SandboxUnavailableError, WeakSandboxError
from codefeedback.grading import Grader
from codefeedback.sandbox import local
from codefeedback.sandbox.interface import Call, Check, Execution, Limit, Script, Stage
from codefeedback.sandbox.probe import Offer, offer_of

OFFER = offer_of(sys.executable)
LIMITS = Limits(cpu_seconds=2, wall_seconds=4, memory_bytes=256 << 20, output_bytes=1 << 20)
DOUBLE = {"cases": [{"stdin": f"{n}\n", "expected_stdout": f"{2 * n}\n"} for n in range(1, 6)]}
RIGHT = "print(int(input()) * 2)\n"

pytestmark = pytest.mark.skipif(
    OFFER.seccomp is None or not OFFER.landlock, reason=f"not offered here: {OFFER}"
)
TIERS = [
    "standard",
    pytest.param(
        "namespaces",
        marks=pytest.mark.skipif(not OFFER.namespaces, reason=OFFER.namespaces_reason),
    ),
]


@pytest.fixture(scope="module", params=TIERS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[LocalSandbox]:
    with LocalSandbox(namespaces=request.param == "namespaces") as sandbox:
        assert sandbox.tier == request.param
        yield sandbox


def script(sandbox: LocalSandbox, text: str, stdin: bytes = b"", **limits: Any) -> Execution:
    return sandbox.run(Script(program=Source(text), stdin=stdin), LIMITS.override(limits))


def facts(sandbox: LocalSandbox, expression: str, imports: str = "os, sys") -> Any:
    """What an expression is inside of the sandbox."""
    run = script(sandbox, f"import json, {imports}\nprint(json.dumps({expression}))")
    assert run.exit_code == 0, run.stderr.decode()
    return json.loads(run.stdout)


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def family(pid: int) -> list[int]:
    """The processes below `pid`."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children] + [
        deeper for child in children for deeper in family(int(child))
    ]


def guests() -> list[int]:
    """The processes that run guests of this one, whichever thread started them."""
    return [
        pid
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
        if b"guest/main.py" in Path(f"/proc/{child}/cmdline").read_bytes()
        for pid in [int(child), *family(int(child))]
    ]


# --- posture: what a program has ----------------------------------------------------------------


def test_descriptors_are_the_three_and_the_report(sandbox: LocalSandbox) -> None:
    run = script(
        sandbox,
        "import os\nfound = []\nfor fd in range(1024):\n    try:\n        os.fstat(fd)\n"
        "        found.append(fd)\n    except OSError:\n        pass\nprint(found)\n",
    )
    assert run.stdout == b"[0, 1, 2, 3]\n"


def test_no_privileges_and_two_filters(sandbox: LocalSandbox) -> None:
    """Asked from outside, of a process that runs a program."""
    status: dict[str, str] = {}

    def look() -> None:
        wait_until(lambda: any(is_sleeper(pid) for pid in guests()))
        pid = next(pid for pid in guests() if is_sleeper(pid))
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        for name, found, value in (line.partition(":\t") for line in lines):
            status.update({name: value} if found else {})
        status["user"] = namespace_of(str(pid)) if os.getuid() == 0 else ""

    looking = threading.Thread(target=look)
    looking.start()
    script(sandbox, "import time, threading\nthreading.stack_size(1 << 20)\n" + SLEEPER)
    looking.join()
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert int(status["Seccomp_filters"]) >= 2
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status[kind], 16) == 0
    if sandbox.tier == "namespaces":
        assert int(status["CapBnd"], 16) == 0
        assert status["NSpid"].split()[-1] != status["NSpid"].split()[0]
        if os.getuid() == 0:
            assert status["user"] != namespace_of("self")


SLEEPER = """threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(7)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def namespace_of(pid: str) -> str:
    return str(Path(f"/proc/{pid}/ns/user").readlink())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_sleeper(pid: int) -> bool:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) == 8
    except OSError:
        return False


def test_limits_are_set(sandbox: LocalSandbox) -> None:
    names = "'CPU', 'FSIZE', 'CORE', 'NOFILE'"
    expression = f"[resource.getrlimit(getattr(resource, 'RLIMIT_' + n)) for n in ({names})]"
    cpu, size, core, files = facts(sandbox, expression, "resource")
    assert cpu == [4, 4] and size == [(1 << 20) + 1] * 2 and core == [0, 0] and files == [256] * 2


def test_environment_is_ours(sandbox: LocalSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    with LocalSandbox(namespaces=sandbox.tier == "namespaces") as fresh:
        environment = facts(fresh, "dict(os.environ)")
    assert "secret" not in json.dumps(environment)
    assert environment["LANG"] == "C.UTF-8" and environment["PYTHONHASHSEED"] == "0"


def test_session_and_folder_are_its_own(sandbox: LocalSandbox) -> None:
    leader, folder, files = facts(
        sandbox, "[os.getsid(0) == os.getpid(), os.getcwd(), os.listdir()]"
    )
    assert leader and files == ["solution.py"]
    if sandbox.tier == "namespaces":
        assert folder == "/box" and not Path("/box").exists()


@pytest.mark.skipif(not OFFER.namespaces, reason=OFFER.namespaces_reason)
def test_the_world_is_small_in_namespaces() -> None:
    with LocalSandbox() as sandbox:
        pid, host = facts(sandbox, "[os.getpid(), os.uname().nodename]")
    assert pid < 100 and host == "sandbox"


def test_standard_library_only(sandbox: LocalSandbox) -> None:
    path = facts(sandbox, "sys.path")
    assert not [entry for entry in path if "site-packages" in entry or "codefeedback" in entry]
    assert not facts(sandbox, "[name for name in sys.modules if 'guest' in name]")


# --- attacks ------------------------------------------------------------------------------------


def test_files_cannot_be_read(sandbox: LocalSandbox, tmp_path: Path) -> None:
    secret = tmp_path / "answers.json"
    secret.write_text("forty-two")
    for path in (secret, Path("/etc/passwd"), Path(__file__), Path("/proc/self/environ")):
        run = script(sandbox, f"print(open({str(path)!r}).read())")
        assert run.exit_code == 1 and run.trace is not None, path
        assert run.trace.type_name in ("PermissionError", "FileNotFoundError")


def test_files_cannot_be_changed(sandbox: LocalSandbox, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("as it was")
    before = target.stat()
    attempts = (
        f"open({str(target)!r}, 'w')",
        f"os.unlink({str(target)!r})",
        f"os.rename({str(target)!r}, 'here')",
        f"os.truncate({str(target)!r}, 0)",
        f"os.chmod({str(target)!r}, 0)",
        f"os.utime({str(target)!r}, (1, 1))",
        f"os.symlink('x', {str(tmp_path / 'link')!r})",
        f"os.link({str(target)!r}, 'linked')",
        f"os.mkdir({str(tmp_path / 'folder')!r})",
    )
    for attempt in attempts:
        script(sandbox, f"import os\n{attempt}\n")
    after = target.stat()
    assert target.read_text() == "as it was" and list(tmp_path.iterdir()) == [target]
    assert (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)


def test_the_network_is_out_of_reach(sandbox: LocalSandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        run = script(sandbox, f"import socket\nsocket.create_connection(('127.0.0.1', {port}))")
        assert run.exit_code == 1
        with pytest.raises(TimeoutError):
            server.accept()


def test_signals_reach_nobody_else(sandbox: LocalSandbox) -> None:
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        targets = f"{victim.pid}, {os.getpid()}, os.getppid(), 1, -1"
        program = (
            f"import os\nreached = []\nfor pid in ({targets}):\n    try:\n"
            "        os.kill(pid, 0)\n        reached.append(pid)\n"
            "    except OSError:\n        pass\nprint(reached)\n"
        )
        assert script(sandbox, program).stdout == b"[]\n"
        assert victim.poll() is None
    finally:
        victim.communicate()


def test_the_test_of_a_split_check_is_not_in_the_program_s_memory(sandbox: LocalSandbox) -> None:
    """Nor are the tests and programs that came before it."""
    needle = "needle" + str(os.getpid())
    earlier = Check(
        program=Source(f"x = '{needle}'\ndef f(): return 1"), test=f"assert f() == 1 #{needle}"
    )
    search = (
        "import ctypes, gc, re, sys\n"
        "def f():\n"
        f"    word = 'nee' + {needle[3:]!r}\n"
        "    seen = [o for o in gc.get_objects() if type(o) in (dict, list, tuple) and any(\n"
        "        type(i) is str and word in i and i is not word for i in\n"
        "        (o.values() if type(o) is dict else o))]\n"
        "    return len([o for o in seen if o is not f.__code__.co_consts])\n"
    )
    command = Check(program=Source(search), test=f"assert f() <= 1, f() # {needle}")
    for _ in range(2):
        assert sandbox.run(earlier, LIMITS).stage is Stage.PASSED
        run = sandbox.run(command, LIMITS)
        assert run.stage is Stage.PASSED, run.test_trace


# --- limits by mechanism ------------------------------------------------------------------------


def test_time_is_the_program_s_own(sandbox: LocalSandbox) -> None:
    run = script(sandbox, "while True: pass", cpu_seconds=0.5)
    assert run.limit_hit is Limit.CPU and 0.5 <= run.cpu_seconds < 0.7


def test_a_hang_is_told_by_idle_time(sandbox: LocalSandbox) -> None:
    run = script(sandbox, "import time\ntime.sleep(60)", wall_seconds=0.5)
    assert run.limit_hit is Limit.WALL and run.wall_seconds < 3
    busy_then_idle = "import time\nwhile time.process_time() < 0.6: pass\ntime.sleep(0.3)"
    assert script(sandbox, busy_then_idle, wall_seconds=0.5).limit_hit is None


def test_memory_is_counted_from_the_program_s_own_base(sandbox: LocalSandbox) -> None:
    fill = "data = bytearray({} << 20)\nfor i in range(0, len(data), 4096): data[i] = 1\n"
    assert script(sandbox, fill.format(240)).limit_hit is None
    assert script(sandbox, fill.format(280)).limit_hit is Limit.MEMORY


def test_the_compiler_runs_under_the_limits(sandbox: LocalSandbox) -> None:
    bomb = "x = " + "(" * 90 + "9 ** 9 ** 9 ** 9" + ")" * 90
    slow = "print(" + "+".join(["1 << 20000"] * 40000) + ")"
    for command in (Script(program=Source(bomb)), Script(program=Source(slow))):
        limits = LIMITS.override({"cpu_seconds": 0.3})
        alone = sandbox.run(command, limits)
        together = list(sandbox.run_all([command] * 3, limits))
        assert {run.limit_hit for run in together} == {alone.limit_hit}


def test_what_leaves_its_family_is_counted_and_ended(sandbox: LocalSandbox) -> None:
    detached = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        while True: pass\n    os._exit(0)\nos.wait()\ntime.sleep(30)\n"
    )
    run = script(sandbox, detached, cpu_seconds=0.5)
    assert run.limit_hit is Limit.CPU and run.wall_seconds < 3


def test_room_for_files_is_limited(sandbox: LocalSandbox) -> None:
    many = "import os\nfor n in range(10 ** 6):\n    open(str(n), 'w').write('x' * 100000)\n"
    run = script(sandbox, many, cpu_seconds=20, wall_seconds=20)
    assert run.limit_hit is Limit.OUTPUT or run.exit_code == 1  # or the file system is full
    assert facts(sandbox, "os.listdir()") == ["solution.py"]


@pytest.mark.skipif(not OFFER.cgroups, reason=OFFER.cgroups_reason)
def test_control_groups_hold_for_all_that_a_worker_runs() -> None:
    before = set(groups())
    with LocalSandbox() as sandbox:
        count = (
            "import os\nn = 0\ntry:\n    while n < 500:\n        if os.fork() == 0:\n"
            "            os.setsid(); os.read(0, 1); os._exit(0)\n        n += 1\n"
            "except OSError:\n    pass\nprint(n)\n"
        )
        script(sandbox, count, processes=20)
        assert guests()
        for pid in guests():
            assert "codefeedback-" in Path(f"/proc/{pid}/cgroup").read_text()
        own = set(groups()) - before
        counted = [path / "pids.max" for path in own if (path / "pids.max").exists()]
        assert [path.read_text() for path in counted] == ["36\n"]
    assert not own & set(groups())


@pytest.mark.skipif(not OFFER.cgroups, reason=OFFER.cgroups_reason)
def test_control_groups_of_a_killed_grader_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import codefeedback as cf, os\nsandbox = cf.LocalSandbox()\n"
        "sandbox.run(cf.sandbox.interface.Script(program=cf.Source('1')), cf.Limits())\n"
        "os._exit(0)\n"
    )
    before = set(groups())
    subprocess.run([sys.executable, "-c", code], check=True)
    left = set(groups()) - before
    assert left
    monkeypatch.setattr("codefeedback.guest.cgroups._SETTLED_SECONDS", 0.0)

    def removed() -> bool:
        LocalSandbox().close()
        return not left & set(groups())

    wait_until(removed)


def groups() -> Iterator[Path]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        yield from Path("/sys/fs/cgroup", controllers, path.lstrip("/")).glob("codefeedback-*")


# --- failures of ours ---------------------------------------------------------------------------


def test_killed_processes_of_ours_lose_nothing(sandbox: LocalSandbox) -> None:
    """kill -9 of the guest, the zygote, a supervisor or a program's process, at any moment."""
    slow = Source("import time\nn = int(input())\ntime.sleep(0.05)\nprint(n * 2)\n")
    commands = [Script(program=slow, stdin=b"%d\n" % n) for n in range(30)]
    killed = 0
    over = threading.Event()

    def kill() -> None:
        nonlocal killed
        while not over.wait(0.35) and killed < 8:
            for pid in guests()[killed % 4 :][:1]:
                os.kill(pid, signal.SIGKILL)
                killed += 1

    killer = threading.Thread(target=kill)
    killer.start()
    runs = list(sandbox.run_all(commands, LIMITS))
    over.set()
    killer.join()
    assert killed and [int(run.stdout) for run in runs] == [2 * n for n in range(30)]


def test_close_ends_what_is_running_and_leaves_nothing(tmp_path: Path) -> None:
    sandbox = LocalSandbox()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            script(sandbox, "import time\ntime.sleep(60)", wall_seconds=100)
        except SandboxError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: len(guests()) >= 3)
    sandbox.close()
    thread.join(timeout=20)
    assert not thread.is_alive() and len(failures) == 1
    with pytest.raises(RunLostError):
        script(sandbox, "1")


def test_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = open_files(), len(guests())
    for namespaces in (True, False):
        with LocalSandbox(namespaces=namespaces) as sandbox:
            for _ in range(3):
                assert script(sandbox, "print(1)").stdout == b"1\n"
    assert list(tmp_path.iterdir()) == []
    assert (open_files(), len(guests())) == before


@pytest.mark.parametrize("namespaces", [True, False])
def test_nothing_outlives_a_killed_grader(tmp_path: Path, namespaces: bool) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    code = (
        "import codefeedback as cf\nfrom codefeedback.sandbox.interface import Script\n"
        f"with cf.LocalSandbox(namespaces={namespaces}) as sandbox:\n"
        "    program = cf.Source('import time; time.sleep(90)')\n"
        "    sandbox.run(Script(program=program), cf.Limits(wall_seconds=80))\n"
    )
    grader = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {"TMPDIR": str(folder)}
    )
    wait_until(lambda: len(family(grader.pid)) >= 3)
    left = family(grader.pid)
    grader.kill()
    grader.wait()
    wait_until(lambda: not list(folder.iterdir()))
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))


def test_a_fork_of_the_grader_gets_guests_of_its_own() -> None:
    with LocalSandbox() as sandbox:
        assert script(sandbox, "print(1)").stdout == b"1\n"
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writer, script(sandbox, "print(2)").stdout)
                sandbox.close()
            finally:
                os._exit(0)
        os.close(writer)
        assert os.read(reader, 10) == b"2\n"
        os.close(reader)
        os.waitpid(pid, 0)
        assert script(sandbox, "print(3)").stdout == b"3\n"


# --- modes --------------------------------------------------------------------------------------


def test_reuse_runs_cases_in_one_process_and_failures_again() -> None:
    state = "import builtins\nbuiltins.n = getattr(builtins, 'n', 0) + 1\nprint(builtins.n)\n"
    commands = [Script(program=Source(state))] * 4
    with LocalSandbox() as sandbox:
        runs = list(sandbox.run_all(commands, LIMITS, reuse=True))
        assert [run.stdout for run in runs] == [b"1\n", b"2\n", b"3\n", b"4\n"]
        assert [run.stdout for run in sandbox.run_all(commands, LIMITS)] == [b"1\n"] * 4
    problem = {"cases": [{"stdin": "", "expected_stdout": "1\n"}] * 3}
    with Grader(reuse=True) as grader:
        assert grader.grade(state, problem).verdict.value == "AC"


@pytest.mark.parametrize(
    ("program", "verdicts"),
    [
        (RIGHT, "AC AC AC AC AC"),
        ("n = int(input())\nif n == 3: raise ValueError\nprint(2 * n)\n", "AC AC RE AC AC"),
        ("n = int(input())\nif n == 2:\n    while 1: pass\nprint(2 * n)\n", "AC TLE AC AC AC"),
        (
            "import os\nn = int(input())\nprint(2 * n, flush=True)\nos._exit(n == 4)\n",
            "AC AC AC RE AC",
        ),
        ("import sys\nsys.stdout = None\n", "WA WA WA WA WA"),
        ("def f(:\n", "CE CE CE CE CE"),
        ("import sys\nout = open(1, 'w')\nout.write(str(2 * int(input())))\n", "AC AC AC AC AC"),
        ("import atexit\natexit.register(lambda: print(2 * int(input())))\n", "AC AC AC AC AC"),
    ],
)
def test_reuse_gives_the_verdicts_of_fresh_processes(program: str, verdicts: str) -> None:
    for reuse in (True, False):
        with Grader(reuse=reuse, limits={"cpu_seconds": 0.5}) as grader:
            report = grader.grade(program, DOUBLE)
        assert " ".join(case.verdict.value for case in report.cases) == verdicts, reuse


def test_reuse_of_calls() -> None:
    cases = [{"entry_point": "f", "args": [n], "expected": n * n} for n in range(6)]
    with Grader(reuse=True) as grader:
        report = grader.grade("def f(n):\n    assert n != 4\n    return n * n\n", {"cases": cases})
    assert [case.verdict.value for case in report.cases] == ["AC"] * 4 + ["RE", "AC"]


def test_preload_needs_no_import(tmp_path: Path) -> None:
    with LocalSandbox(site_packages=True, preload=["click"]) as sandbox:
        assert facts(sandbox, "'click' in sys.modules")
    with (
        pytest.raises(SandboxUnavailableError, match="no_such_module"),
        LocalSandbox(preload=["no_such_module"]) as sandbox,
    ):
        script(sandbox, "1")


def test_random_is_the_same_in_every_run() -> None:
    numbers = set()
    for _ in range(2):
        with LocalSandbox() as sandbox:
            numbers.add(script(sandbox, "import random\nprint(random.random())").stdout)
    assert len(numbers) == 1


def test_calls_and_checks(sandbox: LocalSandbox) -> None:
    program = Source("def f(n):\n    return n * 2\n")
    assert sandbox.run(Call(program=program, entry_point="f", args=(2,)), LIMITS).value == 4
    assert (
        sandbox.run(Check(program=program, test="assert f(2) == 4"), LIMITS).stage is Stage.PASSED
    )
    assert (
        sandbox.run(Check(program=program, test="assert f(2) == 5"), LIMITS).stage is Stage.FAILED
    )


# --- tiers --------------------------------------------------------------------------------------


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No containers, in which `auto` would run programs that cannot be confined here."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")


@pytest.mark.usefixtures("no_engine")
def test_where_nothing_hides_files_the_tier_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = Offer(seccomp=OFFER.seccomp, landlock_reason="no", namespaces_reason="no")
    monkeypatch.setattr(local, "offer_of", lambda _: weak)
    with pytest.raises(WeakSandboxError, match="allow_weak_sandbox"):
        Grader()
    with Grader(allow_weak_sandbox=True) as grader:
        report = grader.grade(RIGHT, DOUBLE)
        assert (report.verdict.value, report.sandbox.tier) == ("AC", "weak")
        attack = "import os\nos.kill(os.getppid(), 9)\n"
        assert grader.grade(attack, DOUBLE).verdict.value == "RE"


@pytest.mark.usefixtures("no_engine")
def test_without_filters_there_is_no_local_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "offer_of", lambda _: Offer(seccomp_reason="none here"))
    with pytest.raises(SandboxUnavailableError, match="none here"):
        LocalSandbox()
    with Grader(allow_weak_sandbox=True) as grader:
        assert grader.sandbox.name == "portable"


FAILING = {
    "memory": "x = bytearray(80 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\n",
    "memory of a child": "import os\nif os.fork() == 0:\n    x = bytearray(100 << 20)\n"
    "    for i in range(0, len(x), 4096): x[i] = 1\n    os._exit(0)\nos.wait()\n",
    "status": "import sys\n",
    "finalizer": "class D:\n    def __del__(self): print('gone')\nd = D(); d.d = d\n",
}


@pytest.mark.parametrize("name", FAILING)
def test_reuse_accepts_nothing_that_fails_alone(name: str) -> None:
    program = FAILING[name] + "print(2 * int(input()))\n"
    program += "sys.exit('')\n" if name == "status" else ""
    limits = {"memory_bytes": 64 << 20}
    verdicts = []
    for reuse in (True, False):
        with Grader(reuse=reuse, limits=limits) as grader:
            verdicts.append([case.verdict for case in grader.grade(program, DOUBLE).cases])
    assert verdicts[0] == verdicts[1] and "AC" not in map(str, verdicts[0])
