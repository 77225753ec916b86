"""Images are built by a real engine, and programs run in them."""

from __future__ import annotations

import errno
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from codefeedback.cli.failures import Commands
from codefeedback.cli.sandbox import sandbox
from codefeedback.errors import SandboxUnavailableError, UsageError
from codefeedback.sandbox import images, rootfs
from codefeedback.sandbox.engine import DEFAULT_IMAGE, KINDS, Engine, image_of
from codefeedback.sandbox.images import (
    ENTRYPOINT,
    LABEL,
    Built,
    build_from_dockerfile,
    build_from_host,
)
from codefeedback.version import VERSION

ROOT = Path(__file__).parents[2]
VERSION_OF_OURS = ".".join(map(str, sys.version_info[:3]))
OURS = f"codefeedback-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def clean(engine: Engine) -> Iterator[Engine]:
    """The engine, rid of what the tests of this file made when they are over."""
    before = {image["Id"] for image in engine.api.images(all=True)}
    try:
        yield engine
    finally:
        for image in engine.api.images():
            for tag in image["RepoTags"] or []:
                if tag.startswith(OURS):
                    engine.api.remove_image(tag, force=True)
        # The stages of builds have no name; one can stand on another.
        for image in engine.api.images(filters={"dangling": True}):
            if image["Id"] not in before and _is_of_a_build(engine, image["Id"]):
                engine.api.remove_image(image["Id"])


def _is_of_a_build(engine: Engine, image: str) -> bool:
    api: Any = engine.api
    history = api.history(image)
    return any("/codefeedback" in str(layer["CreatedBy"]) for layer in history)


@pytest.fixture(scope="module")
def from_host(clean: Engine) -> Built:
    said: list[str] = []
    built = build_from_host(clean, tag=f"{OURS}:host", progress=said.append)
    assert len(said) == 3
    return built


def run(engine: Engine, image: str, *command: str) -> str:
    """What a command says in a container that is as locked as those of programs."""
    settings = engine.api.create_host_config(
        network_mode="none", read_only=True, tmpfs={"/work": ""}, cap_drop=["ALL"]
    )
    container = engine.api.create_container(
        image, list(command[1:]), entrypoint=[command[0]], host_config=settings
    )["Id"]
    try:
        engine.api.start(container)
        status = engine.api.wait(container)["StatusCode"]
        said = engine.api.logs(container).decode()
        assert status == 0, said
        return str(said)
    finally:
        engine.api.remove_container(container, force=True)


def inspected(engine: Engine, image: str) -> dict[str, Any]:
    api: Any = engine.api  # whose annotations have gaps
    return dict(api.inspect_image(image))


def check_config(engine: Engine, tag: str) -> None:
    of_image = inspected(engine, tag)["Config"]
    assert of_image["User"] == "65534:65534"
    assert of_image["WorkingDir"] == "/"
    assert of_image["Entrypoint"] == list(ENTRYPOINT)
    assert of_image["Labels"][LABEL] == VERSION
    assert "PATH=/usr/local/bin:/usr/bin:/bin" in of_image["Env"]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, and nobody else's."""
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_an_image_of_this_machine_s_interpreter(clean: Engine, from_host: Built) -> None:
    check_config(clean, from_host.tag)
    assert from_host.python == VERSION_OF_OURS
    assert from_host.packages == {}
    assert from_host.image == inspected(clean, from_host.tag)["Id"]
    assert 20e6 < from_host.bytes < 90e6


def test_programs_run_in_it(clean: Engine, from_host: Built) -> None:
    program = (
        "import ssl, sqlite3, decimal, os, sys, subprocess\n"
        "print(sys.version_info[:3], os.getuid(), subprocess.getoutput('echo hi | cat'))"
    )
    said = run(clean, from_host.tag, *ENTRYPOINT[:3], "-c", program)
    assert said == f"{tuple(sys.version_info[:3])} 65534 hi\n"


def test_everything_in_it_is_root_s(clean: Engine, from_host: Built) -> None:
    program = (
        "import os\n"
        "for folder, _, names in os.walk('/opt'):\n"
        "    for name in names:\n"
        "        info = os.lstat(os.path.join(folder, name))\n"
        "        assert (info.st_uid, info.st_gid) == (0, 0), name\n"
        "print(os.stat('/tmp').st_mode & 0o7777 == 0o1777)"
    )
    assert run(clean, from_host.tag, ENTRYPOINT[0], "-c", program) == "True\n"


def test_bytecode_is_fresh_in_it(clean: Engine, from_host: Built) -> None:
    said = run(clean, from_host.tag, ENTRYPOINT[0], "-v", "-c", "import asyncio, decimal")
    assert "code object from" in said
    assert ".py'" not in "".join(line for line in said.splitlines() if "code object from" in line)


