"""Tests packed as base64, zlib and perhaps pickle, read without executing anything."""

from __future__ import annotations

import base64
import binascii
import pickletools
import re
import zlib
from typing import Any

from .fields import Node, parse_json
from .format import Options

#: Packed tests that grow beyond this many bytes are refused.
MAX_UNPACKED_BYTES = 256 * 1024**2
_BASE64 = re.compile(r"[A-Za-z0-9+/=\r\n]+")
_TEXT_OPCODES = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
_IGNORED_OPCODES = {"PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}


class PickleRefusedError(Exception):
    """The tests are pickled, and reading pickles was not allowed."""


def looks_packed(text: object) -> bool:
    """Whether a string is base64 and no JSON."""
    return isinstance(text, str) and len(text) >= 8 and bool(_BASE64.fullmatch(text[:400]))


def unpacked(node: Node, options: Options) -> Node:
    """The JSON that a packed string holds. PickleRefusedError if only unpickling would tell."""
    data = _inflated(node)
    try:
        text = data.decode("utf-8")
        is_json = text.lstrip()[:1] in ("[", "{", '"')
    except UnicodeDecodeError:
        is_json = False
    if not is_json:
        if not options.allow_pickle:
            raise PickleRefusedError
        content = _pickled_text(node, data)
        if isinstance(content, dict):
            return Node(content, node.where)
        text = content
    return Node(parse_json(text, node.where), node.where)


def _inflated(node: Node) -> bytes:
    try:
        packed = base64.b64decode(re.sub(r"\s", "", node.text()), validate=True)
    except (binascii.Error, ValueError):
        raise node.error("neither JSON nor base64") from None
    machine = zlib.decompressobj()
    try:
        data = machine.decompress(packed, MAX_UNPACKED_BYTES)
    except zlib.error as error:
        raise node.error(f"base64, but not of zlib data: {error}") from None
    if machine.unconsumed_tail:
        raise node.error(f"more than {MAX_UNPACKED_BYTES} bytes when unpacked")
    if not machine.eof:
        raise node.error("the zlib data is cut off")
    return data


def _pickled_text(node: Node, data: bytes) -> str | dict[str, Any]:
    """The string, or the object of strings, that a pickle stream consists of.

    The opcodes are read, never executed: any that could do more than to build these is an error.
    """
    stack: list[Any] = []
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name in _TEXT_OPCODES:
                stack.append(argument)
            elif opcode.name == "EMPTY_DICT":
                stack.append({})
            elif opcode.name == "SETITEM":
                value, key = stack.pop(), stack.pop()
                stack[-1][key] = value
            elif opcode.name not in _IGNORED_OPCODES and opcode.name != "STOP":
                raise node.error(f"the pickle holds more than strings (opcode {opcode.name})")
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise node.error(f"not a readable pickle: {error}") from None
    if len(stack) != 1:
        raise node.error("the pickle does not consist of one value")
    content: str | dict[str, Any] = stack[0]
    return content
