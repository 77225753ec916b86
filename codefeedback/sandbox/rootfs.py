"""A small root file system around the interpreter that runs this file: what an image is made of.

``python rootfs.py OUT [--guest DIR] [--package NAME]...`` fills the empty folder OUT and prints one
line of JSON that says what is in it. A script of its own, because the interpreter that is wanted
may be another than ours: standard library only, CPython 3.8 or later. A virtual environment's
interpreter stands for the one below it. Exit status 2, with a line on stderr, says that it cannot
be done as asked, and 28 (ENOSPC) that the disk is full.
"""

# Paths are strings here: pathlib drops the folder in front when an absolute path is joined to it,
# and what is copied here must never land outside of OUT.
# ruff: noqa: PTH101, PTH103, PTH110, PTH112, PTH113, PTH114, PTH115, PTH116, PTH118, PTH119, PTH120
# ruff: noqa: PTH202, PTH208, PTH211

from __future__ import annotations

import argparse
import compileall
import errno
import fnmatch
import importlib.metadata
import importlib.util
import json
import os
import py_compile
import re
import shutil
import stat
import struct
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

#: What programs call by subprocess, where the host has it.
TOOLS = (
    *("sh", "bash", "[", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "echo"),
    *("env", "false", "grep", "head", "id", "kill", "ls", "mkdir", "mktemp", "mv"),
    *("nproc", "printf", "pwd", "rm", "rmdir", "sed", "seq", "sleep", "sort", "tail"),
    *("tee", "test", "touch", "tr", "true", "uname", "uniq", "wc", "which", "xargs", "yes"),
)
#: Where all that is ours lies in the root.
HOME = "/opt/codefeedback"
GUEST = HOME + "/guest"
#: A name of the interpreter that is the same in every image.
PYTHON = HOME + "/python"
#: What this script printed when it made the root.
MANIFEST = HOME + "/image.json"

_BINARIES = "/usr/local/bin"
_FOLDERS = ("/proc", "/dev", "/sys", "/run")
_SHARED_FOLDERS = ("/tmp", "/var/tmp")
# What a sandbox mounts something else over.
_COVERED = ("/codefeedback", "/tmp", "/var/tmp", "/dev", "/proc", "/sys", "/run")
_LEFT_OUT = (
    *("test", "tests", "idlelib", "turtledemo", "_bundled", "site-packages", "dist-packages"),
    *("__pycache__", "config-*", "*.a", "*.o", "*.exe"),
    *("_test*.so", "_ctypes_test*.so", "xxlimited*.so", "_xxtestfuzz*.so"),
)
# Opened while programs run, and named by no file: threads that end need the first, and old
# programs the rest.
_BESIDE_LIBC = (
    *("libgcc_s.so.1", "libnss_files.so.2"),
    *("libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
)
_SYSTEM = (
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo"),
    *("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"),
)
_ACCOUNTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
}
_MOST_LINKS = 40  # in one path, as in the kernel
_ELF = b"\x7fELF"
_PT_INTERP = 3
_WORTH_CUTTING = 1 << 14  # bytes
_ASK = """
import json, os, platform, site, sys
print(json.dumps({
    "executable": os.path.realpath(sys.executable), "version": platform.python_version(),
    "path": sys.path, "site": site.getsitepackages()[0], "prefix": sys.base_prefix,
    "implementation": sys.implementation.name,
}))
"""


class RootfsError(Exception):
    """It cannot be done as asked."""


class Interpreter(NamedTuple):
    """An interpreter that is in no virtual environment."""

    executable: str
    version: str
    library: list[str]  #: the entries of its path
    site: str  #: where it looks for installed packages
    loader: str  #: the program that loads its shared libraries


