"""Containers: what holds them, how they come and go, and what is said when they cannot."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lockdown import LIMITS, facts, guests_in_containers, script, wait_until

from codefeedback import (
    CodeFeedbackError,
    ContainerSandbox,
    Grader,
    Report,
    SandboxError,
    Source,
    Ungraded,
    UsageError,
)
from codefeedback.errors import SandboxUnavailableError, WeakSandboxError
from codefeedback.guest import cgroups, identity
from codefeedback.sandbox import container, local
from codefeedback.sandbox.engine import Container, Engine
from codefeedback.sandbox.images import ENTRYPOINT
from codefeedback.sandbox.interface import Script, Stage
from codefeedback.sandbox.janitor import Janitor
from codefeedback.sandbox.leftovers import (
    LABEL,
    SOCKET_FOLDER,
    has_ended,
    mark_of_this_process,
    prune,
    remove_stale_folders,
)
from codefeedback.sandbox.lookup import find_engine
from codefeedback.sandbox.probe import Offer

if TYPE_CHECKING:
    from conftest import PrivateEngine

DOUBLE = {"cases": [{"stdin": f"{n}\n", "expected_stdout": f"{2 * n}\n"} for n in range(1, 4)]}
RIGHT = "print(int(input()) * 2)\n"
SLOW = Source("import time\nn = int(input())\ntime.sleep(0.05)\nprint(n * 2)\n")


@pytest.fixture
def sandbox(image: str) -> Iterator[ContainerSandbox]:
    with ContainerSandbox(image=image) as sandbox:
        yield sandbox


def ours(engine: Engine) -> list[Mapping[str, Any]]:
    """The containers of this process that there are."""
    return [
        found
        for found in engine.containers(LABEL)
        if found["Labels"][LABEL] == mark_of_this_process()
    ]


def told(engine: Engine) -> Mapping[str, Any]:
    """All that the engine knows of the one container of this process."""
    (found,) = ours(engine)
    with engine.asked("look at a container"):
        return dict(engine.api.inspect_container(found["Id"]))


def doubled(sandbox: ContainerSandbox, count: int) -> list[int]:
    commands = [Script(program=SLOW, stdin=b"%d\n" % n) for n in range(count)]
    return [int(run.stdout) for run in sandbox.run_all(commands, LIMITS)]


# --- the outer wall -----------------------------------------------------------------------------


@pytest.mark.usefixtures("sandbox")
def test_the_container_is_hardened(engine: Engine) -> None:
    about = told(engine)
    host = about["HostConfig"]
    assert host["NetworkMode"] == "none" and host["ReadonlyRootfs"]
    assert not host["Privileged"] and not host["CapAdd"]
    # Podman tells each capability by its name.
    assert host["CapDrop"] == ["ALL"] or len(host["CapDrop"]) > 5
    assert any("no-new-privileges" in option for option in host["SecurityOpt"])
    assert not any("unconfined" in option for option in host["SecurityOpt"])
    assert about["Config"]["User"] == "65534:65534"
    assert host["Memory"] == host["MemorySwap"] == 5 << 30 and host["PidsLimit"] == 320
    assert not host["Binds"] or engine.kind == "Podman"
    mounts = [mount for mount in about["Mounts"] if mount["Type"] == "bind"]
    assert [mount["Destination"] for mount in mounts] == ["/codefeedback.sock"]
    assert not any(mount["RW"] for mount in mounts)


def outside(engine: Engine, program: str) -> tuple[int, str]:
    """Runs a program in the container without the inner wall: exit status and output."""
    (found,) = ours(engine)
    with engine.asked("run something in a container"):
        made = engine.api.exec_create(found["Id"], ["/opt/codefeedback/python", "-c", program])
        output = engine.api.exec_start(made["Id"])
        status = engine.api.exec_inspect(made["Id"])["ExitCode"]
    return int(status), bytes(output).decode()


@pytest.mark.usefixtures("sandbox")
def test_the_outer_wall_holds_without_the_inner_one(engine: Engine) -> None:
    status, printed = outside(
        engine,
        "import json, os, socket\n"
        "def error(call):\n"
        "    try:\n        call()\n    except OSError as error:\n        return error.strerror\n"
        "walk = (os.path.join(at, '.probe') for at, _, _ in os.walk('/') if at[:5] != '/proc')\n"
        "writable = [path for path in walk if not error(lambda: open(path, 'w').close())]\n"
        "status = {name: value.strip() for name, _, value in\n"
        "    (line.partition(':') for line in open('/proc/self/status'))}\n"
        "print(json.dumps({'writable': writable,\n"
        "    'call': error(lambda: socket.socket(socket.AF_UNIX).connect('/codefeedback.sock')),\n"
        "    'net': error(lambda: socket.create_connection(('192.0.2.1', 9), 1)),\n"
        "    'user': os.getuid(), 'mount': error(lambda: os.chroot('/')),\n"
        "    'caps': [status[k] for k in ('CapEff', 'CapPrm', 'CapBnd')],\n"
        "    'privileges': status['NoNewPrivs'], 'seccomp': status['Seccomp']}))",
    )
    assert status == 0, printed
    found = json.loads(printed)
    folders = {str(Path(path).parent) for path in found["writable"]}
    # The last one is closed to programs by Landlock, and emptied where there is none.
    assert folders <= {"/dev/shm", "/codefeedback", "/tmp"}
    assert found["net"] and found["mount"] and found["call"]
    assert found["user"] == 65534 and set(found["caps"]) == {"0" * 16}
    assert (found["privileges"], found["seccomp"]) == ("1", "2")


@pytest.mark.usefixtures("sandbox")
def test_processes_and_memory_are_limited_by_the_engine(engine: Engine) -> None:
    status, printed = outside(
        engine,
        "import os\nn = 0\ntry:\n    while n < 500:\n        if os.fork() == 0:\n"
        "            import time; time.sleep(3); os._exit(0)\n        n += 1\n"
        "except OSError:\n    pass\nprint(n)\n",
    )
    assert status == 0 and 250 < int(printed) < 320


def test_the_world_is_small(sandbox: ContainerSandbox) -> None:
    pid, host, user = facts(sandbox, "[os.getpid(), os.uname().nodename, os.getuid()]")
    assert pid < 100 and host == "sandbox" and user == 65534


# --- how they come and go -----------------------------------------------------------------------


def test_nothing_is_left(
    image: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    for _ in range(2):
        with ContainerSandbox(image=image, workers=2) as sandbox:
            assert doubled(sandbox, 3) == [0, 2, 4]
            assert len(ours(engine)) == 1
            assert list(tmp_path.iterdir()) == []
        assert ours(engine) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert Path(f"/proc/self/task/{os.getpid()}/children").read_text() == children


def test_a_container_serves_so_many_programs(image: str, engine: Engine) -> None:
    with ContainerSandbox(image=image, programs_per_container=3) as sandbox:
        seen = []
        for _ in range(5):
            seen += [found["Id"] for found in ours(engine)]
            assert script(sandbox, "print(1)").stdout == b"1\n"
    assert [seen.count(each) for each in dict.fromkeys(seen)] in ([3, 1], [3, 2])


def test_programs_that_do_not_compile_cost_no_container(
    sandbox: ContainerSandbox, engine: Engine
) -> None:
    (before,) = ours(engine)
    for _ in range(5):
        commands = [Script(program=Source("print("), stdin=b"%d" % n) for n in range(3)]
        runs = sandbox.run_all(commands, LIMITS)
        assert next(iter(runs)).stage is Stage.COMPILE
        runs.close()  # all cases end alike, so that one is enough
    assert [found["Id"] for found in ours(engine)] == [before["Id"]]


def test_limits_of_several_kinds_cost_one_container_each(
    sandbox: ContainerSandbox, engine: Engine
) -> None:
    seen = set()
    both: tuple[dict[str, Any], ...] = ({"processes": 128}, {"memory_bytes": 2 << 30})
    for _ in range(3):
        for limits in both:
            assert script(sandbox, "print(1)", **limits).stdout == b"1\n"
            seen |= {found["Id"] for found in ours(engine)}
    assert len(seen) <= 2


def test_a_forgotten_container_ends_by_itself(image: str, engine: Engine) -> None:
    with ContainerSandbox(image=image, lifetime_seconds=5) as sandbox:
        assert len(ours(engine)) == 1
        wait_until(lambda: not ours(engine))
        assert doubled(sandbox, 2) == [0, 2]


def test_problems_with_larger_limits_get_a_larger_container(
    sandbox: ContainerSandbox, engine: Engine
) -> None:
    assert script(sandbox, "print(1)", memory_bytes=2 << 30, processes=200).stdout == b"1\n"
    host = told(engine)["HostConfig"]
    assert (host["Memory"], host["PidsLimit"]) == (7 << 30, 456)
    assert script(sandbox, "print(2)").stdout == b"2\n"
    assert told(engine)["HostConfig"]["PidsLimit"] == 456


def test_a_batch_keeps_the_image_that_it_began_with(
    image: str, engine: Engine, made: list[str]
) -> None:
    made.append("codefeedback-test-moving:1")
    repository, _, tag = made[0].partition(":")
    with engine.asked("name an image"):
        engine.api.tag(image, repository, tag)
    with ContainerSandbox(image=made[0], programs_per_container=1) as sandbox:
        import_image(engine, made[0], {"etc/hostname": "x"}, 'CMD ["/bin/true"]')
        assert doubled(sandbox, 3) == [0, 2, 4]
        assert script(sandbox, "print(1)").stdout == b"1\n"


def test_two_at_a_time_have_a_container_each(image: str, engine: Engine) -> None:
    sandbox = ContainerSandbox(image=image, workers=2)
    with Grader(sandbox=sandbox, workers=2) as grader:
        results = list(grader.grade_many([(SLOW.text, DOUBLE)] * 8))
        assert all(isinstance(result, Report) and result.score.passed == 3 for result in results)
        assert len(ours(engine)) == 2
    assert ours(engine) == []


def test_a_fork_that_lives_on_keeps_nothing(image: str, engine: Engine, tmp_path: Path) -> None:
    """Neither the connection to the container nor that to the janitor."""
    sandbox = ContainerSandbox(image=image)
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            sandbox.close()  # which is the parent's
            time.sleep(60)
        os._exit(0)
    try:
        time.sleep(0.2)
        assert len(ours(engine)) == 1
        assert doubled(sandbox, 2) == [0, 2]
        started = time.monotonic()
        sandbox.close()
        assert time.monotonic() - started < 10
        assert ours(engine) == []
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_fork_of_the_grader_gets_containers_of_its_own(
    sandbox: ContainerSandbox, engine: Engine
) -> None:
    assert doubled(sandbox, 2) == [0, 2]
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.write(writer, script(sandbox, "print(2)").stdout)
            sandbox.close()
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 10) == b"2\n"
    os.close(reader)
    os.waitpid(pid, 0)
    assert script(sandbox, "print(3)").stdout == b"3\n"
    assert len(ours(engine)) == 1


def test_close_ends_what_is_running(image: str, engine: Engine) -> None:
    sandbox = ContainerSandbox(image=image)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            script(sandbox, "import time\ntime.sleep(60)", wall_seconds=100)
        except SandboxError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.3)
    sandbox.close()
    thread.join(timeout=20)
    assert not thread.is_alive() and [str(error) for error in failures] == ["the sandbox is closed"]
    with pytest.raises(SandboxError):
        script(sandbox, "1")
    assert ours(engine) == []


GRADER = """
import sys, codefeedback as cf
from codefeedback.sandbox.interface import Script, Stage
with cf.ContainerSandbox(image=sys.argv[1]) as sandbox:
    print("up", flush=True)
    program = cf.Source("import time; time.sleep(90)")
    sandbox.run(Script(program=program), cf.Limits(wall_seconds=80))
