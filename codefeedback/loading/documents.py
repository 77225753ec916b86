"""Files of JSON: read, unpacked and decoded, with one clear error for whatever is wrong."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from codefeedback.errors import ProblemError

from .fields import parse_json

#: A JSON document, or a line of a .jsonl file, of more bytes than this is refused.
MAX_DOCUMENT_BYTES = 1024**3
#: What an APPS folder keeps its tests in.
APPS_FILE = "input_output.json"
_GZIP_MAGIC = b"\x1f\x8b"
_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")


def holds_lines(path: Path) -> bool:
    """Whether a file's name says that it has one JSON value a line."""
    return path.name.lower().endswith(_LINES)


def read_json(path: Path) -> Any:
    """The value of a JSON file, gzipped or not. ProblemError without a source if it has none."""
    try:
        with _open(path) as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
    except (EOFError, zlib.error, OSError) as error:
        raise _unreadable(error) from None
    if not data.strip():
        raise ProblemError("the file is empty")
    return parse_json(_text(data))


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers (1-based), one at a time."""
    try:
        with _open(path) as file:
            number = 0
            while line := file.readline(MAX_DOCUMENT_BYTES + 1):
                number += 1
                if line.strip():
                    yield number, line
    except (EOFError, zlib.error, OSError) as error:
        raise _unreadable(error) from None


def parse_line(line: bytes) -> Any:
    """The value of one line of a .jsonl file."""
    return parse_json(_text(line).rstrip("\r\n"), one_line=True)


def _open(path: Path) -> IO[bytes]:
    file = path.open("rb")
    try:
        packed = file.peek(2)[:2] == _GZIP_MAGIC
    except OSError:
        file.close()
        raise
    if not packed:
        return file
    return io.BufferedReader(_OwningGzip(file))


class _OwningGzip(gzip.GzipFile):
    """A gzip file that closes the file it reads from."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(fileobj=file)
        self._file = file

    def close(self) -> None:
        super().close()
        self._file.close()


def _text(data: bytes) -> str:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ProblemError(f"more than {MAX_DOCUMENT_BYTES} bytes of JSON in one piece")
    if b"\0" in data:
        raise ProblemError(f"not a text file: a NUL byte at offset {data.index(0)}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise ProblemError(f"not UTF-8: byte 0x{byte:02x} at offset {error.start}") from None


def _unreadable(error: Exception) -> ProblemError:
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return ProblemError("damaged gzip data")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ProblemError(f"cannot be read: {reason}")


def as_path(source: str | os.PathLike[str]) -> Path:
    """The path of a file or folder that exists. ProblemError, naming it, if there is none."""
    name = os.fspath(source)
    shown = name if len(name) <= 200 else name[:200] + "..."
    hint = " (a string is a path; pass JSON decoded)" if name.lstrip()[:1] in ("{", "[") else ""
    try:
        Path(name).stat()
    except FileNotFoundError:
        raise ProblemError(f"no such file or folder{hint}", source=shown) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ProblemError(f"cannot be read: {reason}{hint}", source=shown) from None
    return Path(name)