class Root:
    """The folder that becomes a root. What is added keeps the path that it has on the host."""

    def __init__(self, out: str, loader: str) -> None:
        self.out = out
        self._loader = loader
        self._loader_folder = os.path.dirname(os.path.realpath(loader))
        self._placed: set[str] = set()
        #: what libraries of packages lack, and which of them
        self.missing: dict[str, str] = {}
        self._inodes: dict[tuple[int, int], str] = {}

    def add(self, path: str, left_out: tuple[str, ...] = ()) -> str | None:
        """Copies a file or a folder, with the links that lead there and the libraries it needs.
        Returns its path without links, None where there is nothing."""
        real = self._follow(path)
        if real is None or real in self._placed:
            return real
        if os.path.isdir(real):
            self._placed.add(real)
            os.makedirs(self.out + real, exist_ok=True)
            for name in sorted(os.listdir(real)):
                if not any(fnmatch.fnmatchcase(name, pattern) for pattern in left_out):
                    self.add(os.path.join(real, name), left_out)
        else:
            self.copy(real, real)
        return real

    def copy(self, source: str, place: str, own: str = "") -> None:
        """Copies a file to a place, with its bytecode. `own` is a folder whose libraries come by
        themselves."""
        status = os.stat(source)
        if place in self._placed or not stat.S_ISREG(status.st_mode):
            return
        self._placed.add(place)
        target = self.out + place
        os.makedirs(os.path.dirname(target), exist_ok=True)
        first = self._inodes.setdefault((status.st_dev, status.st_ino), target)
        if first == target:
            # Neither owner nor attributes: a copied capability would be as bad as a setuid bit.
            shutil.copyfile(source, target)
            os.chmod(target, 0o755 if status.st_mode & 0o111 else 0o644)
            if not own:
                # Interpreters come with several times their size for debuggers.
                _Elf(target).cut(target)
            # The bytecode of a file names its time.
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
        else:
            os.link(first, target)
        if source.endswith(".py"):
            cached = fresh_bytecode(source)
            if cached is not None:
                self.copy(cached, importlib.util.cache_from_source(place, optimization=""))
        elif ".so" in os.path.basename(source) or status.st_mode & 0o111:
            self._add_libraries(source, own)

    def link(self, place: str, target: str) -> None:
        """Makes a link, unless something is there already."""
        folder = self._follow(os.path.dirname(place)) or os.path.dirname(place)
        path = self.out + os.path.join(folder, os.path.basename(place))
        if place != target and not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target, path)

    def write(self, place: str, text: str) -> None:
        os.makedirs(os.path.dirname(self.out + place), exist_ok=True)
        with open(self.out + place, "w", encoding="utf-8") as file:
            file.write(text)

    def _add_libraries(self, source: str, own: str) -> None:
        loader = loader_of(source) or (self._loader if is_elf(source) else None)
        if loader is None:
            return
        self.add(loader)
        beside, strays, missing = libraries(loader, source)
        if own:
            self.missing.update(dict.fromkeys(missing, source))
        for name, path in {**beside, **strays}.items():
            if not own or not os.path.normpath(path).startswith(own + os.sep):
                self.add(path)
            if name.startswith("libc."):
                folder = os.path.dirname(os.path.realpath(path))
                for companion in _BESIDE_LIBC:
                    self.add(os.path.join(folder, companion))
        for name, path in strays.items():
            # The folder of the loader is searched by it in any case.
            self.link(os.path.join(self._loader_folder, name), path)

    def _follow(self, path: str) -> str | None:
        """The path without links, which are made in the root as well; None if it leads nowhere."""
        links: dict[str, str] = {}
        at, todo = "/", path.split("/")[::-1]
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                at = os.path.dirname(at)
                continue
            step = os.path.join(at, name)
            try:
                target = os.readlink(step)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    return None
                at = step  # there, and no link
                continue
            if len(links) == _MOST_LINKS or step in links:
                return None
            links[step] = target
            at = "/" if target.startswith("/") else at
            todo += target.split("/")[::-1]
        for step, target in links.items():
            if not os.path.lexists(self.out + step):
                os.makedirs(os.path.dirname(self.out + step), exist_ok=True)
                os.symlink(target, self.out + step)
        return at


