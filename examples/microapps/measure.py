"""Measure the noise of the corpus and the strength of the tests, by grading programs.

python examples/microapps/measure.py [--seed 0] [--count 1000]
"""

from __future__ import annotations

import argparse
from random import Random

from cases import choose_inputs, random_list
from generate import HELDOUT_CASES, TRAIN_CASES, tests_of
from noise import draw_style, habit_rates, noisy_program
from tasks import Task, draw

import codefeedback as cf

MANY_CASES = 30
VERDICTS = ("AC", "RE", "WA", "CE")

Lists = list[list[int]]
Tested = tuple[Task, dict[str, Lists]]


def tested_task(random: Random) -> Tested:
    """A task with the tests of training, the held-out tests, and many random ones."""
    while True:
        task = draw(random)
        train = choose_inputs(random, task, TRAIN_CASES)
        heldout = choose_inputs(random, task, HELDOUT_CASES)
        if train is not None and heldout is not None:
            many = [random_list(random, task.numbers) for _ in range(MANY_CASES)]
            return task, {"train": train, "heldout": heldout, "many": train + heldout + many}


def one_mistake(random: Random, task: Task) -> str:
    style = draw_style(random)
    return task.program(style, {random.choice(task.habits(style))})


def verdicts(grader: cf.Grader, programs: list[str], tested: list[Tested], tests: str) -> list[str]:
    pairs = (
        (program, {"input_output": tests_of(task, lists[tests])})
        for program, (task, lists) in zip(programs, tested, strict=True)
    )
    results = grader.grade_many(pairs)
    return [result.verdict.name if isinstance(result, cf.Report) else "?" for result in results]


def share(found: list[str], verdict: str) -> str:
    return f"{verdict} {100 * found.count(verdict) / len(found):.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the noise and the tests.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    random = Random(f"{options.seed} measure")
    rates = habit_rates(Random(f"{options.seed} habits"))
    tested = [tested_task(random) for _ in range(options.count)]
    noisy = [noisy_program(random, task, rates) for task, _ in tested]
    mistaken = [one_mistake(random, task) for task, _ in tested]
    with cf.Grader(fail_fast=True) as grader:
        truth = verdicts(grader, noisy, tested, "many")
        print(f"{len(truth)} noisy programs:", *(share(truth, name) for name in VERDICTS))
        for tests in ("train", "heldout"):
            found = verdicts(grader, noisy, tested, tests)
            wrong = [name for name, true in zip(found, truth, strict=True) if true != "AC"]
            print(f"{tests} tests, wrong noisy programs:", share(wrong, "AC"))
            found = verdicts(grader, mistaken, tested, tests)
            print(f"{tests} tests, programs with one habitual mistake:", share(found, "AC"))


if __name__ == "__main__":
    main()