def test_an_image_is_replaced_by_the_next(clean: Engine, disk: Path) -> None:
    tag = f"{OURS}:twice"
    first = build_from_host(clean, tag=tag)
    second = build_from_host(clean, tag=tag)
    assert inspected(clean, tag)["Id"] == second.image
    if first.image != second.image:
        assert first.image not in {image["Id"] for image in clean.api.images()}
    assert list(disk.iterdir()) == []


def test_packages_of_this_machine(clean: Engine) -> None:
    pytest.importorskip("numpy")
    built = build_from_host(clean, packages=["numpy"], tag=f"{OURS}:packages")
    assert list(built.packages) == ["numpy"]
    program = "import numpy; print(numpy.arange(3).sum())"
    assert run(clean, built.tag, ENTRYPOINT[0], "-s", "-c", program) == "3\n"


def test_the_dockerfile(clean: Engine, from_host: Built) -> None:
    said: list[str] = []
    built = build_from_dockerfile(
        clean, base=from_host.tag, tag=f"{OURS}:file", progress=said.append
    )
    check_config(clean, built.tag)
    assert (built.python, built.packages) == (VERSION_OF_OURS, {})
    assert built.bytes < 1.1 * from_host.bytes
    assert any(line.startswith("Step") for line in said)
    assert all("\x1b" not in line and line for line in said)
    program = "import ssl, json; print(json.dumps([1]))"
    assert run(clean, built.tag, *ENTRYPOINT[:3], "-c", program) == "[1]\n"


def test_the_dockerfile_by_docker_itself(clean: Engine, from_host: Built) -> None:
    command = ["docker", "-H", clean.address, "build", "-f", "sandbox_images/python/Dockerfile"]
    command += ["--build-arg", f"BASE={from_host.tag}", "-t", f"{OURS}:plain", "."]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "DOCKER_BUILDKIT": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("the docker command is not installed")
    assert done.returncode == 0, done.stdout + done.stderr
    check_config(clean, f"{OURS}:plain")


def _library_of_cpp() -> Path | None:
    core = pytest.importorskip("numpy._core._multiarray_umath").__file__
    loader = rootfs.loader_of(sys.executable)
    assert loader is not None
    place = rootfs.libraries(loader, core)[0].get("libstdc++.so.6")
    return None if place is None else Path(place)


