"""Making the images that programs run in: from an interpreter of this machine, without any
registry, or by a Dockerfile.

What is in an image is decided by `rootfs.py` in both cases.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codefeedback import guest
from codefeedback.errors import SandboxUnavailableError, UsageError
from codefeedback.sandbox.engine import DEFAULT_IMAGE, KINDS, Engine, image_of
from codefeedback.sandbox.guests import examined
from codefeedback.sandbox.leftovers import BUILD_FOLDER
from codefeedback.sandbox.rootfs import GUEST, MANIFEST, PYTHON
from codefeedback.version import VERSION

#: What an image of ours is known by; its value is the version that made it.
LABEL = "codefeedback.image"
ENTRYPOINT = (PYTHON, "-s", "-S", f"{GUEST}/main.py")
#: Packages that the images have besides the standard library.
PACKAGES: Mapping[str, tuple[str, ...]] = {"python": (), "numpy": ("numpy",)}

_Progress = Callable[[str], None]
_PACKAGE = Path(guest.__file__).parents[1]
_ROOTFS = _PACKAGE / "sandbox" / "rootfs.py"
_CHANGES = (
    "USER 65534:65534",
    "WORKDIR /",
    "ENV PATH=/usr/local/bin:/usr/bin:/bin",
    "ENV LANG=C.UTF-8",
    f"LABEL {LABEL}={VERSION}",
    f"ENTRYPOINT {json.dumps(ENTRYPOINT)}",
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# What a registry, or the way to it, says in the words of several engines.
_NO_REGISTRY = re.compile(
    r"pull access denied|manifest unknown|manifest for|toomanyrequests|dial tcp|lookup|no such host"
    r"|i/o timeout|TLS handshake|connection refused|registry|Client\.Timeout",
    re.IGNORECASE,
)
_NO_INDEX = re.compile(r"No matching distribution|Temporary failure in name resolution")
# What an engine says of its own layers, and what `rootfs.py` says to us.
_NOISE = re.compile(r"\s*--->|Removing intermediate container|\{\"python\"")
_LAST_LINES = 3
_REFERENCE = re.compile(
    r"[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?(:[A-Za-z0-9_][\w.-]{0,127})?"
)


@dataclass(frozen=True, slots=True)
class Built:
    """An image that was made."""

    tag: str
    image: str  #: its id
    bytes: int
    python: str  #: the version of its interpreter
    packages: Mapping[str, str]  #: versions by name


def build_from_host(
    engine: Engine,
    *,
    python: str | None = None,
    packages: Sequence[str] = (),
    tag: str = DEFAULT_IMAGE,
    progress: _Progress = lambda line: None,
) -> Built:
    """Makes an image of an interpreter of this machine (default: the one that runs us), of which
    it needs nothing but the files.

    Raises UsageError for an interpreter or a package that cannot be had, SandboxUnavailableError
    if the engine refuses.
    """
    _check_name(tag)
    python = python or sys.executable
    version = examined(python).version
    _check_architecture(engine)
    with tempfile.TemporaryDirectory(prefix=BUILD_FOLDER) as folder, _room_in(folder):
        root, archive = Path(folder, "root"), Path(folder, "root.tar")
        progress(f"collecting the files of {python} (Python {version})")
        collected = _collect(python, root, packages, progress)
        progress(f"packing {collected['files']} files, {collected['bytes'] / 1e6:.0f} MB")
        _pack(root, archive)
        progress(f"handing them to the container engine at {engine.address}")
        replaced = _id_of_ours(engine, tag)
        with engine.asked(f"import the image {tag}"):
            answer = engine.api.import_image_from_file(str(archive), changes=list(_CHANGES))
            # Named afterwards: Podman would overhear the tag.
            engine.api.tag(_imported(str(answer), tag), *_split(tag))
    return _finished(engine, tag, replaced)


def build_from_dockerfile(
    engine: Engine,
    kind: str = "python",
    *,
    base: str | None = None,
    tag: str | None = None,
    buildargs: Mapping[str, str] | None = None,
    network: str | None = None,
    progress: _Progress = lambda line: None,
) -> Built:
    """Has the engine build a Dockerfile of ours, on another base image if one is named.

    Raises UsageError for an unknown kind, SandboxUnavailableError if the build fails.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of image {kind!r}; choose one of {', '.join(KINDS)}")
    tag = tag or image_of(kind)
    _check_name(tag)
    arguments = {**(buildargs or {}), **({"BASE": base} if base else {})}
    replaced = _id_of_ours(engine, tag)
    with engine.asked(f"build the image {tag}"):
        events = engine.api.build(
            fileobj=_context(kind),
            custom_context=True,
            dockerfile=f"sandbox_images/{kind}/Dockerfile",
            tag=tag,
            buildargs=arguments,
            network_mode=network,
            labels={LABEL: VERSION},
            rm=True,
            forcerm=True,
            decode=True,
        )
        _follow(events, tag, progress)
    return _finished(engine, tag, replaced)