"""


FORKING_GRADER = """
import os, sys, time, codefeedback as cf
sandbox = cf.ContainerSandbox(image=sys.argv[1])
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def grader_in_a_process(
    image: str, folder: Path, code: str = GRADER
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, image],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def label_of(pid: int) -> str:
    """The mark of another process of this boot and namespace."""
    boot, namespace, _, _ = mark_of_this_process().split("/")
    started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{boot}/{namespace}/{pid}/{started}"


def of_grader(engine: Engine, label: str) -> list[Mapping[str, Any]]:
    return [found for found in engine.containers(LABEL) if found["Labels"][LABEL] == label]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("moment", [0.1, 0.25, 0.4, "up"])
def test_nothing_outlives_a_grader(
    image: str, engine: Engine, tmp_path: Path, number: signal.Signals, moment: float | str
) -> None:
    with grader_in_a_process(image, tmp_path) as process:
        label = label_of(process.pid)
        assert process.stdout is not None
        if moment == "up":
            process.stdout.readline()
            assert of_grader(engine, label)
        else:
            time.sleep(float(moment))
        process.send_signal(number)
        process.wait()
    wait_until(lambda: not of_grader(engine, label) and not list(tmp_path.iterdir()))
    time.sleep(0.5)  # an engine may make later what it was asked for
    assert not of_grader(engine, label)


