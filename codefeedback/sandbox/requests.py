"""From a command to the frames that a guest reads (the other end: `guest/zygote.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codefeedback.guest import channel, values
from codefeedback.problems import Limits
from codefeedback.sandbox.interface import Call, Calls, Command, Script
from codefeedback.spans import Source

_MOST_LINES = 1_000_000  # of a program whose lines that run are told


def backstop_seconds(limits: Limits) -> float:
    """Wall-clock seconds after which a run is our failure: so much slower is no honest machine."""
    return 60.0 + 20.0 * (limits.cpu_seconds + limits.wall_seconds)


def header(way: str, commands: Sequence[Command], limits: Limits) -> bytes:
    """What the zygote itself reads: nothing of the program, but its number of lines if the one
    case asks for them."""
    return channel.frame(
        {
            "way": way,
            "kind": kind_of(commands[0]),
            "cases": len(commands),
            "limits": (_limits(commands[0], limits) if way == "one" else limits).to_dict(),
            "backstop_seconds": backstop_seconds(limits),
            **(_lines(commands[0]) if way == "one" else {}),
        }
    )


def kind_of(command: Command) -> str:
    if isinstance(command, Script):
        return "script"
    if isinstance(command, Call):
        return "call"
    if isinstance(command, Calls):
        return "calls"
    return "split" if command.split else "inside"


def program(command: Command) -> bytes:
    source: Source = command.program
    about = {
        "name": source.name,
        "ignore_cookie": source.ignore_cookie,
        "prelude": command.prelude,
    }
    return channel.frame(about, source.data)


def _lines(command: Command) -> dict[str, int]:
    """What asks for the lines that run."""
    lines = command.program.line_count if command.coverage else _MOST_LINES + 1
    return {"lines": lines} if lines <= _MOST_LINES else {}


def _limits(command: Command, limits: Limits) -> Limits:
    return command.limits(limits) if isinstance(command, Calls) else limits


def case(command: Command, limits: Limits) -> bytes:
    """One case; for a split test followed by the frame that only the test's process reads."""
    kind: dict[str, Any] = {"kind": kind_of(command), **_lines(command)}
    kind["limits"] = _limits(command, limits).to_dict()
    if isinstance(command, Script):
        about = {**kind, "args": list(command.args), "file_names": list(command.files)}
        return channel.frame(about, command.stdin, *command.files.values())
    if isinstance(command, Call):
        return channel.frame({**kind, **_call(command)})
    if isinstance(command, Calls):
        calls = [_encoded(*call) for call in command.calls]
        return channel.frame({**kind, "find_once": command.find_once, "calls": calls})
    test = {"test": command.test, "setup": command.setup, "entry_point": command.entry_point}
    if command.split:
        return channel.frame(kind) + channel.frame(test)
    return channel.frame({**kind, **test})


def reused_cases(commands: Sequence[Command]) -> bytes:
    """All cases of a program at once, for the process that runs them one after the other."""
    calls = [_call(command) for command in commands if isinstance(command, Call)]
    inputs = [command.stdin for command in commands if isinstance(command, Script)]
    return channel.frame({"calls": calls}, *inputs)


def end() -> bytes:
    """No more cases of this program."""
    return channel.frame({"end": True})


def _call(command: Call) -> dict[str, Any]:
    return _encoded(command.entry_point, command.args, command.kwargs)


def _encoded(entry_point: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "entry_point": entry_point,
        "args": values.encode(list(args)),
        "kwargs": {name: values.encode(item) for name, item in kwargs.items()},
    }
