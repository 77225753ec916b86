"""The exceptions of codefeedback. A program's failure is data and never one of these.

CodeFeedbackError
├── UsageError                  the caller asked for something that cannot be (exit status 2)
│   ├── ProblemError            a tests file or a problem is malformed; names the file and the field
│   ├── PolicyError             an unknown comparison policy, or a bad parameter of one
│   ├── WeakSandboxError        programs could read this machine's files, and nobody allowed that
│   └── MissingExtraError       an optional dependency is not installed; says what to install
└── SandboxError                we failed: the run says nothing about the program (exit status 3)
    ├── SandboxUnavailableError the sandbox cannot work on this machine
    ├── RunLostError            the processes that watch a program died or sent no facts
    ├── BackstopError           the machine was too busy to run the program within the wide backstop
    └── CheckerError            a checker program failed, so the answer was not judged
"""

from __future__ import annotations


class CodeFeedbackError(Exception):
    """Base of every exception that codefeedback raises on purpose."""


class UsageError(CodeFeedbackError):
    """The request cannot be carried out as given; nothing was graded."""


class ProblemError(UsageError):
    """A problem is malformed.

    `where` is the path of the offending field (``cases[3].expected_stdout``; empty for the whole
    document), `source` the file or other origin, `reason` what is wrong with it.
    """

    def __init__(self, reason: str, *, where: str = "", source: str = "") -> None:
        self.reason = reason
        self.where = where
        self.source = source
        super().__init__(": ".join(part for part in (source, where, reason) if part))

    def at(self, source: str) -> ProblemError:
        """The same error, said of `source`."""
        return ProblemError(self.reason, where=self.where, source=source)


class PolicyError(UsageError):
    """A comparison policy is unknown or badly parametrised."""


class WeakSandboxError(UsageError):
    """The sandbox cannot hide this machine's files from programs, and nobody allowed that."""


class MissingExtraError(UsageError):
    """Something optional is needed and not installed."""


class SandboxError(CodeFeedbackError):
    """We failed, not the program."""


class SandboxUnavailableError(SandboxError):
    """The chosen sandbox cannot run here."""


class RunLostError(SandboxError):
    """No facts came back from a run."""


class BackstopError(SandboxError):
    """A run outlived the wide wall-clock backstop without using its own time."""


class CheckerError(SandboxError):
    """The checker program of a problem failed."""
