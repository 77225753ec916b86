"""Write a data set of small programming tasks, and the folder of a model that can learn them.

python examples/microapps/generate.py --out DIR
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from cases import FEWEST_CASES, choose_inputs
from model import write_model
from noise import draw_style, habit_rates, noisy_program
from tasks import Task, draw

TRAIN_CASES = 5
HELDOUT_CASES = 8
TOKENIZER_TEXTS = 5000  # plenty for some 250 merges

Row = dict[str, Any]


def problems(seed: int, name: str, count: int, cases: int) -> Iterator[Row]:
    """Tasks with tests and a right program, no two with the same text."""
    random = Random(f"{seed} {name}")
    seen: set[str] = set()
    while len(seen) < count:
        task = draw(random)
        question = task.worded(random)
        if task.heldout != (name == "heldout") or question in seen:
            continue
        lists = choose_inputs(random, task, cases)
        if lists is None:
            continue
        seen.add(question)
        tests = {"input_output": tests_of(task, lists)}
        yield entry(name, len(seen), question, task.program(draw_style(random)), tests)


def tests_of(task: Task, lists: list[list[int]]) -> dict[str, list[str]]:
    return {
        "inputs": [task.layout.write(numbers) for numbers in lists],
        "outputs": [task.answer(numbers) for numbers in lists],
    }


def corpus(seed: int, count: int) -> Iterator[Row]:
    """Tasks with one careless program each, of compositions that are not held out."""
    random = Random(f"{seed} sft")
    rates = habit_rates(Random(f"{seed} habits"))
    written = 0
    while written < count:
        task = draw(random)
        if not task.heldout:
            written += 1
            program = noisy_program(random, task, rates)
            yield entry("sft", written, task.worded(random), program, {})


def entry(name: str, number: int, question: str, program: str, tests: Row) -> Row:
    start = {"id": f"micro-{name}-{number:05}", "question": question, "starter_code": ""}
    return {**start, **tests, "solutions": [program]}


def write_rows(path: Path, rows: Iterator[Row], count: int) -> list[Row]:
    written = []
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
            written.append(row)
            if sys.stderr.isatty() and (len(written) % 100 == 0 or len(written) == count):
                end = "\n" if len(written) == count else ""
                print(f"\r{path.name}: {len(written)}/{count}", end=end, file=sys.stderr)
    return written


def write_folder(folder: Path, options: argparse.Namespace) -> None:
    seed = options.seed
    train = problems(seed, "train", options.train, options.train_cases)
    heldout = problems(seed, "heldout", options.heldout, options.heldout_cases)
    write_rows(folder / "train.jsonl", train, options.train)
    write_rows(folder / "heldout.jsonl", heldout, options.heldout)
    rows = write_rows(folder / "sft.jsonl", corpus(seed, options.sft), options.sft)
    texts = (
        f"QUESTION:\n{row['question']}\nANSWER:\n{row['solutions'][0]}"
        for row in rows[:TOKENIZER_TEXTS]
    )
    write_model(folder / "model", texts)


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write a data set of small programming tasks.")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is new or empty")
    parser.add_argument("--seed", type=int, default=0, help="decides every byte (default: 0)")
    parser.add_argument("--train", type=int, default=2000, help="problems to practise on")
    parser.add_argument("--heldout", type=int, default=2000, help="problems to measure with")
    parser.add_argument("--sft", type=int, default=35200, help="programs to imitate first")
    parser.add_argument("--train-cases", type=int, default=TRAIN_CASES, help="tests of each")
    parser.add_argument("--heldout-cases", type=int, default=HELDOUT_CASES, help="tests of each")
    options = parser.parse_args(given)
    if min(options.train_cases, options.heldout_cases) < FEWEST_CASES:
        parser.error(f"a problem has at least {FEWEST_CASES} cases, for its boundary values")
    return options


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    out: Path = options.out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        sys.exit(f"{out} exists and is not an empty folder: choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        write_folder(folder, options)
        folder.rename(out)


if __name__ == "__main__":
    main()
