"""verl: ``reward_model.ground_truth``, ``ground_truth``, or what they hold.

That is ``{"inputs", "outputs", "fn_name"?}`` with arguments as JSON text, ``{"assert_case": []}``,
a list of LiveCodeBench's typed tests, or ``{"functional": "test code"}``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from codefeedback.problems import Case, CheckCase, Problem, Skipped

from ..calls import call_case, call_prelude, has_text_calls, in_outs, text_call_case
from ..fields import Node
from ..format import Format, Options, has_keys
from .livecodebench import typed_cases

_text_call = partial(text_call_case, wrapped=True)


def detect(data: Any) -> bool:
    if has_keys(data, "reward_model") and has_keys(data["reward_model"], "ground_truth"):
        return True
    return (
        has_keys(data, "ground_truth")
        or has_keys(data, "assert_case")
        or (has_keys(data, "outputs") and has_text_calls(data))
    )


def load(node: Node, options: Options) -> Problem:
    truth = node
    if has_keys(node.value, "reward_model"):
        truth = node.member("reward_model").unpacked()
    if has_keys(truth.value, "ground_truth"):
        truth = truth.member("ground_truth").unpacked()
    cases, skipped = _cases(truth)
    return Problem(cases=cases, prelude=call_prelude(cases), skipped=skipped, format="verl")


def _cases(truth: Node) -> tuple[tuple[Case, ...], tuple[Skipped, ...]]:
    if isinstance(truth.value, list):
        return typed_cases(truth, "case", None), ()
    if truth.first("assert_case"):
        return _asserts(truth)
    if truth.first("functional"):
        return (CheckCase(name="case 1", test=truth.member("functional").text()),), ()
    if has_text_calls(truth.value):
        return in_outs(truth, _text_call), ()
    return in_outs(truth, call_case), ()


def _asserts(truth: Node) -> tuple[tuple[Case, ...], tuple[Skipped, ...]]:
    tests = truth.member("assert_case")
    cases = tuple(
        CheckCase(name=f"case {number}", test=item.text())
        for number, item in enumerate(tests.items(), 1)
    )
    if not cases:
        raise tests.error("no cases")
    inputs = truth.member("inputs").value
    if isinstance(inputs, list) and any(inputs):
        why = "verl's grader does not look at them where assert_case is given"
        return cases, (Skipped(what="inputs and outputs", why=why),)
    return cases, ()


FORMAT = Format(name="verl", detect=detect, load=load)
