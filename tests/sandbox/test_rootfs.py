"""The root file system of an image: what is in it, and that it is enough to run programs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pythons import THIS, VERSIONS, interpreter

from codefeedback import guest
from codefeedback.sandbox import rootfs
from codefeedback.sandbox.images import ENTRYPOINT

SCRIPT = rootfs.__file__
GUEST = Path(guest.__file__).parent
NOBODY = 65534
OTHERS = [(version, interpreter(version)) for version in VERSIONS if version != THIS]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its root")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="images are made of Linux programs")


def run_script(
    out: Path, *options: str, python: str = sys.executable, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, SCRIPT, str(out), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def built(out: Path, *options: str, python: str = sys.executable, **environment: str) -> Any:
    done = run_script(out, *options, python=python, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def inside(out: Path, *command: str) -> str:
    """What a command says with this root, as a user who owns none of it."""
    done = subprocess.run(
        ["chroot", f"--userspec={NOBODY}:{NOBODY}", str(out), *command],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("rootfs") / "out"
    return out, built(out, "--guest", str(GUEST))


@pytest.fixture(scope="module")
def root(made: tuple[Path, dict[str, Any]]) -> Path:
    return made[0]


def entries(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in root.rglob("*"):
        yield path, path.lstat()


def test_it_says_what_is_in_it(made: tuple[Path, dict[str, Any]]) -> None:
    root, told = made
    assert told["version"] == ".".join(map(str, sys.version_info[:3]))
    assert (root / told["python"][1:]).is_file()
    assert not (root / told["python"][1:]).is_symlink()
    assert told["files"] > 1000
    assert told["packages"] == {}
    assert json.loads((root / rootfs.MANIFEST[1:]).read_text()) == told
    sizes = {info.st_ino: info.st_size for _, info in entries(root) if stat.S_ISREG(info.st_mode)}
    assert told["bytes"] == sum(sizes.values()) - (root / rootfs.MANIFEST[1:]).stat().st_size


def test_what_no_program_needs_is_left_out(root: Path) -> None:
    library = root / Path(os.__file__).resolve().parent.relative_to("/")
    assert (library / "lib-dynload").is_dir()
    for name in ("test", "idlelib", "ensurepip/_bundled", "site-packages"):
        assert not list(library.rglob(name)), name
    assert not [path for path in library.rglob("*") if path.suffix in (".a", ".o", ".exe")]
    assert not list(library.glob("config-*"))


def test_everybody_can_use_it_and_nobody_gains_rights(root: Path) -> None:
    for path, info in entries(root):
        if stat.S_ISLNK(info.st_mode):
            continue
        assert not info.st_mode & (stat.S_ISUID | stat.S_ISGID), path
        assert info.st_mode & stat.S_IROTH, path
        if stat.S_ISDIR(info.st_mode):
            shared = str(path.relative_to(root)) in ("tmp", "var/tmp")
            assert stat.S_IMODE(info.st_mode) == (0o1777 if shared else 0o755), path
        else:
            assert stat.S_IMODE(info.st_mode) in (0o644, 0o755), path
            assert not [name for name in os.listxattr(path) if name.startswith("security.cap")]


def test_links_lead_to_what_is_in_it(root: Path) -> None:
    links = [path for path, info in entries(root) if stat.S_ISLNK(info.st_mode)]
    assert links
    for path in links:
        place = path
        while place.is_symlink():  # by hand: absolute ones mean this root
            target = place.readlink()
            place = (
                root / target.relative_to("/") if target.is_absolute() else place.parent / target
            )
        assert place.exists(), path
        assert root in place.resolve().parents, path


def test_there_is_bytecode_for_every_module(root: Path) -> None:
    for path in root.rglob("*.py"):
        if "lib2to3" not in path.parts:  # has samples that do not parse
            assert rootfs.fresh_bytecode(str(path)), path
    assert not list(root.rglob("*.opt-1.pyc"))


def test_the_guest_is_in_it(root: Path) -> None:
    for path in GUEST.glob("*.py"):
        copy = root / rootfs.GUEST[1:] / path.name
        assert copy.read_bytes() == path.read_bytes()
    assert str((root / ENTRYPOINT[0][1:]).readlink()) == os.path.realpath(sys.executable)


PROGRAM = """
import ssl, sqlite3, decimal, ctypes, zoneinfo, multiprocessing, hashlib, asyncio, unittest
import json, os, pwd, subprocess, sys, threading
thread = threading.Thread(target=print, args=("thread",))
thread.start()
thread.join()
assert zoneinfo.ZoneInfo("Europe/Berlin").key
ctypes.CDLL("libm.so.6")
said = subprocess.run(
    "echo b a | tr ' ' '\\\\n' | sort | head -n 1; python3 -c 'print(1)'; python -c 'print(2)'",
    shell=True, capture_output=True, text=True)
