"""Programs as a careless author writes them: habitual mistakes, and slips of the keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from layouts import LAYOUTS
from parts import LOOP, SHORT, STYLES
from reducers import REDUCERS
from steps import STEPS
from tasks import Task

SHORT_SHARE = 0.35
SLIP_SHARE = 0.12
LOWEST_RATE, HIGHEST_RATE = 0.2, 0.6
LAYOUT_RATE = 0.14  # lower, since every program reads its input


def habit_rates(random: Random) -> dict[str, float]:
    """How often each habit goes wrong: evenly spread, in an order that is drawn."""
    names = [
        part.habit(style)
        for part in (*STEPS, *REDUCERS)
        for style in STYLES
        if part.may_go_wrong(style)
    ]
    names += [reducer.guard_habit for reducer in REDUCERS if not reducer.empty_allowed]
    random.shuffle(names)
    width = (HIGHEST_RATE - LOWEST_RATE) / len(names)
    rates = {name: LOWEST_RATE + width * (place + 0.5) for place, name in enumerate(names)}
    return rates | {layout.habit(style): LAYOUT_RATE for layout in LAYOUTS for style in STYLES}


def draw_style(random: Random) -> str:
    return SHORT if random.random() < SHORT_SHARE else LOOP


def noisy_program(random: Random, task: Task, rates: dict[str, float]) -> str:
    style = draw_style(random)
    mistakes = {habit for habit in task.habits(style) if random.random() < rates[habit]}
    program = task.program(style, mistakes)
    return slip(random, program) if random.random() < SLIP_SHARE else program


def slip(random: Random, program: str) -> str:
    """The program after one slip that changes it."""
    while True:
        slipped = random.choice(SLIPS)(random, program)
        if slipped != program:
            return slipped


def replace_one(random: Random, program: str, pattern: str, replacement: str) -> str:
    found = list(re.finditer(pattern, program, re.MULTILINE))
    if not found:
        return program
    start, end = random.choice(found).span()
    return program[:start] + replacement + program[end:]


def drop_colon(random: Random, program: str) -> str:
    return replace_one(random, program, ":$", "")


def drop_bracket(random: Random, program: str) -> str:
    return replace_one(random, program, r"[)\]]", "")


def drop_line(random: Random, program: str) -> str:
    return replace_one(random, program, r"^.*\n", "")


def mistake_name(random: Random, program: str) -> str:
    # Never `a` or `b`: a loop over the list that it appends to would not end.
    return replace_one(random, program, r"\b[abintx]\b", random.choice("intxy"))


def shift_line(random: Random, program: str) -> str:
    return replace_one(random, program, "^ *", random.choice(("", "  ", "    ", "        ")))


def assign_for_equal(random: Random, program: str) -> str:
    return replace_one(random, program, "==", "=")


SLIPS: tuple[Callable[[Random, str], str], ...] = (
    drop_colon,
    drop_bracket,
    drop_line,
    mistake_name,
    shift_line,
    assign_for_equal,
)
