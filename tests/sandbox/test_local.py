"""The local sandbox: its tiers, modes and lifecycle (test_lockdown.py has what it promises)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lockdown import LIMITS, OFFER, facts, family, script, wait_until
from lockdown import guests_here as guests

from codefeedback import LocalSandbox, RunLostError, SandboxError, Source
from codefeedback.errors import SandboxUnavailableError, WeakSandboxError
from codefeedback.grading import Grader
from codefeedback.sandbox import local, worker
from codefeedback.sandbox.interface import Script
from codefeedback.sandbox.probe import Offer

DOUBLE = {"cases": [{"stdin": f"{n}\n", "expected_stdout": f"{2 * n}\n"} for n in range(1, 6)]}
RIGHT = "print(int(input()) * 2)\n"

pytestmark = pytest.mark.skipif(
    OFFER.seccomp is None or not OFFER.landlock, reason=f"not offered here: {OFFER}"
)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not OFFER.namespaces, reason=OFFER.namespaces_reason)
def test_the_world_is_small_in_namespaces() -> None:
    with LocalSandbox() as sandbox:
        pid, host = facts(sandbox, "[os.getpid(), os.uname().nodename]")
    assert pid < 100 and host == "sandbox"


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
        assert [path.read_text() for path in counted] == ["276\n"]
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
    return Path("/sys/fs/cgroup").rglob("codefeedback-*")


# --- failures of ours ---------------------------------------------------------------------------


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


def test_a_guest_that_is_killed_as_it_starts_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(worker.GUEST.parent, tmp_path / "guest")
    with (tmp_path / "guest" / "kernel.py").open("a") as file:
        note = f"open({str(tmp_path / 'tries')!r}, 'a').write('.')"
        file.write(f"\n\ndef guard_supervisor():\n    {note}\n    os.kill(os.getpid(), 9)\n")
    sandbox = LocalSandbox(namespaces=False)
    monkeypatch.setattr(worker, "GUEST", tmp_path / "guest" / "main.py")
    with sandbox, pytest.raises(RunLostError, match="did not come up"):
        script(sandbox, "1")
    assert (tmp_path / "tries").read_text() == "..."


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


def test_a_preloaded_module_may_hold_what_passes_for_a_class(tmp_path: Path) -> None:
    text = "import weakref\nclass A: pass\nproxy = weakref.proxy(A)\n"
    (tmp_path / "with_proxy.py").write_text(text)
    with LocalSandbox(paths=[str(tmp_path)], preload=["with_proxy"]) as sandbox:
        assert facts(sandbox, "isinstance(__import__('with_proxy').proxy, type)")


def test_random_is_the_same_in_every_run() -> None:
    numbers = set()
    for _ in range(2):
        with LocalSandbox() as sandbox:
            numbers.add(script(sandbox, "import random\nprint(random.random())").stdout)
    assert len(numbers) == 1


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