def test_nothing_outlives_a_killed_grader_whose_fork_lives_on(
    image: str, engine: Engine, tmp_path: Path
) -> None:
    with grader_in_a_process(image, tmp_path, FORKING_GRADER) as process:
        label = label_of(process.pid)
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert of_grader(engine, label)
        process.kill()
        process.wait()
        wait_until(lambda: not of_grader(engine, label))
        os.kill(child, signal.SIGKILL)


def test_an_odd_folder_is_removed_with_its_container(
    image: str, engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "a\tb\nc\udcff"
    folder.mkdir()
    with grader_in_a_process(image, folder) as process:
        label = label_of(process.pid)
        time.sleep(0.3)
    wait_until(lambda: not of_grader(engine, label) and not list(folder.iterdir()))


def test_a_paused_container_does_not_outlive_a_killed_grader(
    image: str, engine: Engine, tmp_path: Path
) -> None:
    with grader_in_a_process(image, tmp_path) as process:
        label = label_of(process.pid)
        assert process.stdout is not None
        process.stdout.readline()
        with engine.asked("pause a container"):
            engine.api.pause(of_grader(engine, label)[0]["Id"])
    wait_until(lambda: not of_grader(engine, label))


# --- prune --------------------------------------------------------------------------------------


def test_marks_of_processes() -> None:
    own = mark_of_this_process()
    boot, namespace, pid, started = own.split("/")
    assert pid == str(os.getpid()) and has_ended(own) is False
    assert has_ended(f"{boot}/{namespace}/{pid}/1{started}") is True  # its number is used again
    assert has_ended(f"another-boot/{namespace}/{pid}/{started}") is True
    assert has_ended(f"{boot}/1/{pid}/{started}") is None  # of a world that we cannot see
    assert has_ended("nonsense") is None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        mark = label_of(process.pid)
        assert has_ended(mark) is False
    assert has_ended(mark) is True


def test_prune_removes_what_nobody_uses(
    image: str, engine: Engine, sandbox: ContainerSandbox
) -> None:
    ended = mark_of_this_process() + "1"
    names = []
    for mark in (ended, "of/another/world/1"):
        with engine.asked("create a container"):
            made = engine.api.create_container(image, labels={LABEL: mark})
        names.append(engine.api.inspect_container(made["Id"])["Name"].lstrip("/"))
    assert prune(engine) == names[:1]
    assert doubled(sandbox, 1) == [0]
    command = [sys.executable, "-m", "codefeedback", "sandbox", "prune"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "nothing to remove\n"
    with engine.asked("remove a container"):
        engine.api.remove_container(names[1], force=True)


def ask_and_leave(engine: Engine, image: str, name: str, mark: str) -> None:
    """Has the engine make a container, and does not wait for it."""
    assert engine.socket is not None
    body = json.dumps({"Image": image, "Labels": {LABEL: mark}}).encode()
    head = f"POST /containers/create?name={name} HTTP/1.1\r\nHost: engine\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(engine.socket)
        connection.sendall(head.encode() + body)


def test_nothing_of_a_connection_stays_open(image: str, engine: Engine) -> None:
    """From CPython 3.13 on the SDK's answer would say so on stderr."""
    with engine.asked("create a container"):
        name = f"codefeedback-open-{os.getpid()}"
        host_config = engine.api.create_host_config(network_mode="none")
        engine.api.create_container(image, name=name, host_config=host_config)
    listening = Container(engine, name)
    try:
        listening.attach()
        answer, below = listening._stream._response, listening._stream._sock
        listening.detach()
        assert answer.raw.closed and below.fileno() == -1
    finally:
        listening.remove()


def named(engine: Engine, start: str) -> list[str]:
    names = [found["Names"][0].lstrip("/") for found in engine.containers(LABEL)]
    return [name for name in names if name.startswith(start)]


def test_a_container_that_nobody_waits_for(
    image: str, engine: Engine, sandbox: ContainerSandbox
) -> None:
    """Podman keeps a half of it then, and lists no containers any more."""
    for number in range(10):
        name = f"codefeedback-left-{os.getpid()}-{number}"
        ask_and_leave(engine, image, name, mark_of_this_process() + "1")
        with contextlib.suppress(SandboxUnavailableError), engine.asked("remove a container"):
            engine.api.remove_container(name, force=True)
    time.sleep(1.0)
    prune(engine)
    assert not named(engine, "codefeedback-left-")
    assert doubled(sandbox, 1) == [0]


def test_the_janitor_waits_for_what_is_being_made(
    image: str, engine: Engine, tmp_path: Path
) -> None:
    assert engine.socket is not None
    janitor = Janitor(engine.socket)
    for number in range(10):
        name = f"codefeedback-half-{os.getpid()}-{number}"
        janitor.watch(name, str(tmp_path / "none"))
        ask_and_leave(engine, image, name, mark_of_this_process())
    janitor.close()
    assert not named(engine, "codefeedback-half-")


def test_prune_says_what_it_could_not_remove(
    engine: Engine, sandbox: ContainerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codefeedback.sandbox.engine.Container.remove", lambda _: False)
    with pytest.raises(SandboxUnavailableError, match="did not remove codefeedback-"):
        prune(engine, everything=True)


def test_prune_all_costs_no_result(image: str, engine: Engine, sandbox: ContainerSandbox) -> None:
    results: list[int] = []
    grading = threading.Thread(target=lambda: results.extend(doubled(sandbox, 20)))
    grading.start()
    time.sleep(0.3)
    assert len(prune(engine, everything=True)) >= 1
    grading.join()
    assert results == [2 * n for n in range(20)]


def test_folders_of_killed_graders_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folders = [Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER)) for _ in range(3)]
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folders[0] / "socket"))
        listening.listen()
        with socket.socket(socket.AF_UNIX) as ended:
            ended.bind(str(folders[1] / "socket"))
        for folder in folders[:2]:
            os.utime(folder, (1, 1))
        remove_stale_folders()
    assert sorted(tmp_path.iterdir()) == sorted([folders[0], folders[2]])