def is_elf(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == _ELF


class _Elf:
    """What the kernel and the loader read of an ELF file: where its segments are."""

    def __init__(self, path: str) -> None:
        self.segments: list[tuple[int, int, int]] = []  #: kind, place in the file and length
        with open(path, "rb") as file:
            head = file.read(64)
            if len(head) < 64 or head[:4] != _ELF:
                return
            self._wide = head[4] == 2
            self._order = "<" if head[5] == 1 else ">"
            (start,) = self._unpack("Q", "I", head, 32, 28)
            size, count = self._unpack("HH", "HH", head, 54, 42)
            file.seek(start)
            table = file.read(size * count)
        self.end = start + size * count  #: of all that is loaded
        # A size that makes no sense is that of a broken file, which nobody loads.
        for at in range(0, len(table) - size + 1, size) if size >= 32 + 24 * self._wide else ():
            kind, place, length = self._unpack("I4xQ16xQ", "II8xI", table, at, at)
            self.segments.append((kind, place, length))
            self.end = max(self.end, place + length)

    def _unpack(self, wide: str, narrow: str, data: bytes, wide_at: int, narrow_at: int) -> Any:
        layout, at = (wide, wide_at) if self._wide else (narrow, narrow_at)
        return struct.unpack_from(self._order + layout, data, at)

    def cut(self, path: str) -> None:
        """Leaves the rest, which is for debuggers, out of a copy, with the table of it."""
        if not self.segments or os.path.getsize(path) - self.end < _WORTH_CUTTING:
            return
        with open(path, "r+b") as file:
            file.truncate(self.end)
            for wide, narrow, length in ((40, 32, 8 if self._wide else 4), (60, 48, 4)):
                file.seek(wide if self._wide else narrow)
                file.write(b"\0" * length)


def loader_of(path: str) -> str | None:
    """The program that an ELF file names to load its libraries; None for libraries and others."""
    for kind, place, length in _Elf(path).segments:
        if kind == _PT_INTERP:
            with open(path, "rb") as file:
                file.seek(place)
                return os.fsdecode(file.read(length).rstrip(b"\0"))
    return None


def libraries(loader: str, path: str) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """The libraries that a file needs, and theirs, by name: those that are found anywhere, those
    that are found thanks to LD_LIBRARY_PATH only, which no container has, and those that are not
    found."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
    found, missing = _listed(loader, path, plain)
    if not missing or "LD_LIBRARY_PATH" not in os.environ:
        return found, {}, missing
    helped, _ = _listed(loader, path, dict(plain, LD_LIBRARY_PATH=os.environ["LD_LIBRARY_PATH"]))
    strays = {name: helped[name] for name in missing if name in helped}
    return {**helped, **found}, strays, missing - set(strays)


def _listed(loader: str, path: str, environment: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    # The GNU loader's own --list gives up at the first library that it does not find.
    gnu = "musl" not in os.path.basename(loader)
    answer = subprocess.run(
        [loader, path] if gnu else [loader, "--list", path],
        env={**environment, "LD_TRACE_LOADED_OBJECTS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,  # musl complains of what the interpreter itself would provide
    )
    found, missing = {}, set()
    for line in os.fsdecode(answer.stdout).splitlines():
        name, arrow, place = line.strip().partition(" => ")
        place = (place if arrow else name).rsplit(" (", 1)[0]
        if place.startswith("/"):
            found[os.path.basename(name.rsplit(" (", 1)[0])] = place
        elif arrow:
            missing.add(name)
    return found, missing


def fresh_bytecode(source: str) -> str | None:
    """The bytecode of a file that this version made of it as it is now."""
    cached = importlib.util.cache_from_source(source, optimization="")
    status = os.stat(source)
    numbers = (0, int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    try:
        with open(cached, "rb") as file:
            head = file.read(16)
    except OSError:
        return None
    return cached if head == importlib.util.MAGIC_NUMBER + struct.pack("<III", *numbers) else None


def interpreter() -> Interpreter:
    """The one that runs this, or that its virtual environment stands on."""
    for candidate in _candidates():
        try:
            answer = subprocess.run(
                [candidate, "-I", "-S", "-c", _ASK],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            told = json.loads(answer.stdout)
        except (OSError, subprocess.SubprocessError, ValueError):
            continue
        if told["prefix"] == sys.base_prefix:
            return _examined(told)
    raise RootfsError(f"the interpreter that {sys.executable} stands on cannot be found")


def _candidates() -> Iterator[str]:
    if sys.prefix == sys.base_prefix:
        yield sys.executable
        return
    base = getattr(sys, "_base_executable", None)
    if base and base != sys.executable:
        yield base
    for name in ("python{}.{}".format(*sys.version_info), "python3", "python"):
        yield os.path.join(sys.base_exec_prefix, "bin", name)


def _examined(told: dict[str, Any]) -> Interpreter:
    executable = told["executable"]
    if told["implementation"] != "cpython":
        raise RootfsError(f"{executable} is no CPython")
    loader = loader_of(executable)
    if loader is None:
        raise RootfsError(f"{executable} is no Linux program with shared libraries")
    library = [path for path in told["path"] if os.path.exists(path)]
    for path in (executable, *library, told["site"]):
        covered = [folder for folder in _COVERED if os.path.realpath(path).startswith(folder + "/")]
        if covered:
            raise RootfsError(
                f"{path} lies below {covered[0]}, where a sandbox has something else: "
                "choose an interpreter that is installed in another place"
            )
    return Interpreter(executable, told["version"], library, told["site"], loader)


def required(names: list[str]) -> list[importlib.metadata.Distribution]:
    """The distributions of these names, and those that they require, each once."""
    found: dict[str, importlib.metadata.Distribution] = {}
    todo = [(name, "") for name in names]
    while todo:
        name, by = todo.pop()
        if _normal(name) in found:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            reason = f", which {by} requires," if by else ""
            raise RootfsError(
                f"the package {name}{reason} is not installed for {sys.executable}"
            ) from None
        found[_normal(name)] = distribution
        todo += [(each, name) for each in _requirements(distribution)]
    return list(found.values())


def _requirements(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    for text in distribution.requires or ():
        text, _, marker = text.partition(";")
        match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", text)
        if match is None or re.search(r"\bextra\b", marker):
            continue
        if marker:
            # What a marker means is not worked out: had it held, the package would be there.
            try:
                importlib.metadata.distribution(match[1])
            except importlib.metadata.PackageNotFoundError:
                continue
        yield match[1]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def add_package(root: Root, distribution: importlib.metadata.Distribution, site: str) -> None:
    """Copies what a distribution has among the installed packages to the folder `site`."""
    name = distribution.metadata["Name"]
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        raise RootfsError(
            f"the package {name} is installed as editable, so its files are elsewhere: "
            "install it without --editable"
        )
    if not distribution.files:
        raise RootfsError(f"the package {name} has no list of its files: install it by pip")
    base = os.path.normpath(str(distribution.locate_file("")))
    for file in distribution.files:
        source = os.path.normpath(str(distribution.locate_file(file)))
        inside = source.startswith(base + os.sep)
        if inside and not source.endswith(".pyc") and os.path.isfile(source):
            root.copy(source, os.path.join(site, os.path.relpath(source, base)), own=base)


def fill(root: Root, python: Interpreter, guest: str | None, packages: list[str]) -> dict[str, str]:
    """Adds all there is to add. Returns the versions of the packages by name."""
    distributions = required(packages)
    root.add(python.executable)
    for entry in python.library:
        root.add(entry, _LEFT_OUT)
    for tool in TOOLS:
        for folder in ("/usr/bin", "/bin"):
            root.add(os.path.join(folder, tool))
    for path in (*_SYSTEM, *_musl_settings(python.loader)):
        root.add(path)
    for name in ("python", "python3"):
        root.link(os.path.join(_BINARIES, name), python.executable)
    root.link(PYTHON, python.executable)
    if guest is not None:
        for name in sorted(os.listdir(guest)):
            if name.endswith(".py"):
                root.copy(os.path.join(guest, name), os.path.join(GUEST, name))
    site = os.path.realpath(python.site)
    for distribution in distributions:
        add_package(root, distribution, site)
    for path, text in _ACCOUNTS.items():
        root.write(path, text)
    for folder in (*_FOLDERS, *_SHARED_FOLDERS):
        if not os.path.islink(root.out + folder):
            os.makedirs(root.out + folder, exist_ok=True)
    for folder in (*map(os.path.realpath, python.library), site, GUEST):
        _compile(root.out, folder)
    return {each.metadata["Name"]: each.version for each in distributions}


def _musl_settings(loader: str) -> list[str]:
    """Where musl has written down the folders of libraries, if that is what this is."""
    name = os.path.basename(loader)
    return ["/etc/" + name.replace(".so.1", ".path")] if name.startswith("ld-musl") else []


def _compile(out: str, folder: str) -> None:
    """Bytecode for what has none yet: nobody can write it later, and each start would miss it."""
    if not os.path.isdir(out + folder):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compileall.compile_dir(
            out + folder,
            ddir=folder,
            quiet=2,
            optimize=0,
            invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP,
        )


def settle(out: str) -> tuple[int, int]:
    """Makes everything readable by all and nothing setuid. Returns how many files and bytes."""
    files = size = 0
    seen = set()
    for folder, _, names in os.walk(out):
        os.chmod(folder, 0o755)
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                os.chmod(path, 0o755 if status.st_mode & 0o111 else 0o644)
                files += 1
                size += 0 if status.st_ino in seen else status.st_size
                seen.add(status.st_ino)
    for shared in _SHARED_FOLDERS:
        if not os.path.islink(out + shared):
            os.chmod(out + shared, 0o1777)
    return files, size


def build(out: str, guest: str | None, packages: list[str]) -> dict[str, Any]:
    """Fills the folder `out`. Returns what is in it."""
    out = os.path.realpath(out)
    os.makedirs(out, exist_ok=True)
    if os.listdir(out):
        raise RootfsError(f"the folder {out} is not empty")
    python = interpreter()
    root = Root(out, python.loader)
    versions = fill(root, python, guest, packages)
    files, size = settle(out)
    told = {"python": python.executable, "version": python.version, "files": files, "bytes": size}
    told["packages"] = versions
    for name, file in sorted(root.missing.items()):
        print(f"rootfs.py: warning: {file} does not find {name}", file=sys.stderr)
    root.write(MANIFEST, json.dumps(told) + "\n")
    settle(out)
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description="Fill a folder with a small root file system.")
    parser.add_argument("out", metavar="OUT_DIR")
    parser.add_argument("--guest", metavar="DIR")
    parser.add_argument("--package", metavar="NAME", action="append", default=[])
    options = parser.parse_args()
    # Bytecode lies beside its source in the root, wherever this interpreter was told to keep it.
    sys.pycache_prefix = None
    try:
        told = build(options.out, options.guest, options.package)
    except (RootfsError, OSError) as error:
        print(f"rootfs.py: {error}", file=sys.stderr)
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        return errno.ENOSPC if full else 2
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    # The folder of this file has modules whose names others have, too.
    del sys.path[0]
    sys.exit(main())