assert (said.stdout, said.stderr) == ("a\\n1\\n2\\n", ""), said
cached = [module.__cached__ for module in sys.modules.values() if getattr(module, "__cached__", "")]
print(all(map(os.path.exists, cached)), pwd.getpwuid(os.getuid()).pw_name, os.path.exists("/home"))
"""


@needs_root
@pytest.mark.skipif(not Path("/usr/share/zoneinfo").exists(), reason="no time zones on this host")
@pytest.mark.skipif(not Path("/lib64/ld-linux-x86-64.so.2").exists(), reason="names glibc's files")
def test_programs_run_in_it(root: Path) -> None:
    said = inside(root, ENTRYPOINT[0], "-s", "-S", "-c", PROGRAM)
    assert said == "thread\nTrue nobody False\n"


@needs_root
def test_files_name_their_place_in_the_root(root: Path) -> None:
    program = (
        "import json, sys; print(json.__file__, sys.executable, json.loads.__code__.co_filename)"
    )
    module, executable, compiled = inside(root, rootfs.PYTHON, "-c", program).split()
    assert (root / module[1:]).is_file()
    assert executable == rootfs.PYTHON
    assert compiled == module


@pytest.mark.parametrize(
    "python",
    [
        pytest.param(
            str(path),
            marks=pytest.mark.skipif(path is None, reason=f"no CPython {version}"),
            id=version,
        )
        for version, path in OTHERS
    ],
)
def test_other_interpreters(tmp_path: Path, python: str) -> None:
    told = built(tmp_path / "out", "--guest", str(GUEST), python=python)
    answer = subprocess.run([python, "-V"], capture_output=True, text=True, check=True)
    assert f"Python {told['version']}" == answer.stdout.strip()
    if os.geteuid() == 0:
        program = "import ssl, sqlite3, decimal, ctypes, multiprocessing, sys; print(sys.version)"
        assert inside(tmp_path / "out", *ENTRYPOINT[:3], "-c", program).startswith(told["version"])


@needs_root
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="no /usr/bin/python3")
def test_the_system_s_interpreter(tmp_path: Path) -> None:
    told = built(tmp_path / "out", python="/usr/bin/python3")
    said = inside(tmp_path / "out", "python3", "-c", "import sys, json; print(sys.prefix)")
    assert (told["python"].startswith("/usr"), said) == (True, "/usr\n")


@pytest.mark.parametrize("how", ["--symlinks", "--copies"])
def test_a_virtual_environment_stands_for_its_base(tmp_path: Path, how: str) -> None:
    base = os.path.realpath(sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", how, str(tmp_path / "venv")], check=True)
    told = built(tmp_path / "out", python=str(tmp_path / "venv/bin/python"))
    assert told["python"] == base
    assert not (tmp_path / "out" / str(tmp_path)[1:]).exists()


def test_a_package_that_is_not_installed(tmp_path: Path) -> None:
    done = run_script(tmp_path / "out", "--package", "no-such-package")
    assert done.returncode == 2
    assert done.stderr.startswith("rootfs.py: the package no-such-package is not installed for ")
    assert done.stderr.count("\n") == 1


def test_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    done = run_script(tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"rootfs.py: the folder {tmp_path} is not empty\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def install(site: Path, name: str, *requires: str, direct_url: str | None = None) -> None:
    """An installed distribution with a module, a program elsewhere and a setuid file."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    lines = [f"Requires-Dist: {text}" for text in requires]
    folder.joinpath("METADATA").write_text(
        "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *lines, "", ""])
    )
    site.joinpath(f"{name}.py").write_text("def f():\n    return 1\n")
    site.joinpath(f"{name}.dat").write_text("x")
    site.joinpath(f"{name}.dat").chmod(0o4711)
    site.parent.joinpath(f"{name}-program").write_text("x")
    files = [f"{name}.py", f"{name}.dat", f"../{name}-program", f"{name}-1.0.dist-info/METADATA"]
    if direct_url is not None:
        folder.joinpath("direct_url.json").write_text(direct_url)
    folder.joinpath("RECORD").write_text("".join(f"{file},,\n" for file in files))