# --- failures -----------------------------------------------------------------------------------


def grade(*options: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`codefeedback grade` with the docker sandbox."""
    (tmp_path / "solution.py").write_text(RIGHT)
    (tmp_path / "tests.json").write_text(json.dumps(DOUBLE))
    command = [sys.executable, "-m", "codefeedback", "grade", str(tmp_path / "solution.py")]
    command += ["--tests", str(tmp_path / "tests.json"), "--sandbox", "docker", *options]
    environment = {**os.environ, **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_grade_in_a_container(image: str, tmp_path: Path) -> None:
    done = grade("--image", image, "--format", "json", tmp_path=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    report = json.loads(done.stdout)
    assert report["verdict"] == "AC"
    assert report["sandbox"] == {"name": "docker", "tier": "container", "tamper_resistant": True}


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("unix:///no/such/docker.sock", "no container engine at unix:///no/such/docker.sock"),
        ("tcp://127.0.0.1:1", "no container engine at tcp://127.0.0.1:1"),
        ("nonsense", "no container engine at nonsense (no address; unix://nonsense perhaps)"),
        ("ssh://somebody@somewhere", "engines of other machines do not work"),
    ],
)
def test_without_an_engine(host: str, said: str, tmp_path: Path) -> None:
    pytest.importorskip("docker")
    done = grade(tmp_path=tmp_path, DOCKER_HOST=host)
    assert done.returncode == 3 and done.stdout == ""
    assert said in done.stderr and "DOCKER_HOST" in done.stderr and done.stderr.count("\n") == 1


def test_where_nobody_listens_and_nowhere_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("docker")
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as ended:
        ended.bind(str(path))
    with pytest.raises(SandboxUnavailableError, match="nobody listens"):
        find_engine(f"unix://{path}")


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user")
def test_without_permission(tmp_path: Path) -> None:
    pytest.importorskip("docker")
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        Path(folder).chmod(0o755)
        path = Path(folder, "docker.sock")
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen()
        os.seteuid(65534)
        try:
            with pytest.raises(SandboxUnavailableError, match=r"no permission.*usermod"):
                find_engine(f"unix://{path}")
        finally:
            os.seteuid(0)


def test_the_context_that_docker_would_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("docker")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "nobody-has-this")
    with pytest.raises(SandboxUnavailableError, match="no Docker context nobody-has-this"):
        find_engine()


def test_results_of_another_image_are_others(
    image: str, engine: Engine, made: list[str], tmp_path: Path
) -> None:
    made.append("codefeedback-test-other:1")
    with engine.asked("build an image"):
        dockerfile = io.BytesIO(f"FROM {image}\nLABEL other=1\n".encode())
        list(engine.api.build(fileobj=dockerfile, tag=made[0], rm=True, forcerm=True))
    (tmp_path / "p.jsonl").write_text(json.dumps({"id": "p", **DOUBLE}) + "\n")
    (tmp_path / "s.jsonl").write_text(json.dumps({"task_id": "p", "program": RIGHT}) + "\n")
    command = [sys.executable, "-m", "codefeedback", "evaluate", "s.jsonl", "--sandbox", "docker"]
    command += ["--problems", "p.jsonl", "--out", "o.jsonl", "--image"]
    statuses = [
        subprocess.run([*command, name], cwd=tmp_path, capture_output=True, check=False).returncode
        for name in (image, image, made[0])
    ]
    assert statuses == [0, 0, 2]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(CodeFeedbackError, match=r"pip install 'rltf-codefeedback\[docker\]'"):
        ContainerSandbox()


def test_without_the_image(engine: Engine, tmp_path: Path) -> None:
    done = grade("--image", "nobody/has:this", tmp_path=tmp_path)
    assert done.returncode == 3
    assert f"no image nobody/has:this in the container engine at {engine.address}" in done.stderr


def import_image(engine: Engine, name: str, files: Mapping[str, str], *changes: str) -> None:
    """An image with a few files, which may stand on another one."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    repository, _, tag = name.partition(":")
    with engine.asked("import an image"):
        answer = engine.api.import_image_from_data(archive.getvalue(), changes=list(changes))
        engine.api.tag(json.loads(answer.splitlines()[-1])["status"], repository, tag)


@pytest.fixture
def made(engine: Engine) -> Iterator[list[str]]:
    """Names of images that the test makes."""
    names: list[str] = []
    yield names
    for name in names:
        with contextlib.suppress(Exception):
            engine.api.remove_image(name, force=True)


def test_an_image_that_is_none_of_ours(engine: Engine, made: list[str]) -> None:
    made.append("codefeedback-test-foreign:1")
    import_image(engine, made[0], {"etc/hostname": "x"}, 'CMD ["/bin/true"]')
    with pytest.raises(SandboxUnavailableError, match="codefeedback sandbox build"):
        ContainerSandbox(image=made[0])


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import time; print('ready to serve', flush=True); time.sleep(99)", "ready to serve"),
        ("import time; time.sleep(99)", "no sign of life"),
        ("while True: print('x' * 1000)", "xxx"),
        ("import sys; sys.exit('cannot live here')", "cannot live here"),
    ],
)
def test_an_image_that_does_something_else(
    image: str, engine: Engine, made: list[str], program: str, said: str
) -> None:
    made.append("codefeedback-test-foreign:2")
    command = json.dumps([ENTRYPOINT[0], "-c", program])
    dockerfile = io.BytesIO(f"FROM {image}\nENTRYPOINT {command}\n".encode())
    with engine.asked("build an image"), pytest.MonkeyPatch.context() as patch:
        list(engine.api.build(fileobj=dockerfile, tag=made[0], rm=True, forcerm=True))
        patch.setattr(container, "_START_SECONDS", 1.5)
        with pytest.raises(SandboxUnavailableError, match=said) as caught:
            ContainerSandbox(image=made[0])
    assert "codefeedback sandbox build" in str(caught.value)
    assert ours(engine) == []


