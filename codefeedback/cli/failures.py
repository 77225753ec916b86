"""Whatever goes wrong becomes one message and an exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import click

from codefeedback.errors import CodeFeedbackError, SandboxError, SandboxUnavailableError
from codefeedback.formats.excerpt import visible

# Exit statuses.
ACCEPTED = 0
NOT_ACCEPTED = 1
_BAD_INPUT = 2
OUR_FAILURE = 3
_INTERRUPTED = 130
_TERMINATED = 143
_BROKEN_PIPE = 141
_DEBUG = "CODEFEEDBACK_DEBUG"


class Commands(click.Group):
    """Turns whatever goes wrong into one message and an exit status."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        extra["standalone_mode"] = False
        sys.exit(_guarded(lambda: click.Group.main(self, *args, **extra)))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            _never_fail_to_encode(sys.stdout)
            try:
                return super().invoke(ctx)
            finally:
                _flush(sys.stdout)
        except BrokenPipeError:  # who read our output has seen enough
            raise click.exceptions.Exit(_BROKEN_PIPE) from None


def _flush(stream: Any) -> None:
    """Writes out what is buffered. What cannot be written is dropped: the interpreter would try
    again as it ends, and end with a status of its own."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        _drop(stream)
        raise


def _drop(stream: Any) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Terminated(KeyboardInterrupt):
    """A batch system wants us to go: programs are ended and cleaned up as on Ctrl-C."""


def treat_termination_as_interrupt() -> None:
    """SIGTERM raises an exception from now on. For the main thread only."""

    def stop(*_: object) -> NoReturn:
        raise _Terminated

    signal.signal(signal.SIGTERM, stop)


def _guarded(command: Callable[[], Any]) -> int:
    try:
        status = command()
    except click.exceptions.NoArgsIsHelpError as error:
        _echo(error.format_message())
        return _BAD_INPUT
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "codefeedback"
        return _fail(_BAD_INPUT, error.format_message(), f"see {path} --help")
    except click.ClickException as error:
        return _fail(_BAD_INPUT, error.format_message())
    except click.Abort as error:
        return _TERMINATED if isinstance(error.__cause__, _Terminated) else _INTERRUPTED
    except KeyboardInterrupt as error:
        return _TERMINATED if isinstance(error, _Terminated) else _INTERRUPTED
    except SandboxUnavailableError as error:
        return _fail(OUR_FAILURE, str(error))
    except SandboxError as error:
        return _fail(OUR_FAILURE, str(error), "we failed, not the program: it has no verdict")
    except CodeFeedbackError as error:
        return _fail(_BAD_INPUT, str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        return _fail(OUR_FAILURE, f"{place}{error.strerror or error}")
    except Exception as error:
        message = f"unexpected {type(error).__name__}: {error}"
        return _fail(OUR_FAILURE, message, f"a fault of ours; {_DEBUG}=1 shows the traceback")
    return status if isinstance(status, int) else 0


def _fail(status: int, message: str, hint: str = "") -> int:
    if os.environ.get(_DEBUG):
        traceback.print_exc()
    tell(f"error: {' '.join(message.split())}")
    if hint:
        _echo(f"  ({hint})")
    return status


def tell(message: str) -> None:
    """One line on standard error, if that can be written to."""
    _echo(f"codefeedback: {visible(message)}")


def _echo(line: str) -> None:
    try:
        click.echo(line, err=True)
    except OSError:  # a full disk, or nobody reads: no reason to stop
        _drop(sys.stderr)


def _never_fail_to_encode(stream: Any) -> None:
    """Characters that a narrow encoding lacks are printed as escapes."""
    with contextlib.suppress(AttributeError):
        stream.reconfigure(errors="backslashreplace")