def test_packages_come_with_what_they_require(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(
        site,
        "first",
        "Second>=1",
        'absent; python_version < "3"',
        'third; python_version >= "3"',
        'absent; extra == "more"',
    )
    install(site, "second", "first")
    install(site, "third")
    install(site, "fourth")
    told = built(tmp_path / "out", "--package", "first", PYTHONPATH=str(site))
    assert told["packages"] == {"first": "1.0", "second": "1.0", "third": "1.0"}
    place = subprocess.run(
        [told["python"], "-I", "-c", "import site; print(site.getsitepackages()[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    copied = tmp_path / "out" / os.path.realpath(place)[1:]
    assert sorted(path.name for path in copied.iterdir() if path.suffix == ".py") == [
        "first.py",
        "second.py",
        "third.py",
    ]
    assert rootfs.fresh_bytecode(str(copied / "first.py"))
    assert stat.S_IMODE((copied / "first.dat").stat().st_mode) == 0o755
    assert not list((tmp_path / "out").rglob("first-program"))


def test_a_requirement_that_is_missing_is_named(tmp_path: Path) -> None:
    install(tmp_path / "site", "first", "absent>=2")
    done = run_script(tmp_path / "out", "--package", "first", PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 2
    assert "the package absent, which first requires, is not installed" in done.stderr


def test_an_editable_package_is_refused(tmp_path: Path) -> None:
    install(tmp_path / "site", "first", direct_url='{"dir_info": {"editable": true}}')
    done = run_script(tmp_path / "out", "--package", "first", PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 2
    assert "the package first is installed as editable" in done.stderr


@needs_root
def test_numpy_works_in_it(tmp_path: Path) -> None:
    try:
        version = importlib.metadata.version("numpy")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("numpy is not installed")
    told = built(tmp_path / "out", "--package", "numpy")
    assert told["packages"] == {"numpy": version}
    program = "import numpy; print(numpy.linalg.inv(numpy.eye(2)).sum())"
    assert inside(tmp_path / "out", rootfs.PYTHON, "-s", "-c", program) == "2.0\n"


def test_the_loader_is_read_from_the_program(tmp_path: Path) -> None:
    loader = rootfs.loader_of(os.path.realpath(sys.executable))
    assert loader is not None
    assert Path(loader).exists()
    found, strays, missing = rootfs.libraries(loader, os.path.realpath(sys.executable))
    assert any(name.startswith("libc.") for name in found)
    assert (strays, missing) == ({}, set())
    for content in (
        b"",
        b"#!/bin/sh\n",
        b"\x7fELF",
        b"\x7fELF\x02\x01" + bytes(58),
        b"\x7fELF\x01\x01" + b"\1" * 99,
    ):
        file = tmp_path / "file"
        file.write_bytes(content)
        assert rootfs.loader_of(str(file)) is None


def test_libraries_that_only_the_environment_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = rootfs.loader_of(os.path.realpath(sys.executable))
    assert loader is not None
    plain, *_ = rootfs.libraries(loader, os.path.realpath(sys.executable))
    contents = map(Path.read_bytes, Path(os.__file__).parent.glob("lib-dynload/*.so"))
    extension = next((data for data in contents if b"\0libc.so.6\0" in data), None)
    if extension is None:
        pytest.skip("this interpreter's extensions do not name the C library")
    needy, folder = tmp_path / "needy.so", tmp_path / "libraries"
    needy.write_bytes(extension.replace(b"\0libc.so.6\0", b"\0libq.so.6\0"))
    folder.mkdir()
    (folder / "libq.so.6").symlink_to(plain["libc.so.6"])

    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    assert rootfs.libraries(loader, str(needy))[1:] == ({}, {"libq.so.6"})
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    found, strays, missing = rootfs.libraries(loader, str(needy))
    assert strays == {"libq.so.6": str(folder / "libq.so.6")} and strays.items() <= found.items()
    assert not missing


def test_what_is_for_debuggers_is_cut_off(made: tuple[Path, dict[str, Any]]) -> None:
    root, told = made
    assert told["bytes"] < 80e6
    for path in root.rglob("*.so*"):
        if not path.is_symlink():
            host = Path("/", path.relative_to(root))
            assert path.stat().st_size <= host.stat().st_size
