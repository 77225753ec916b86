"""Numbers of a run: a line of JSON per step, and a tracker's if one is asked for."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class JsonLines:
    """A file that grows by a line at a time, and can be cut back to where a checkpoint was."""

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        """Keeps the first `keep` bytes of what is there."""
        path.touch()
        if path.stat().st_size > keep:  # not /dev/null, which cannot be cut
            os.truncate(path, keep)
        self._file = path.open("ab")

    def write(self, values: Mapping[str, Any]) -> None:
        plain = {key: _plain(value) for key, value in values.items()}
        self._file.write(json.dumps(plain, allow_nan=False).encode() + b"\n")
        self._file.flush()

    def position(self) -> int:
        if self._file.tell():
            os.fsync(self._file.fileno())
        return self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def _plain(value: Any) -> Any:
    """JSON knows no infinity: such a number becomes null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
