"""Comparison policies by name.

A name is all that says how answers were compared: results record its canonical spelling, in which
every parameter is written out.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from codefeedback.checking import peer_values, peers, text, values
from codefeedback.errors import PolicyError

_TextRule = Callable[[str, str], bool]
_ValueRule = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule of comparison. Neither function raises, whatever it is given (but for `checker`).

    text(expected, printed)     for what a program printed; `printed` may hold lone surrogates,
                                which stand for bytes that are not UTF-8
    value(expected, returned)   for what a call returned, as decoded builtin values
    unwraps                     whether `value` itself accepts the element of a one-element list
    """

    name: str
    text: _TextRule
    value: _ValueRule
    unwraps: bool = False


# Where a peer compares only one of the two, the other half is `strict`; so it is for values under
# the policies that are about lines and words.
_PLAIN: Mapping[str, tuple[_TextRule, _ValueRule]] = {
    "strict": (text.strict, values.strict),
    "exact": (text.exact, values.exact),
    "tokens": (text.tokens_equal, values.strict),
    "case-insensitive": (text.case_insensitive, values.case_insensitive),
    "unordered-lines": (text.unordered_lines, values.strict),
    "apps": (peers.apps, peer_values.apps),
    "rltf": (peers.rltf, peer_values.rltf),
    "livecodebench": (peers.livecodebench, peer_values.livecodebench),
    "verl": (peers.verl, peer_values.verl),
    "verl-sandbox": (peers.verl_sandbox, peer_values.verl_sandbox),
    "open-r1": (peers.open_r1, values.strict),
    "sandboxfusion": (peers.sandboxfusion, values.strict),
    "code-contests": (peers.code_contests, values.strict),
    "exec-eval": (peers.exec_eval, values.strict),
    "verifiers": (peers.verifiers, peer_values.verifiers),
}

_UNWRAPPING = frozenset({"apps", "rltf", "verl", "verifiers"})


def _floats(parameters: Mapping[str, float]) -> tuple[_TextRule, _ValueRule]:
    tolerance = values.Tolerance(abs=parameters["abs"], rel=parameters["rel"])
    return partial(text.floats, tolerance), partial(values.floats, tolerance)


def _evalplus(parameters: Mapping[str, float]) -> tuple[_TextRule, _ValueRule]:
    return text.strict, partial(peer_values.evalplus, atol=parameters["atol"])


@dataclass(frozen=True, slots=True)
class _Tunable:
    """A policy with parameters, and their defaults."""

    make: Callable[[Mapping[str, float]], tuple[_TextRule, _ValueRule]]
    defaults: Mapping[str, float]


_TUNABLE: Mapping[str, _Tunable] = {
    "floats": _Tunable(_floats, {"abs": 1e-9, "rel": 1e-6}),
    "evalplus": _Tunable(_evalplus, {"atol": 0.0}),
}
_ANY_OF = "any-of"
_CHECKER = "checker"
_NUMBER = re.compile(r"(?:[0-9]++(?:\.[0-9]*)?|\.[0-9]++)(?:[eE][+-]?[0-9]+)?")
_MAX_QUOTE = 60


def policy(name: str) -> Policy:
    """The policy of that name: ``NAME``, ``NAME:PARAMETER=NUMBER,...`` or ``any-of:NAME``.

    Raises PolicyError, in one line that names the part it could not read.
    """
    head, colon, rest = name.partition(":")
    if head == _ANY_OF:
        return _any_of(rest if colon else "strict")
    if head in _TUNABLE:
        return _tuned(head, rest if colon else None)
    if head != _CHECKER and head not in _PLAIN:
        raise PolicyError(_unknown(head))
    if colon:
        raise PolicyError(f"policy {head} takes no parameters, got {_quote(rest)}")
    if head == _CHECKER:
        return Policy(_CHECKER, _no_comparison, _no_comparison)
    return Policy(head, *_PLAIN[head], unwraps=head in _UNWRAPPING)


def policy_names() -> tuple[str, ...]:
    """The names of all policies, without parameters."""
    return (*comparable_policies(), _ANY_OF, _CHECKER)


def comparable_policies() -> tuple[str, ...]:
    """The policies that any answer can be tried with, for comparison with one another.

    Not `checker`, which needs a program, nor `any-of`, which compares as another does.
    """
    return (*_PLAIN, *_TUNABLE)


def _any_of(inner: str) -> Policy:
    if inner.partition(":")[0] in (_ANY_OF, _CHECKER):
        raise PolicyError(f"policy {_ANY_OF}: cannot compare by {_quote(inner)}")
    made = policy(inner)
    name = _ANY_OF if made.name == "strict" else f"{_ANY_OF}:{made.name}"
    return Policy(name, made.text, made.value)


def _tuned(head: str, written: str | None) -> Policy:
    tunable = _TUNABLE[head]
    parameters = dict(tunable.defaults)
    given: set[str] = set()
    for part in [] if written is None else written.split(","):
        key, number = _parameter(head, part)
        if key in given:
            raise PolicyError(f"policy {head}: {key} is given twice")
        given.add(key)
        parameters[key] = number
    spelled = ",".join(f"{key}={_spelled(number)}" for key, number in parameters.items())
    return Policy(f"{head}:{spelled}", *tunable.make(parameters))


def _parameter(head: str, part: str) -> tuple[str, float]:
    key, equals, written = (word.strip() for word in part.partition("="))
    known = _TUNABLE[head].defaults
    if key not in known:
        raise PolicyError(
            f"policy {head}: unknown parameter {_quote(key)}; it takes {' and '.join(known)}"
        )
    number = float(written) if equals and _NUMBER.fullmatch(written) else math.inf
    if not math.isfinite(number):
        raise PolicyError(
            f"policy {head}: {key}: expected a number, 0 or more, got {_quote(written)}"
        )
    return key, number


def _spelled(number: float) -> str:
    """As short as it can be: 1e-9, not 1e-09."""
    return re.sub(r"e([-+])0*", r"e\1", repr(number)).removesuffix(".0")


def _unknown(head: str) -> str:
    names = policy_names()
    near = difflib.get_close_matches(head[:_MAX_QUOTE].lower(), names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
    return f"unknown policy {_quote(head)}; {hint}"


def _quote(written: str) -> str:
    quoted = ascii(written[: _MAX_QUOTE + 1])
    return quoted if len(quoted) <= _MAX_QUOTE + 2 else quoted[: _MAX_QUOTE - 2] + "...'"


def _no_comparison(*_: Any) -> NoReturn:
    raise PolicyError("policy checker compares nothing itself: the checker program judges")
