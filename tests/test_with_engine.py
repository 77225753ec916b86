"""tests/with-engine: what its command sees, and that nothing of the engine is left afterwards."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("with-engine")
#: Runs a container that goes on for a long time, and prints its process.
LEAVE_A_CONTAINER = """
import io, os, pathlib, re, subprocess, tarfile, docker
libraries = subprocess.run(["ldd", "/bin/sleep"], capture_output=True, text=True).stdout
rootfs = io.BytesIO()
with tarfile.open(fileobj=rootfs, mode="w") as tar:
    for path in {"/bin/sleep", *re.findall(r"/\\S+", libraries)}:
        tar.add(os.path.realpath(path), path)
api = docker.APIClient(os.environ["DOCKER_HOST"])
api.import_image_from_data(rootfs.getvalue(), repository="sleep:1")
limits = api.create_host_config(network_mode="none", mem_limit="64m", pids_limit=9)
container = api.create_container("sleep:1", ["/bin/sleep", "1000"], host_config=limits)
api.start(container)
found = pathlib.Path(os.environ["CODEFEEDBACK_PRIVATE_ENGINE"]).rglob(f"{container['Id']}/address")
print("watched through", *(path.read_text() for path in found))
print("container", api.inspect_container(container)["State"]["Pid"], flush=True)
"""
PREAMBLE = """
echo "folder $CODEFEEDBACK_PRIVATE_ENGINE"
of_the_engine() {
    for process in /proc/[0-9]*; do
        if grep -qsx "$1" $process/comm && grep -qsF "$PWD/" $process/cmdline; then
            echo ${process#/proc/}
        fi
    done
}
"""


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can start a private engine, on Linux")
    if shutil.which("dockerd") is None:
        pytest.skip("dockerd is missing")
    run = Run("true")
    assert run.end() == 0
    skip_without_engine(run)


class Run:
    """A run of the script with a shell command, whose output is kept, line by line."""

    def __init__(
        self, command: str, *args: str, options: tuple[str, ...] = (), path: str | None = None
    ) -> None:
        environ = {**os.environ, "PYTHON": sys.executable, "LEAVE": LEAVE_A_CONTAINER}
        environ.pop("CODEFEEDBACK_PRIVATE_ENGINE", None)
        if path is not None:
            environ["PATH"] = path
        bash = shutil.which("bash") or "bash"
        self.process = subprocess.Popen(
            [bash, str(SCRIPT), *options, bash, "-c", PREAMBLE + command, "command", *args],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def read_until(self, wanted: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(wanted):
                return line.removeprefix(wanted).strip()
        pytest.fail(f"{wanted!r} is not in {self.lines}: {self.process.communicate()[1]}")

    def end(self) -> int:
        """Its exit status, once all of it is over."""
        out, self.errors = self.process.communicate(timeout=30)
        self.lines += out.splitlines()
        return self.process.returncode

    @property
    def folder(self) -> Path:
        (folder,) = [
            line.removeprefix("folder ") for line in self.lines if line.startswith("folder ")
        ]
        assert folder
        return Path(folder)

    def sockets(self) -> list[Path]:
        """Of those who watch its containers, outside the folder."""
        return [
            Path(line.rpartition("unix://")[2])
            for line in self.lines
            if line.startswith("watched through unix://")
        ]

    def pid_of_container(self) -> int:
        (pid,) = [line.split()[1] for line in self.lines if line.startswith("container ")]
        return int(pid)


def skip_without_engine(run: Run) -> None:
    if "folder " in run.lines:
        pytest.skip(run.errors.strip())


def left_of(folder: Path) -> list[str]:
    """Everything that still belongs to an engine."""
    left = [str(folder)] if folder.exists() else []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{folder}/".encode() in (process / "cmdline").read_bytes():
                left.append(f"process {process.name}")
        except OSError:  # it has ended
            continue
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    left += [f"mount {line}" for line in mounts if f"{folder}/" in line]
    for place, folders, _ in os.walk("/sys/fs/cgroup"):
        left += [f"cgroup {place}/{name}" for name in folders if name == folder.name]
    return left


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    """Those that a test started: after it, nothing of them is left."""
    started: list[Run] = []
    yield started
    for run in started:
        if run.process.poll() is None:
            run.process.terminate()
            run.end()
        assert left_of(run.folder) == []
        assert not any(path.exists() for path in run.sockets())


def run_to_its_end(runs: list[Run], command: str, *args: str) -> tuple[int, Run]:
    run = Run(command, *args)
    runs.append(run)
    return run.end(), run


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_command_sees_an_engine_and_its_status_passes(runs: list[Run]) -> None:
    program = (
        "import os, docker; api = docker.APIClient(os.environ['DOCKER_HOST']);"
        " print(api.version()['ApiVersion'], api.images(), api.containers(all=True))"
    )
    status, run = run_to_its_end(
        runs,
        '"$PYTHON" -c "$1" && cat "$CODEFEEDBACK_PRIVATE_ENGINE/docker.pid" && echo && echo last'
        "; exit 7",
        program,
    )
    assert status == 7
    assert re.fullmatch(r"1\.\d+ \[\] \[\]", run.lines[1])
    assert run.lines[2].isdigit()
    assert run.lines[3:] == ["last"]
    assert run.errors == ""


def test_input_arguments_and_both_outputs_pass(runs: list[Run]) -> None:
    run = Run('cat; printf "<%s>" "$@"; echo; echo on stderr >&2', "a b", "", "*")
    runs.append(run)
    assert run.process.stdin is not None
    run.process.stdin.write("typed\n")
    assert run.end() == 0
    assert run.lines[1:] == ["typed", "<a b><><*>"]
    assert run.errors == "on stderr\n"


def test_a_command_that_was_killed(runs: list[Run]) -> None:
    status, run = run_to_its_end(runs, '"$PYTHON" -c "$LEAVE"; kill -KILL $$')
    assert status == 128 + signal.SIGKILL
    assert not is_alive(run.pid_of_container())


@pytest.mark.parametrize(
    "harm",
    [
        'kill -KILL "$dockerd"',
        'kill -KILL "$dockerd" $(of_the_engine containerd)',
        'kill -KILL "$dockerd" $(of_the_engine containerd) $(of_the_engine containerd-shim)',
        'kill -STOP "$dockerd"',
    ],
    ids=["dockerd", "dockerd and containerd", "all who watch the container", "frozen"],
)
def test_an_engine_that_was_killed_under_its_container(runs: list[Run], harm: str) -> None:
    status, run = run_to_its_end(
        runs,
        '"$PYTHON" -c "$LEAVE"; cd "$CODEFEEDBACK_PRIVATE_ENGINE"; dockerd=$(cat docker.pid)\n'
        + harm,
    )
    assert (status, run.errors) == (0, "")
    assert not is_alive(run.pid_of_container())


def test_a_container_that_is_paused(runs: list[Run]) -> None:
    status, run = run_to_its_end(
        runs,
        '"$PYTHON" -c "$LEAVE"\nexec "$PYTHON" -c "$1"',
        "import os, docker; api = docker.APIClient(os.environ['DOCKER_HOST']);"
        " api.pause(api.containers()[0])",
    )
    assert (status, run.errors) == (0, "")
    assert not is_alive(run.pid_of_container())


def test_an_engine_that_was_started_again(runs: list[Run]) -> None:
    status, run = run_to_its_end(
        runs,
        """
        cd "$CODEFEEDBACK_PRIVATE_ENGINE"
        first=$(cat docker.pid)
        kill -KILL "$first" "$(cat exec/containerd/containerd.pid)"
        ./start && "$PYTHON" -c "$LEAVE" && ./start && [ "$(cat docker.pid)" != "$first" ]
        """,
    )
    assert (status, run.errors) == (0, "")
    assert not is_alive(run.pid_of_container())


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("whom", ["the group", "the script"])
def test_a_signal(runs: list[Run], name: str, whom: str) -> None:
    number = signal.Signals[name]
    run = Run('"$PYTHON" -c "$LEAVE"; exec sleep 1000')
    runs.append(run)
    run.read_until("container ")
    time.sleep(0.1)  # by now it sleeps
    (os.killpg if whom == "the group" else os.kill)(run.process.pid, number)
    assert run.end() in (-number, 128 + number)
    assert run.errors == ""
    assert not is_alive(run.pid_of_container())


def test_two_at_once(runs: list[Run]) -> None:
    both = [Run('"$PYTHON" -c "$LEAVE"; read -r goes_on; "$PYTHON" -c "$1"', _LOOK) for _ in "ab"]
    runs += both
    pids = [int(run.read_until("container ").split()[0]) for run in both]
    assert both[0].folder != both[1].folder
    for run, pid in zip(both, pids, strict=True):
        assert is_alive(pid)
        assert run.process.stdin is not None
        run.process.stdin.write("\n")
        assert run.end() == 0
        assert run.lines[-1] == "running"
        assert not is_alive(pid)


_LOOK = """
import os, docker
api = docker.APIClient(os.environ["DOCKER_HOST"])
(container,) = api.containers()
print(container["State"])
"""


@pytest.mark.parametrize("tools", [(), ("false",)], ids=["no apt-get", "apt-get fails"])
def test_without_an_engine(tmp_path: Path, tools: tuple[str, ...]) -> None:
    needed = ["bash", "cat", "cut", "env", "find", "grep", "mktemp", "mount", "python3", "rm"]
    needed += ["rmdir", "sed", "sleep", "sort", "tail", "timeout", "unshare", "awk", "xargs"]
    for tool in needed:
        found = shutil.which(tool)
        assert found is not None, tool
        (tmp_path / tool).symlink_to(found)
    for tool in tools:
        (tmp_path / "apt-get").symlink_to(shutil.which(tool) or tool)
    run = Run(
        'echo "engine: ${DOCKER_HOST-none}"; echo "$CODEFEEDBACK_NO_ENGINE"; exit 3',
        path=str(tmp_path),
    )
    assert run.end() == 3
    reason = (
        "apt-get could not install docker.io: no reason given"
        if tools
        else "dockerd is missing, and there is no apt-get to install it"
    )
    assert run.lines == ["folder ", "engine: none", reason]
    told = run.errors.splitlines()
    assert told[-1] == f"with-engine: the tests of containers will be skipped: {reason}"
    assert len(told) == 1 + len(tools)


def test_an_engine_that_has_to_be_installed(runs: list[Run], tmp_path: Path) -> None:
    """Here by an apt-get that finds the programs on this machine."""
    engine = {"dockerd", "containerd", "containerd-shim-runc-v2", "runc"}
    for folder in os.environ["PATH"].split(os.pathsep):
        for tool in Path(folder).glob("*"):
            link = tmp_path / ("later" if tool.name in engine else "now") / tool.name
            link.parent.mkdir(exist_ok=True)
            if tool.name != "apt-get" and not link.is_symlink():
                link.symlink_to(tool)
    installer = tmp_path / "now" / "apt-get"
    installer.write_text(
        f'#!/bin/sh\necho noise; echo noise >&2\n[ -e "{tmp_path}/updated" ] || {{\n'
        f'  case "$*" in *update*) touch "{tmp_path}/updated"; exit;; esac\n'
        f"  exit 100\n}}\n"
        f'echo "$*" >"{tmp_path}/asked"\ncp -P "{tmp_path}"/later/* "{tmp_path}/now"\n'
    )
    installer.chmod(0o755)
    run = Run('"$PYTHON" -c "$LEAVE"', path=str(tmp_path / "now"))
    runs.append(run)
    assert run.end() == 0
    assert run.errors.splitlines() == [
        "with-engine: installing docker.io with apt-get, for the tests of containers"
    ]
    asked = (tmp_path / "asked").read_text()
    assert "install -y --no-install-recommends docker.io containerd runc" in asked
    assert not is_alive(run.pid_of_container())


@pytest.mark.parametrize(
    "harm", ["true", 'kill -KILL "$podman"', 'kill -KILL "$podman" $(of_the_engine conmon)']
)
def test_podman(runs: list[Run], harm: str) -> None:
    if shutil.which("podman") is None:
        pytest.skip("podman is missing")
    run = Run(
        '"$PYTHON" -c "$LEAVE"; cd "$CODEFEEDBACK_PRIVATE_ENGINE"; podman=$(cat docker.pid)\n'
        + harm,
        options=("--podman",),
    )
    status = run.end()
    skip_without_engine(run)
    runs.append(run)
    assert (status, run.errors) == (0, "")
    assert not is_alive(run.pid_of_container())


def test_without_a_command() -> None:
    done = subprocess.run([str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