def _check_name(tag: str) -> None:
    if not _REFERENCE.fullmatch(tag):
        raise UsageError(
            f"{tag!r} cannot be the name of an image: lower-case letters, digits and ._-/ are "
            "wanted, and perhaps a tag behind a colon, as in judge:1"
        )


def _check_architecture(engine: Engine) -> None:
    with engine.asked("tell its version"):
        theirs = engine.api.version().get("Arch")
    ours = _ARCHITECTURES.get(platform.machine())
    if ours and theirs in _ARCHITECTURES.values() and ours != theirs:
        raise UsageError(
            f"the container engine at {engine.address} runs {theirs} programs, and the interpreters"
            f" of this machine are {ours}: build on a machine like the engine's, or from a registry"
        )


@contextlib.contextmanager
def _room_in(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            place = Path(folder).parent
            raise UsageError(
                f"no room is left on the disk of {place}: name a folder that has more by TMPDIR"
            ) from None
        raise


def _collect(
    python: str, root: Path, packages: Sequence[str], progress: _Progress
) -> dict[str, Any]:
    command = [python, str(_ROOTFS), str(root), "--guest", str(Path(guest.__file__).parent)]
    for package in packages:
        command.append(f"--package={package}")
    answer = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    lines = [line.removeprefix(f"{_ROOTFS.name}: ") for line in answer.stderr.splitlines()]
    if answer.returncode == 0:
        for line in lines:
            progress(line)
        return dict(json.loads(answer.stdout))
    said = lines[-1] if lines else ""
    if answer.returncode == errno.ENOSPC:
        raise OSError(errno.ENOSPC, said)
    if answer.returncode == 2:
        raise UsageError(said)
    raise SandboxUnavailableError(
        f"{python} could not collect its files: {said or f'exit status {answer.returncode}'}"
    )


def _pack(root: Path, archive: Path) -> None:
    """A tar file of a folder, the same for the same content, in which everything is root's."""
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, path.relative_to(root), recursive=False, filter=_of_root)


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)
    return member


def _split(tag: str) -> tuple[str, str]:
    """A repository and the name in it; the colon of a registry's port is none."""
    repository, colon, name = tag.rpartition(":")
    return (repository, name) if colon and "/" not in name else (tag, "latest")


def _imported(answer: str, tag: str) -> str:
    """The id of the image that an engine says it has imported."""
    image = ""
    for line in answer.splitlines():
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if "error" in event:
                raise SandboxUnavailableError(
                    f"the container engine could not import the image {tag}: {event['error']}"
                )
            image = str(event.get("status") or event.get("id") or image)
    return image


def _dockerfiles() -> Path:
    """The folder of the Dockerfiles: inside the installed package, or beside it in a checkout."""
    for folder in (_PACKAGE, _PACKAGE.parent):
        if (folder / "sandbox_images" / KINDS[0] / "Dockerfile").is_file():
            return folder / "sandbox_images"
    raise SandboxUnavailableError(
        "the Dockerfiles are missing from this installation of codefeedback: install it again, or "
        "build with --from-host"
    )


