"""What docs/sandbox.md claims of the local sandbox and of containers alike.

The hostile programs of tests/hostile attack it on a broad front; here is what needs a look from
outside.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lockdown import (
    LIMITS,
    OFFER,
    SLEEPER,
    WITHOUT_LANDLOCK,
    facts,
    guests,
    is_sleeper,
    namespace_of,
    script,
    wait_until,
)

from codefeedback import ContainerSandbox, LocalSandbox, Sandbox, Source
from codefeedback.sandbox import container
from codefeedback.sandbox.interface import Call, Check, Limit, Script, Stage

pytestmark = pytest.mark.skipif(
    OFFER.seccomp is None or not OFFER.landlock, reason=f"not offered here: {OFFER}"
)
TIERS = [
    "standard",
    pytest.param(
        "namespaces",
        marks=pytest.mark.skipif(not OFFER.namespaces, reason=OFFER.namespaces_reason),
    ),
    "container",
    "container without Landlock",
]


def sandbox_of(tier: str, request: pytest.FixtureRequest) -> Sandbox:
    if not tier.startswith("container"):
        return LocalSandbox(namespaces=tier == "namespaces")
    image = request.getfixturevalue("image")
    if tier == "container":
        return ContainerSandbox(image=image)
    profile = WITHOUT_LANDLOCK
    if request.getfixturevalue("engine").kind == "Podman":  # which wants the name of a file
        file = request.getfixturevalue("tmp_path_factory").mktemp("seccomp") / "profile.json"
        file.write_text(profile)
        profile = str(file)
    settings = container._host_settings

    def without_landlock(*given: Any) -> dict[str, Any]:
        host = settings(*given)
        return {**host, "security_opt": [*host["security_opt"], f"seccomp={profile}"]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "_host_settings", without_landlock)
        return ContainerSandbox(image=image)


@pytest.fixture(scope="module", params=TIERS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with sandbox_of(request.param, request) as sandbox:
        assert sandbox.tier == request.param.split()[0]
        yield sandbox


def test_descriptors_are_the_three_and_the_report(sandbox: Sandbox) -> None:
    run = script(
        sandbox,
        "import os\nfound = []\nfor fd in range(1024):\n    try:\n        os.fstat(fd)\n"
        "        found.append(fd)\n    except OSError:\n        pass\nprint(found)\n",
    )
    assert run.stdout == b"[0, 1, 2, 3]\n"


def test_no_privileges_and_two_filters(sandbox: Sandbox) -> None:
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


def test_limits_are_set(sandbox: Sandbox) -> None:
    names = "'CPU', 'FSIZE', 'CORE', 'NOFILE'"
    expression = f"[resource.getrlimit(getattr(resource, 'RLIMIT_' + n)) for n in ({names})]"
    cpu, size, core, files = facts(sandbox, expression, "resource")
    assert cpu == [4, 4] and size == [(1 << 20) + 1] * 2 and core == [0, 0] and files == [256] * 2


def test_environment_is_ours(
    request: pytest.FixtureRequest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    with sandbox_of(sandbox.tier, request) as fresh:
        environment = facts(fresh, "dict(os.environ)")
    home = facts(sandbox, "os.getcwd()") if sandbox.tier != "standard" else environment["HOME"]
    assert environment == {**ENVIRONMENT, "HOME": home, "TMPDIR": home}


ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "MALLOC_ARENA_MAX": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


def test_session_and_folder_are_its_own(sandbox: Sandbox) -> None:
    leader, folder, files = facts(
        sandbox, "[os.getsid(0) == os.getpid(), os.getcwd(), os.listdir()]"
    )
    assert leader and files == ["solution.py"]
    if sandbox.tier == "namespaces":
        assert folder == "/box" and not Path("/box").exists()


def test_standard_library_only(sandbox: Sandbox) -> None:
    path = facts(sandbox, "sys.path")
    assert not [entry for entry in path if "site-packages" in entry or "codefeedback" in entry]
    assert not facts(sandbox, "[name for name in sys.modules if 'guest' in name]")


def test_files_cannot_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "answers.json"
    secret.write_text("forty-two")
    paths = [secret, Path(__file__)]
    if sandbox.name == "local":  # a container's own are nobody's secret
        paths += [Path("/etc/passwd"), Path("/proc/self/environ")]
    for path in paths:
        run = script(sandbox, f"print(open({str(path)!r}).read())")
        assert run.exit_code == 1 and run.trace is not None, path
        assert run.trace.type_name in ("PermissionError", "FileNotFoundError")


def test_files_cannot_be_changed(sandbox: Sandbox, tmp_path: Path) -> None:
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


def test_the_network_is_out_of_reach(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        run = script(sandbox, f"import socket\nsocket.create_connection(('127.0.0.1', {port}))")
        assert run.exit_code == 1
        with pytest.raises(TimeoutError):
            server.accept()


def test_signals_reach_nobody_else(sandbox: Sandbox) -> None:
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


def test_the_first_process_of_a_container_is_closed(sandbox: Sandbox) -> None:
    """Without Landlock, programs see /proc."""
    program = (
        "import os\nfound = []\n"
        "for name in ('mem', 'environ', 'syscall', 'fd/1', 'oom_score_adj'):\n"
        "    for flags in (os.O_RDONLY, os.O_WRONLY):\n"
        "        try:\n            os.close(os.open(f'/proc/1/{name}', flags))\n"
        "            found.append((name, flags))\n        except OSError:\n            pass\n"
        "print([each for each in found if each != ('oom_score_adj', os.O_RDONLY)])\n"
    )
    assert script(sandbox, program).stdout == b"[]\n"


def test_nothing_is_left_for_the_next_program(sandbox: Sandbox) -> None:
    places = "'.', '/tmp', '/var/tmp', '/dev/shm', '/dev/mqueue', '/run'"
    leave = (
        f"import os\nfor place in ({places}):\n    try:\n"
        "        open(place + '/note', 'w').write('x'); os.mkdir(place + '/notes')\n"
        "    except OSError:\n        pass\n"
    )
    look = f"import glob, os\nprint([glob.glob(place + '/note*') for place in ({places})])\n"
    script(sandbox, leave)
    assert script(sandbox, look).stdout == b"[[], [], [], [], [], []]\n"


def test_the_test_of_a_split_check_is_not_in_the_program_s_memory(sandbox: Sandbox) -> None:
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


def test_time_is_the_program_s_own(sandbox: Sandbox) -> None:
    run = script(sandbox, "while True: pass", cpu_seconds=0.5)
    assert run.limit_hit is Limit.CPU and 0.5 <= run.cpu_seconds < 0.7


def test_a_hang_is_told_by_idle_time(sandbox: Sandbox) -> None:
    run = script(sandbox, "import time\ntime.sleep(60)", wall_seconds=0.5)
    assert run.limit_hit is Limit.WALL and run.wall_seconds < 3
    busy_then_idle = "import time\nwhile time.process_time() < 0.6: pass\ntime.sleep(0.3)"
    assert script(sandbox, busy_then_idle, wall_seconds=0.5).limit_hit is None


def test_memory_is_counted_from_the_program_s_own_base(sandbox: Sandbox) -> None:
    fill = "data = bytearray({} << 20)\nfor i in range(0, len(data), 4096): data[i] = 1\n"
    assert script(sandbox, fill.format(240)).limit_hit is None
    assert script(sandbox, fill.format(280)).limit_hit is Limit.MEMORY


def test_the_compiler_runs_under_the_limits(sandbox: Sandbox) -> None:
    bomb = "x = " + "(" * 90 + "9 ** 9 ** 9 ** 9" + ")" * 90
    slow = "print(" + "+".join(["1 << 20000"] * 40000) + ")"
    for command in (Script(program=Source(bomb)), Script(program=Source(slow))):
        limits = LIMITS.override({"cpu_seconds": 0.3})
        alone = sandbox.run(command, limits)
        together = list(sandbox.run_all([command] * 3, limits))
        assert {run.limit_hit for run in together} == {alone.limit_hit}


def test_what_leaves_its_family_is_counted_and_ended(sandbox: Sandbox) -> None:
    detached = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        while True: pass\n    os._exit(0)\nos.wait()\ntime.sleep(30)\n"
    )
    run = script(sandbox, detached, cpu_seconds=0.5)
    assert run.limit_hit is Limit.CPU and run.wall_seconds < 3


def test_a_fork_bomb_is_seen_before_the_kernel_steps_in(sandbox: Sandbox) -> None:
    run = script(sandbox, "import os\nwhile True:\n    os.fork()\n")
    assert (run.limit_hit, run.signal) == (Limit.PROCESSES, signal.SIGKILL)


def test_room_for_files_is_limited(sandbox: Sandbox) -> None:
    many = "import os\nfor n in range(10 ** 6):\n    open(str(n), 'w').write('x' * 100000)\n"
    run = script(sandbox, many, cpu_seconds=20, wall_seconds=20)
    assert run.limit_hit is Limit.OUTPUT or run.exit_code == 1  # or the file system is full
    assert facts(sandbox, "os.listdir()") == ["solution.py"]


def test_killed_processes_of_ours_lose_nothing(sandbox: Sandbox) -> None:
    """kill -9 of the guest, the zygote, a supervisor or a program's process, at any moment."""
    slow = Source("import time\nn = int(input())\ntime.sleep(0.05)\nprint(n * 2)\n")
    commands = [Script(program=slow, stdin=b"%d\n" % n) for n in range(30)]
    killed = 0
    over = threading.Event()
    # A program is our failure when what it runs in dies three times; a container takes its time.
    pause = 0.35 if sandbox.name == "local" else 1.0

    def kill() -> None:
        nonlocal killed
        while not over.wait(pause) and killed < 8:
            for pid in guests()[killed % 4 :][:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        runs = list(sandbox.run_all(commands, LIMITS))
    finally:
        over.set()
        killer.join()
    assert killed and [int(run.stdout) for run in runs] == [2 * n for n in range(30)]


def test_calls_and_checks(sandbox: Sandbox) -> None:
    program = Source("def f(n):\n    return n * 2\n")
    assert sandbox.run(Call(program=program, entry_point="f", args=(2,)), LIMITS).value == 4
    assert (
        sandbox.run(Check(program=program, test="assert f(2) == 4"), LIMITS).stage is Stage.PASSED
    )
    assert (
        sandbox.run(Check(program=program, test="assert f(2) == 5"), LIMITS).stage is Stage.FAILED
    )
