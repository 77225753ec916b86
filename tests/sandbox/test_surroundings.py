"""Where and how the grader was started changes no verdict: what it ignores, lacks or inherited is
made up for, or is our failure."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lockdown import OFFER

import codefeedback as cf
from codefeedback.guest import kernel, probe, zygote

DOUBLE = {"cases": [{"stdin": "21\n", "expected_stdout": "42\n"}]}
RIGHT = "print(2 * int(input()))\n"
#: Ends well where an interrupt arrives, and only there.
INTERRUPTED = """
import signal, time
try:
    signal.raise_signal(signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    print(2 * int(input()))
"""
GRADE = """
import json, sys
import codefeedback as cf
sandbox, settings, program, problem = json.load(open(sys.argv[1]))
kinds = {"local": cf.LocalSandbox, "portable": cf.PortableSandbox}
with cf.Grader(sandbox=kinds[sandbox](**settings), allow_weak_sandbox=True) as grader:
    (result,) = grader.grade_many([(program, problem)])
told = result.reason if isinstance(result, cf.Ungraded) else result.verdict.value
open(sys.argv[1], "w").write(f"{grader.sandbox.name} {told}")
"""
SANDBOXES = [
    pytest.param(
        "local", marks=pytest.mark.skipif(OFFER.seccomp is None, reason=OFFER.seccomp_reason)
    ),
    "portable",
]
each_sandbox = pytest.mark.parametrize("sandbox", SANDBOXES)


def works(*command: str) -> bool:
    return shutil.which(command[0]) is not None and not subprocess.call(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def told(
    sandbox: str,
    out: Path,
    *,
    program: str = RIGHT,
    shell: str = '"$@"',
    cwd: Path | None = None,
    settings: dict[str, Any] | None = None,
    **environment: str,
) -> str:
    """What a grader says that a shell starts in this way."""
    file = out / "told"
    file.write_text(json.dumps([sandbox, settings or {}, program, DOUBLE]))
    # -P and -E: the sandbox is to make up for it, not the tests' own interpreter.
    command = [sys.executable, "-P", "-E", "-c", GRADE, str(file)]
    environment = {**os.environ, **environment}
    subprocess.run(
        ["bash", "-c", shell, "bash", *command], env=environment, cwd=cwd, check=True, timeout=100
    )
    return file.read_text().removeprefix(f"{sandbox} ")


# --- how it was started -------------------------------------------------------------------------


@each_sandbox
@pytest.mark.parametrize(
    "shell",
    [
        pytest.param('"$@" <&- >&- 2>&-', id="no standard streams"),
        pytest.param('"$@" <&- 2>&-', id="some standard streams"),
        pytest.param("trap '' CHLD; exec \"$@\"", id="nobody waits for children"),
        pytest.param("trap '' INT QUIT HUP TERM ALRM; exec \"$@\"", id="signals are ignored"),
        pytest.param('ulimit -c 0; umask 077; exec "$@"', id="umask"),
    ],
)
def test_a_start(tmp_path: Path, sandbox: str, shell: str) -> None:
    assert told(sandbox, tmp_path, shell=shell, program=INTERRUPTED) == "AC"


@each_sandbox
def test_blocked_signals_are_not_inherited(tmp_path: Path, sandbox: str) -> None:
    program = "import signal\nsignal.alarm(1)\nsignal.signal(signal.SIGALRM, lambda *_: None)\n"
    program += "assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())\n" + RIGHT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGUSR1})
    try:
        assert told(sandbox, tmp_path, program=program) == "AC"
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@each_sandbox
@pytest.mark.parametrize(
    ("limit", "option"),
    [("-t 3", "ulimit -t"), ("-v 900000", "ulimit -v"), ("-d 600000", "ulimit -d")],
)
def test_limits_of_ours_are_no_verdict(
    tmp_path: Path, sandbox: str, limit: str, option: str
) -> None:
    reason = told(sandbox, tmp_path, shell=f'ulimit {limit}; exec "$@"')
    assert "cannot set a program up" in reason and option in reason


def test_limits_that_programs_may_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not kernel.shortage(cf.Limits().to_dict())
    monkeypatch.setattr(resource, "getrlimit", lambda _: (48, 48))
    assert "ulimit -n" in kernel.scarcity()


# --- where --------------------------------------------------------------------------------------


@each_sandbox
def test_modules_of_the_folder_that_we_are_in_are_not_run(tmp_path: Path, sandbox: str) -> None:
    for name in ("json", "sysconfig", "signal", "guest", "codefeedback"):
        (tmp_path / f"{name}.py").write_text(f"open('ran-{name}', 'w')\nraise SystemExit(1)\n")
    settings = {"python": sys.executable}
    assert told(sandbox, tmp_path, cwd=tmp_path, settings=settings) == "AC"
    assert not list(tmp_path.glob("ran-*"))


@each_sandbox
@pytest.mark.parametrize("named", ["./here/python", "python"])
def test_an_interpreter_is_the_one_that_was_named(tmp_path: Path, sandbox: str, named: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (tmp_path / "here").symlink_to(tmp_path / "venv" / "bin")
    path = f"{tmp_path / 'here'}:{os.environ['PATH']}"
    assert told(sandbox, tmp_path, cwd=tmp_path, settings={"python": named}, PATH=path) == "AC"
    kind = cf.LocalSandbox if sandbox == "local" else cf.PortableSandbox
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setenv("PATH", path)
        with kind(python=named) as made:
            assert made._python == str(tmp_path / "here" / "python")


@each_sandbox
def test_paths_that_our_locale_cannot_say(tmp_path: Path, sandbox: str) -> None:
    folder = tmp_path / "ünïcödé"
    folder.mkdir()
    for settings in ({}, {"namespaces": False}) if sandbox == "local" else ({},):
        outcome = told(
            sandbox,
            tmp_path,
            settings=settings,
            TMPDIR=str(folder),
            LC_ALL="C",
            PYTHONUTF8="0",
            PYTHONCOERCECLOCALE="0",
        )
        assert outcome == "AC"
    assert not list(folder.iterdir())


@each_sandbox
def test_variables_of_ours_are_not_for_another_interpreter(tmp_path: Path, sandbox: str) -> None:
    (tmp_path / "tempfile.py").write_text("raise SystemExit('not for you')\n")
    outcome = told(
        sandbox,
        tmp_path,
        settings={"python": sys.executable},
        PYTHONPATH=str(tmp_path),
        PYTHONHOME="/nowhere",
    )
    assert outcome == "AC"


@pytest.mark.skipif(
    not works("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"), reason="no right to mount"
)
@pytest.mark.parametrize("sandbox", ["local", "portable"])
def test_a_full_disk_is_our_failure(tmp_path: Path, sandbox: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    settings = {"namespaces": False} if sandbox == "local" else {}
    reason = told(
        sandbox,
        tmp_path,
        settings=settings,
        program=RIGHT + "#" * 300_000,
        shell=f"exec unshare -m bash -c 'mount -t tmpfs -o size=100k none {disk} "
        '&& exec "$@"\' bash "$@"',
        TMPDIR=str(disk),
    )
    assert reason == (
        "SandboxUnavailableError: cannot set a program up: [Errno 28] No space left on device"
    )


def test_a_library_for_root_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: str) -> list[str]:
        raise PermissionError

    monkeypatch.setattr(os, "listdir", closed)
    with pytest.raises(PermissionError, match=r"open it to others \(chmod"):
        zygote._look_at_the_library()


def test_an_interpreter_that_does_not_know_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    for kind in (cf.LocalSandbox, cf.PortableSandbox):
        with pytest.raises(cf.UsageError, match="does not know its own interpreter"):
            kind()


@pytest.mark.skipif(not works("unshare", "-Urpf", "true"), reason="no namespaces")
def test_processes_of_another_namespace_are_not_watched() -> None:
    script = "from codefeedback.guest import probe\nprint(probe._see_processes())\n"
    done = subprocess.run(
        ["unshare", "-Urpf", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "of another namespace" in done.stdout
    assert probe._see_processes() is None