def _context(kind: str) -> io.BytesIO:
    """What the build may see, as a tar file: names are those of a checkout."""
    modules = sorted(Path(guest.__file__).parent.glob("*.py"))
    files = {f"codefeedback/guest/{path.name}": path for path in modules}
    files["codefeedback/sandbox/rootfs.py"] = _ROOTFS
    for path in sorted((_dockerfiles() / kind).iterdir()):
        if path.name == "Dockerfile" or path.suffix == ".txt":
            files[f"sandbox_images/{kind}/{path.name}"] = path
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, path in files.items():
            tar.add(path, name, filter=_of_context)
    context.seek(0)
    return context


def _of_context(member: tarfile.TarInfo) -> tarfile.TarInfo:
    # The engine's cache looks at modes, and those of a checkout depend on who made it.
    member.mode = 0o644
    return _of_root(member)


def _follow(events: Iterable[Mapping[str, Any]], tag: str, progress: _Progress) -> None:
    """Passes on what a build says, line by line. Raises if it fails."""
    said: list[str] = []
    error = ""
    for event in events:  # to the end in any case: only then is the connection free again
        for line in map(_plain, str(event.get("stream") or "").splitlines()):
            if line and not _NOISE.match(line):
                said.append(line)
                progress(line)
        # What is pulled has a bar for each layer, again and again; only its beginning is told.
        if str(event.get("status", "")).startswith(("Pulling from", "Digest", "Status")):
            progress(_plain(str(event["status"])))
        error = error or _plain(str(event.get("error", "")))
    if error:
        raise SandboxUnavailableError(_failure(tag, error, said))


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).rstrip()


def _failure(tag: str, error: str, said: Sequence[str]) -> str:
    last = [line for line in said if not re.match(r"Step \d+/\d+ : ARG", line)][-_LAST_LINES:]
    reason = "; ".join([*(line.strip() for line in last), error.strip()])
    hint = ""
    if any("FROM" in line for line in last) and _NO_REGISTRY.search(error):
        hint = (
            " -- the base image cannot be pulled: name one that is there or in a registry of yours "
            "by --base, or build without any registry: codefeedback sandbox build --from-host"
        )
    elif any(_NO_INDEX.search(line) for line in said):
        hint = (
            " -- pip found no index: name a mirror by --build-arg PIP_INDEX_URL=..., let the build "
            "use the network by --network host, or build without: codefeedback sandbox build "
            "--from-host"
        )
    return f"the image {tag} could not be built: {reason}{hint}"


def _id_of_ours(engine: Engine, tag: str) -> str | None:
    """The image that has this name now, if we made it."""
    if engine.image_id(tag) is None:
        return None
    with engine.asked(f"look at the image {tag}", tag):
        image = engine.api.inspect_image(tag)
    return str(image["Id"]) if LABEL in (image["Config"].get("Labels") or {}) else None


def _finished(engine: Engine, tag: str, replaced: str | None) -> Built:
    """What was made. The image that had its name before, and now has none, is removed."""
    with engine.asked(f"look at the image {tag}", tag):
        image = engine.api.inspect_image(tag)
        if replaced not in (None, image["Id"]):
            # In use, or known by another name: then it stays.
            with contextlib.suppress(Exception):
                if not engine.api.inspect_image(replaced)["RepoTags"]:
                    engine.api.remove_image(replaced)
        manifest = _manifest(engine, tag)
    return Built(
        tag=tag,
        image=str(image["Id"]),
        bytes=int(image["Size"]),
        python=str(manifest["version"]),
        packages=dict(manifest["packages"]),
    )


def _manifest(engine: Engine, tag: str) -> dict[str, Any]:
    """What `rootfs.py` wrote into an image. Nothing of the image runs for that."""
    container = engine.api.create_container(tag, network_disabled=True)["Id"]
    try:
        chunks, _ = engine.api.get_archive(container, MANIFEST)
        data = io.BytesIO(b"".join(chunks))
    finally:
        engine.api.remove_container(container, force=True)
    with tarfile.open(fileobj=data) as tar:
        file = tar.extractfile(tar.getmembers()[0])
        assert file is not None
        return dict(json.loads(file.read()))