def base_with_wheel(engine: Engine, folder: Path) -> str:
    """An image with pip, and numpy's wheel in it, so that the build needs no network."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "--dest", str(folder)]
    command += ["-r", str(ROOT / "sandbox_images/numpy/requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"numpy's wheel cannot be had: {done.stderr.strip().splitlines()[-1:]}")
    (wheel,) = folder.glob("*.whl")
    try:
        base = build_from_host(engine, packages=["pip"], tag=f"{OURS}:pip").tag
    except UsageError as error:
        pytest.skip(str(error))
    lines = [f"FROM {base}", "USER 0:0", f"COPY {wheel.name} /codefeedback-wheels/"]
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        library = _library_of_cpp()
        if library is not None:  # not needed by Python, so not in the base
            lines.append(f"COPY {library.name} {library.resolve().parent}/")
            tar.add(library.resolve(), library.name)
        text = "\n".join([*lines, ""]).encode()
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
        tar.add(wheel, wheel.name)
    context.seek(0)
    tag = f"{OURS}:wheel"
    for event in engine.api.build(
        fileobj=context, custom_context=True, tag=tag, rm=True, decode=True
    ):
        assert "error" not in event, event
    return tag


def test_the_numpy_dockerfile(clean: Engine, tmp_path: Path) -> None:
    built = build_from_dockerfile(
        clean,
        "numpy",
        base=base_with_wheel(clean, tmp_path),
        tag=f"{OURS}:numpy",
        buildargs={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/codefeedback-wheels"},
    )
    check_config(clean, built.tag)
    required = (ROOT / "sandbox_images/numpy/requirements.txt").read_text()
    assert list(built.packages) == ["numpy"]
    assert f"numpy=={built.packages['numpy']} " in required
    program = "import numpy; print(numpy.arange(3).sum())"
    assert run(clean, built.tag, ENTRYPOINT[0], "-s", "-c", program) == "3\n"


def test_a_base_that_cannot_be_pulled(clean: Engine) -> None:
    base = "registry.invalid/nothing:1"
    with pytest.raises(SandboxUnavailableError, match="cannot be pulled") as caught:
        build_from_dockerfile(clean, base=base, tag=f"{OURS}:never")
    assert "--from-host" in str(caught.value)
    assert clean.image_id(f"{OURS}:never") is None


def test_a_build_that_fails_says_how(clean: Engine, from_host: Built) -> None:
    with pytest.raises(SandboxUnavailableError) as caught:  # its base has no pip
        build_from_dockerfile(clean, "numpy", base=from_host.tag, tag=f"{OURS}:never")
    assert f"the image {OURS}:never could not be built: " in str(caught.value)
    assert "No module named pip" in str(caught.value)


def test_bad_requests(clean: Engine, tmp_path: Path, disk: Path) -> None:
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\necho '[[3, 7, 9], null, []]'\n")
    old.chmod(0o755)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"python": str(tmp_path / "nothing")}, "no Python interpreter that runs"),
        ({"python": "/bin/sh"}, "no Python interpreter that runs"),
        ({"python": str(old)}, "is Python 3.7.9; 3.8 or later is needed"),
        ({"packages": ["no-such-package"]}, "the package no-such-package is not installed"),
        ({"tag": "Not A Tag"}, "cannot be the name of an image"),
    ]
    for options, message in wrong:
        with pytest.raises(UsageError, match=message):
            build_from_host(clean, **{"tag": f"{OURS}:never", **options})
    with pytest.raises(UsageError, match="unknown kind"):
        build_from_dockerfile(clean, "perl")
    assert list(disk.iterdir()) == []


def test_an_engine_of_another_architecture(clean: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = clean.api.version()["Arch"]
    ours = {"amd64": "aarch64", "arm64": "x86_64"}.get(theirs)
    if ours is None:
        pytest.skip(f"nothing is known of {theirs}")
    monkeypatch.setattr(platform, "machine", lambda: ours)
    with pytest.raises(UsageError, match=f"runs {theirs} programs"):
        build_from_host(clean, tag=f"{OURS}:never")


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_nothing_is_left_on_the_disk(
    clean: Engine, monkeypatch: pytest.MonkeyPatch, disk: Path, failure: BaseException
) -> None:
    def fail(*_: object) -> None:
        assert list(disk.iterdir())
        raise failure

    monkeypatch.setattr(images, "_pack", fail)
    expected = UsageError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        build_from_host(clean, tag=f"{OURS}:never")
    if expected is UsageError:
        assert f"no room is left on the disk of {disk}" in str(caught.value)
    assert list(disk.iterdir()) == []


def test_names() -> None:
    assert [image_of(kind) for kind in KINDS] == [DEFAULT_IMAGE, f"{DEFAULT_IMAGE}-numpy"]
    for tag, parts in {
        "judge": ("judge", "latest"),
        "judge:1": ("judge", "1"),
        "host:5000/judge": ("host:5000/judge", "latest"),
        "host:5000/a/judge:x-1": ("host:5000/a/judge", "x-1"),
    }.items():
        images._check_name(tag)
        assert images._split(tag) == parts


def test_the_dockerfiles_agree_with_the_rest() -> None:
    for kind in KINDS:
        lines = (ROOT / "sandbox_images" / kind / "Dockerfile").read_text().splitlines()
        assert f"LABEL {LABEL}={VERSION}" in lines
        assert f"ENTRYPOINT {json.dumps(ENTRYPOINT)}" in lines
        assert "USER 65534:65534" in lines
        assert "WORKDIR /" in lines
        assert any(f"-t {image_of(kind)} ." in line for line in lines)


def command(*arguments: str) -> Result:
    group = Commands("codefeedback")
    group.add_command(sandbox)
    assert isinstance(sandbox, click.Group)
    return CliRunner().invoke(group, ["sandbox", "build", *arguments])


def test_the_command(clean: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", clean.address)
    done = command("--from-host", "--tag", f"{OURS}:command")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"{OURS}:command (")
    assert done.stdout.endswith(
        f"Python {VERSION_OF_OURS}) is ready: codefeedback grade solution.py --tests tests.json "
        f"--sandbox docker --image {OURS}:command\n"
    )
    assert done.stdout.count("\n") == 1
    assert all(line.startswith("codefeedback: ") for line in done.stderr.splitlines())
    failed = command("--base", "registry.invalid/nothing:1", "--tag", f"{OURS}:never")
    assert (failed.exit_code, failed.stdout) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--python", "python3"], "--python needs --from-host"),
        (["--package", "numpy"], "--package needs --from-host"),
        (["--from-host", "--base", "x"], "--base cannot be used with --from-host"),
        (["--from-host", "--network", "host"], "--network cannot be used with --from-host"),
        (["--build-arg", "NAME"], "NAME=VALUE is wanted"),
        (["--kind", "perl"], "'perl' is not one of"),
    ],
)
def test_bad_usage_of_the_command(arguments: list[str], message: str) -> None:
    done = command(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
