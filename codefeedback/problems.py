"""What a program is asked to do: cases, limits, and how answers are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

#: The policy that applies where a problem names none.
DEFAULT_POLICY = "strict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one case may use. Each number is per case, and applies to the program alone.

    cpu_seconds     processor time, all threads together; more is TLE
    wall_seconds    idle time, in which it neither ran nor waited for a processor; more is TLE (a
                    program that sleeps, or waits for ever)
    memory_bytes    resident memory on top of what the bare interpreter takes; more is MLE
    output_bytes    of stdout, of stderr and of every file written, each; more is OLE
    processes       processes and threads at one time
    """

    cpu_seconds: float = 4.0
    wall_seconds: float = 10.0
    memory_bytes: int = 1024**3
    output_bytes: int = 64 * 1024**2
    processes: int = 64

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            whole = item.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                kind = "a whole number" if whole else "a number"
                raise ValueError(f"{item.name}: expected {kind}, got {value!r}")
            if not 0 < value < float(2**62):
                raise ValueError(f"{item.name}: expected a positive number, got {value!r}")

    def override(self, values: Mapping[str, Any]) -> Limits:
        """These limits with some replaced. Raises ValueError for a bad value, TypeError for a
        name that is none."""
        return replace(self, **values) if values else self

    def to_dict(self) -> dict[str, float]:
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StdinCase:
    """The program reads `stdin` and prints one of the `accepted` answers."""

    name: str
    stdin: str
    accepted: tuple[str, ...]
    policy: str | None = None  #: overrides the problem's policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCase:
    """`entry_point(*args, **kwargs)` returns one of the `accepted` values.

    `entry_point` is a dotted path in the program; ``Solution.solve`` (or a bare name that only
    ``class Solution`` has) is called on a fresh instance. Arguments and answers are exact builtin
    values. Where `accepted` is empty, the problem's reference program gives the answer.
    """

    name: str
    entry_point: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    accepted: tuple[Any, ...] = ()
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCase:
    """Test code that passes unless it raises: asserts, or a ``check(candidate)`` that is called.

    `setup` runs before `test` and its names win over the program's; `entry_point` names the
    program's function that ``check`` receives (None: only asserts).
    """

    name: str
    test: str
    entry_point: str | None = None
    setup: str = ""


Case = StdinCase | CallCase | CheckCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something in a tests file that will not be graded, and why."""

    what: str
    why: str

    def to_dict(self) -> dict[str, str]:
        return {"what": self.what, "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Cases with what they need.

    `limits` holds only what the problem itself sets. `prelude` is code that runs in the program's
    module before the program, for judges that promise names (LeetCode's ``List``). `prompt` is
    code that stands in front of a model's completion (HumanEval). `reference` is a correct
    program, for cases without answers. `checker` is the text of a checker program, for the policy
    ``checker``.
    """

    cases: tuple[Case, ...]
    id: str = ""
    policy: str = DEFAULT_POLICY
    limits: Mapping[str, float] = field(default_factory=dict)
    prelude: str = ""
    prompt: str = ""
    reference: str | None = None
    checker: str | None = None
    format: str = "native"
    skipped: tuple[Skipped, ...] = ()
