"""Run a program against its tests and say where it went wrong.

>>> import codefeedback as cf
>>> problem = {"cases": [{"stdin": "2 3", "expected_stdout": "5"}]}
>>> report = cf.grade("a, b = map(int, input().split())\\nprint(a - b)\\n", problem)
>>> report.verdict, report.score.coarse
(<Verdict.WA: 'WA'>, -0.3)
"""

from codefeedback.decoding import Decoded, decode, decode_tokens
from codefeedback.errors import (
    BackstopError,
    CheckerError,
    CodeFeedbackError,
    MissingExtraError,
    PolicyError,
    ProblemError,
    RunLostError,
    SandboxError,
    SandboxUnavailableError,
    UsageError,
    WeakSandboxError,
)
from codefeedback.evaluation import pass_at_k
from codefeedback.extraction import Completion, Extraction, extract
from codefeedback.findings import Finding, Origin, Scope
from codefeedback.grading import Grader, analyse, grade
from codefeedback.loading import load_problem, load_problems
from codefeedback.problems import CallCase, CheckCase, Limits, Problem, Skipped, StdinCase
from codefeedback.results import (
    CaseResult,
    Coverage,
    PolicyView,
    Report,
    SandboxInfo,
    Score,
    Ungraded,
)
from codefeedback.sandbox.container import ContainerSandbox
from codefeedback.sandbox.interface import Execution, Sandbox
from codefeedback.sandbox.local import LocalSandbox
from codefeedback.sandbox.portable import PortableSandbox
from codefeedback.scoring import adaptive, coarse, fine
from codefeedback.spans import CharSpan, Position, Source
from codefeedback.tokens import TokenSpan
from codefeedback.traces import Frame, SyntaxDetail, Trace, parse_traceback
from codefeedback.verdicts import Outcome, Verdict
from codefeedback.version import VERSION

__version__ = VERSION

__all__ = [
    "BackstopError",
    "CallCase",
    "CaseResult",
    "CharSpan",
    "CheckCase",
    "CheckerError",
    "CodeFeedbackError",
    "Completion",
    "ContainerSandbox",
    "Coverage",
    "Decoded",
    "Execution",
    "Extraction",
    "Finding",
    "Frame",
    "Grader",
    "Limits",
    "LocalSandbox",
    "MissingExtraError",
    "Origin",
    "Outcome",
    "PolicyError",
    "PolicyView",
    "PortableSandbox",
    "Position",
    "Problem",
    "ProblemError",
    "Report",
    "RunLostError",
    "Sandbox",
    "SandboxError",
    "SandboxInfo",
    "SandboxUnavailableError",
    "Scope",
    "Score",
    "Skipped",
    "Source",
    "StdinCase",
    "SyntaxDetail",
    "TokenSpan",
    "Trace",
    "Ungraded",
    "UsageError",
    "Verdict",
    "WeakSandboxError",
    "adaptive",
    "analyse",
    "coarse",
    "decode",
    "decode_tokens",
    "extract",
    "fine",
    "grade",
    "load_problem",
    "load_problems",
    "parse_traceback",
    "pass_at_k",
]
