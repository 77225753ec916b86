"""What a command for a case holds, and which tests need the program in their own process."""

from __future__ import annotations

import pytest

import codefeedback as cf
from codefeedback.sandbox.commands import command_for
from codefeedback.sandbox.interface import Call, Check, Command, Script

SETUP = """\
import random
from typing import *

class ListNode:
    pass

def list_node(values):
    return ListNode()

def same(a, b):
    return a == b
"""


def command(case: cf.StdinCase | cf.CallCase | cf.CheckCase) -> Command:
    problem = cf.Problem(cases=(case,), prelude="import math")
    return command_for(case, problem, cf.Source("x = 1"))


@pytest.mark.parametrize(
    ("test", "split"),
    [
        ("assert f(1) == 2", True),
        ("assert same(f(1), 2)", True),
        ("assert f(list_node([1])) == 2", False),  # reaches the class by way of list_node
        ("assert f(ListNode()) == 2", False),
        ("import math\nassert f(math.pi) == 3", True),
        ("import unittest\nassert f(1)", False),
        ("from unittest.mock import patch\nassert f(1)", False),
        ("    import asyncio\nassert f(1)", False),
        ("class T:\n    pass\nassert f(1)", False),
        ("assert 'class' in f(1) and f('import pytest')", True),
        ("random.seed(1)\nassert f(1)", False),
        ("assert sys.stdout", False),
    ],
)
def test_what_can_be_split(test: str, split: bool) -> None:
    made = command(cf.CheckCase(name="a", test=test, setup=SETUP))
    assert isinstance(made, Check)
    assert made.split is split


@pytest.mark.parametrize("setup", ["def (", "\0", "(" * 1000])
def test_a_broken_setup_is_left_to_the_run(setup: str) -> None:
    made = command(cf.CheckCase(name="a", test="assert f()", setup=setup))
    assert isinstance(made, Check) and made.split


def test_commands_hold_no_answers() -> None:
    stdin = command(cf.StdinCase(name="a", stdin="1", accepted=("secret",)))
    call = command(cf.CallCase(name="a", entry_point="f", args=(1,), accepted=("secret",)))
    assert isinstance(stdin, Script) and stdin.prelude == ""
    assert isinstance(call, Call) and call.prelude == "import math"
    assert "secret" not in repr(stdin) + repr(call)