def test_a_socket_that_the_engine_cannot_show(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_SOCKET", "/nowhere.sock")
    settings = container._host_settings

    def elsewhere(*given: Any) -> dict[str, Any]:
        host = settings(*given)
        host["mounts"][0]["Target"] = "/codefeedback.sock"
        return host

    monkeypatch.setattr(container, "_host_settings", elsewhere)
    with pytest.raises(SandboxUnavailableError, match="the engine must run on this machine"):
        ContainerSandbox(image=image)


def test_an_image_of_another_version(
    image: str, engine: Engine, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "version", lambda: "00000000")
    with pytest.raises(SandboxUnavailableError, match="another version of codefeedback") as caught:
        ContainerSandbox(image=image)
    assert "codefeedback sandbox build" in str(caught.value) and image in str(caught.value)


def test_a_guest_that_does_not_come_up(image: str) -> None:
    with pytest.raises(SandboxUnavailableError, match="No module named 'nope'"):
        ContainerSandbox(image=image, preload=["nope"])


@pytest.mark.parametrize("files", [0, 15000])
def test_a_pause_is_nobody_s_idle_time(
    sandbox: ContainerSandbox, engine: Engine, files: int
) -> None:
    """Wherever the supervisor is stopped: many files keep it busy."""

    def pause() -> None:
        time.sleep(0.3)
        engine.api.pause(ours(engine)[0]["Id"])
        time.sleep(3)
        engine.api.unpause(ours(engine)[0]["Id"])

    pausing = threading.Thread(target=pause)
    pausing.start()
    program = (
        f"import os, time\nfor n in range({files}):\n    os.mknod(str(n))\n"
        "for _ in range(12):\n    time.sleep(0.1)\nprint(1)"
    )
    run = script(sandbox, program, wall_seconds=2.2)
    pausing.join()
    assert (run.stdout, run.limit_hit) == (b"1\n", None) and run.wall_seconds > 2


@pytest.mark.parametrize("how", ["kill", "pause", "remove"])
def test_lost_containers_cost_no_result(
    sandbox: ContainerSandbox, engine: Engine, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_LOOK_SECONDS", 1.0)
    results: list[int] = []
    grading = threading.Thread(target=lambda: results.extend(doubled(sandbox, 25)))
    grading.start()
    for _ in range(2):
        time.sleep(0.5)
        with contextlib.suppress(Exception):  # it may be on its way already
            name = ours(engine)[0]["Id"]
            if how == "remove":
                engine.api.remove_container(name, force=True)
            else:
                getattr(engine.api, how)(name)
    grading.join()
    assert results == [2 * n for n in range(25)]


def test_a_container_that_is_paused_before_it_reads(
    sandbox: ContainerSandbox, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_LOOK_SECONDS", 1.0)
    with engine.asked("pause a container"):
        engine.api.pause(ours(engine)[0]["Id"])
    large = Script(program=Source("print(len(input()))"), stdin=b"x" * (4 << 20))
    assert sandbox.run(large, LIMITS).stdout == b"%d\n" % (4 << 20)


def test_a_container_that_always_dies_is_our_failure(
    sandbox: ContainerSandbox, engine: Engine
) -> None:
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.05):
            for found in ours(engine):
                with contextlib.suppress(Exception):
                    engine.api.kill(found["Id"])

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(SandboxError, match="container"):
            script(sandbox, "import time\ntime.sleep(3)")
    finally:
        over.set()
        killer.join()


def test_memory_that_the_container_does_not_have(image: str, engine: Engine) -> None:
    """A container that is smaller than its programs' limits allow, as on a small machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cgroups, "backstops", lambda *_: {"memory": 96 << 20, "pids": 80})
        sandbox = ContainerSandbox(image=image)
    hungry = (
        "import os\nos.fork()\ndata = [b'x' * (1 << 20) for _ in range(400)]\nprint(len(data))\n"
    )
    with sandbox:
        with contextlib.suppress(SandboxError):
            run = script(sandbox, hungry)
            assert run.signal == signal.SIGKILL or run.limit_hit is not None
        assert doubled(sandbox, 2) == [0, 2]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("mkdir /var/lib/docker/overlay2/x: no space left on device", "make room on its disk"),
        ("bind source path does not exist: /tmp/x", "TMPDIR chooses another one"),
    ],
)
def test_what_to_do_when_an_engine_refuses(engine: Engine, said: str, hint: str) -> None:
    errors = pytest.importorskip("docker").errors
    wanted = pytest.raises(SandboxUnavailableError, match=f"could not work: {said}; .*{hint}")
    with wanted, engine.asked("work"):
        raise errors.APIError("500 Server Error", explanation=said)


def test_a_full_disk_for_sockets(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(SandboxUnavailableError, match="TMPDIR chooses another folder"):
        ContainerSandbox(image=image)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("long" * 30)))
    Path(tempfile.gettempdir()).mkdir()
    with pytest.raises(SandboxUnavailableError, match="TMPDIR chooses another folder"):
        ContainerSandbox(image=image)


# --- an engine that goes away -------------------------------------------------------------------

# The SDK leaves a socket open when nobody listens any more.
engine_gone = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@engine_gone
def test_an_engine_that_is_killed_costs_no_result(
    private_engine: PrivateEngine, image: str
) -> None:
    with ContainerSandbox(image=image) as sandbox:
        assert doubled(sandbox, 1) == [0]
        private_engine.kill()
        assert doubled(sandbox, 5) == [0, 2, 4, 6, 8]
        with pytest.raises(SandboxUnavailableError, match="does not answer any more"):
            script(sandbox, "print(1)", processes=1000)
        private_engine.start()
        assert script(sandbox, "print(1)", processes=1000).stdout == b"1\n"
        private_engine.kill()
        started = time.monotonic()
    assert time.monotonic() - started < 20  # the engine is not waited for


@engine_gone
def test_a_batch_goes_on_when_the_engine_is_back(
    private_engine: PrivateEngine, image: str, engine: Engine
) -> None:
    with Grader(sandbox=ContainerSandbox(image=image)) as grader:
        first, *_ = guests_in_containers()
        private_engine.kill()
        os.kill(first, signal.SIGKILL)  # and with it all that is in the container
        (lost,) = grader.grade_many([(RIGHT, DOUBLE)])
        assert isinstance(lost, Ungraded) and "start it again" in lost.reason
        private_engine.start()
        (graded,) = grader.grade_many([(RIGHT, DOUBLE)])
        assert isinstance(graded, Report) and graded.score.passed == 3


@engine_gone
def test_an_engine_that_hangs(
    private_engine: PrivateEngine, engine: Engine, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codefeedback.sandbox.engine._SECONDS", 2)
    sandbox = ContainerSandbox(image=image)
    try:
        private_engine.freeze()
        assert doubled(sandbox, 3) == [0, 2, 4]
        with pytest.raises(SandboxUnavailableError, match="does not answer any more"):
            script(sandbox, "print(1)", processes=1000)
        started = time.monotonic()
        sandbox.close()
        assert time.monotonic() - started < 20  # it is left to the janitor
    finally:
        private_engine.thaw()
    wait_until(lambda: not ours(engine))


# --- which sandbox ------------------------------------------------------------------------------


def test_auto_prefers_a_container_to_a_sandbox_that_hides_nothing(
    engine: Engine, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = Offer(seccomp="x86_64", landlock_reason="no", namespaces_reason="no")
    monkeypatch.setattr(local, "offer_of", lambda _: weak)
    monkeypatch.setattr(container, "DEFAULT_IMAGE", image)
    with Grader() as grader:
        assert (grader.sandbox.name, grader.sandbox.tier) == ("docker", "container")
        assert grader.grade(RIGHT, DOUBLE).verdict.value == "AC"
    monkeypatch.setattr(container, "DEFAULT_IMAGE", "nobody/has:this")
    with pytest.raises(WeakSandboxError):
        Grader()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sandbox": "local", "image": "x"}, "only the docker sandbox"),
        ({"image": "x"}, "only the docker sandbox"),
        ({"sandbox": "docker", "python": sys.executable}, "the image's interpreter"),
        ({"sandbox": "docker", "image": 3}, "image: expected names"),
        ({"sandbox": "docker", "site_packages": True}, "what the image has"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Grader(**settings)


@pytest.mark.parametrize("name", ["programs_per_container", "lifetime_seconds"])
@pytest.mark.parametrize("value", [0, -1, "x", True, float("inf"), float("nan"), None])
def test_numbers_that_are_none(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=name):
        ContainerSandbox(**{name: value})
