"""Any problem as an object of the native format."""

from __future__ import annotations

from typing import Any

from codefeedback.guest.values import encode
from codefeedback.problems import DEFAULT_POLICY, CallCase, Case, CheckCase, Problem, StdinCase

from .formats.native import SCHEMA_VERSION, is_any_of


def to_native(problem: Problem) -> dict[str, Any]:
    """The native JSON object of a problem, whatever format it came from.

    `load_problem` makes the same problem of it again, except for `Problem.format`.
    """
    data: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
    if problem.id:
        data["id"] = problem.id
    if problem.policy != DEFAULT_POLICY:
        data["policy"] = problem.policy
    if problem.limits:
        data["limits"] = dict(problem.limits)
    for key, text in (("checker", problem.checker), ("reference", problem.reference)):
        if text is not None:
            data[key] = text
    for key, text in (("prelude", problem.prelude), ("prompt", problem.prompt)):
        if text:
            data[key] = text
    data["cases"] = [_case(case, problem.policy) for case in problem.cases]
    if problem.skipped:
        data["skipped"] = [item.to_dict() for item in problem.skipped]
    return data


def _case(case: Case, policy: str) -> dict[str, Any]:
    if isinstance(case, CheckCase):
        return _check(case)
    data: dict[str, Any] = {"name": case.name}
    if isinstance(case, StdinCase):
        data["stdin"] = case.stdin
        data["expected_stdout"] = case.accepted[0] if len(case.accepted) == 1 else [*case.accepted]
    else:
        data |= _call(case, case.policy or policy)
    if case.policy is not None:
        data["policy"] = case.policy
    return data


def _call(case: CallCase, policy: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "entry_point": case.entry_point,
        "args": [encode(argument) for argument in case.args],
    }
    if case.kwargs:
        data["kwargs"] = {key: encode(value) for key, value in case.kwargs.items()}
    if len(case.accepted) == 1 and not is_any_of(policy):
        data["expected"] = encode(case.accepted[0])
    elif case.accepted:
        data["accepted"] = [encode(value) for value in case.accepted]
    return data


def _check(case: CheckCase) -> dict[str, Any]:
    data: dict[str, Any] = {"name": case.name, "test": case.test}
    if case.entry_point is not None:
        data["entry_point"] = case.entry_point
    if case.setup:
        data["setup"] = case.setup
    return data
