"""The project's own format, schema_version 1. See docs/formats.md and schemas/tests.schema.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codefeedback.problems import (
    DEFAULT_POLICY,
    CallCase,
    Case,
    CheckCase,
    Problem,
    Skipped,
    StdinCase,
)

from ..fields import Node, json_type, listing, show, suggestion
from ..format import Format, Options, has_keys
from ..limits import native_limits

SCHEMA_VERSION = 1

_TOP = (
    "$schema",
    "schema_version",
    "id",
    "cases",
    "policy",
    "limits",
    "checker",
    "prelude",
    "prompt",
    "reference",
    "skipped",
)
_KINDS = {
    "stdin": ("name", "stdin", "expected_stdout", "policy"),
    "call": ("name", "entry_point", "args", "kwargs", "expected", "accepted", "policy"),
    "check": ("name", "test", "entry_point", "setup"),
}
_CASE = sorted({key for keys in _KINDS.values() for key in keys})
_CHECKER = "checker:"


def detect(data: Any) -> bool:
    return has_keys(data, "cases") or has_keys(data, "schema_version")


def load(node: Node, options: Options) -> Problem:
    _known_keys(node, _TOP)
    _check_version(node)
    reader = _Reader(node, options)
    cases = reader.cases()
    limits = node.member("limits")
    return Problem(
        cases=cases,
        id=_text(node, "id"),
        policy=reader.policy,
        limits={} if limits.value is None else native_limits(limits),
        prelude=_text(node, "prelude"),
        prompt=_text(node, "prompt"),
        reference=_optional(node, "reference"),
        checker=reader.checker,
        skipped=_skipped(node),
    )


class _Reader:
    """Reads the cases of one document, which share a policy, a checker and a reference."""

    def __init__(self, node: Node, options: Options) -> None:
        self._node = node
        self._folder = options.folder
        self.checker = _optional(node, "checker")
        self.policy = self._policy(node) or DEFAULT_POLICY

    def cases(self) -> tuple[Case, ...]:
        places: dict[str, str] = {}
        cases = []
        items = self._node.need("cases").items()
        for number, item in enumerate(items, 1):
            case = self._case(item, _text(item, "name") or f"case {number}")
            first = places.setdefault(case.name, item.where)
            if first != item.where:
                raise item.member("name").error(f"{show(case.name)} is also the name of {first}")
            cases.append(case)
        if not cases:
            raise self._node.member("cases").error("expected at least one case")
        return tuple(cases)

    def _case(self, item: Node, name: str) -> Case:
        kind = _kind(item)
        if kind == "check":
            function = item.member("entry_point")
            return CheckCase(
                name=name,
                test=item.need("test").text(),
                entry_point=None if function.value is None else function.entry_point(),
                setup=_text(item, "setup"),
            )
        policy = self._policy(item)
        if kind == "stdin":
            accepted = _texts(item.need("expected_stdout"))
            return StdinCase(
                name=name, stdin=_text(item, "stdin"), accepted=accepted, policy=policy
            )
        return CallCase(
            name=name,
            entry_point=item.need("entry_point").entry_point(),
            args=_arguments(item),
            kwargs=_keywords(item),
            accepted=self._accepted(item, policy or self.policy),
            policy=policy,
        )

    def _accepted(self, item: Node, policy: str) -> tuple[Any, ...]:
        """One expected value; or several in `accepted`, or in `expected` with the policy any-of."""
        has_one, has_several = "expected" in item.value, "accepted" in item.value
        if has_one and has_several:
            raise item.error('"expected" and "accepted" cannot stand together')
        if has_one and not is_any_of(policy):
            return (item.member("expected").decoded(),)
        if has_one or has_several:
            several = item.member("expected" if has_one else "accepted")
            values = tuple(value.decoded() for value in several.items())
            if not values:
                raise several.error("expected at least one accepted answer")
            return values
        if self._node.member("reference").value is None:
            raise item.error('missing key "expected" (only a "reference" program can replace it)')
        return ()

    def _policy(self, owner: Node) -> str | None:
        node = owner.member("policy")
        if "policy" not in owner.value:
            return None
        policy = node.text()
        if not policy.strip():
            raise node.error("expected the name of a policy, got an empty string")
        if policy.startswith(_CHECKER):
            self._load_checker(node, policy.removeprefix(_CHECKER))
            policy = "checker"
        if policy == "checker" and self.checker is None:
            raise node.error('the policy "checker" needs a "checker" program, or checker:PATH')
        return policy

    def _load_checker(self, node: Node, path: str) -> None:
        try:
            text = Path(self._folder, path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise node.error(f"cannot read the checker {show(path)}: {reason}") from None
        if self.checker not in (None, text):
            raise node.error("a problem can have only one checker program")
        self.checker = text


def is_any_of(policy: str) -> bool:
    """Whether a policy takes several accepted answers."""
    return policy == "any-of" or policy.startswith("any-of:")


def _check_version(node: Node) -> None:
    version = node.member("schema_version")
    if "schema_version" not in node.value:
        return
    if json_type(version.value) != "number" or version.value != SCHEMA_VERSION:
        raise version.error(f"expected {SCHEMA_VERSION}, got {show(version.value)}")


def _kind(item: Node) -> str:
    keys = item.object()
    if "test" in keys:
        kind, sign = "check", "test"
    elif "expected_stdout" in keys or "stdin" in keys:
        kind, sign = "stdin", "expected_stdout" if "expected_stdout" in keys else "stdin"
    elif "entry_point" in keys:
        kind, sign = "call", "entry_point"
    else:
        _known_keys(item, _CASE)
        raise item.error('expected one of the keys "expected_stdout", "entry_point" and "test"')
    _known_keys(item, _CASE)
    for key in keys:
        if key not in _KINDS[kind]:
            raise item.error(f'"{key}" has no meaning in a case with "{sign}"')
    return kind


def _known_keys(node: Node, known: tuple[str, ...] | list[str]) -> None:
    unknown = [key for key in node.object() if key not in known]
    if unknown:
        hint = suggestion(unknown[0], known)
        noun = "keys" if len(unknown) > 1 else "key"
        raise node.error(f"unknown {noun} {listing(unknown)}{hint}")


def _text(node: Node, key: str) -> str:
    """A text, empty where the key is absent."""
    return node.member(key).text() if key in node.object() else ""


def _optional(node: Node, key: str) -> str | None:
    return node.member(key).text() if key in node.object() else None


def _texts(node: Node) -> tuple[str, ...]:
    if isinstance(node.value, list):
        texts = tuple(item.text() for item in node.items())
        if not texts:
            raise node.error("expected at least one accepted answer")
        return texts
    if isinstance(node.value, str):
        return (node.value,)
    if node.value is None:
        raise node.expected("a string")
    raise node.expected("a string or an array of strings")


def _arguments(item: Node) -> tuple[Any, ...]:
    if "args" not in item.value:
        return ()
    return tuple(argument.decoded() for argument in item.member("args").items())


def _keywords(item: Node) -> dict[str, Any]:
    if "kwargs" not in item.value:
        return {}
    node = item.member("kwargs")
    return {key: node.member(key).decoded() for key in node.object()}


def _skipped(node: Node) -> tuple[Skipped, ...]:
    if "skipped" not in node.value:
        return ()
    result = []
    for item in node.member("skipped").items():
        _known_keys(item, ("what", "why"))
        result.append(Skipped(what=item.need("what").text(), why=item.need("why").text()))
    return tuple(result)


FORMAT = Format(name="native", detect=detect, load=load)
