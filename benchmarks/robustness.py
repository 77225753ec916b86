"""Figures about what stays the same: memory, verdicts under load, limits, results under faults."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import TINY, Figure, Sample, accepted, check, codegen_samples, spread, tiny_problem
from processes import below, descriptors, oversubscribed, own_mib, resident_mib

import codefeedback as cf

_WARM_UP = 2000
_CASES = 10


def memory(cases: int) -> list[Figure]:
    """Of a zygote, and what `cases` cases add to the grader."""
    problem = tiny_problem(_CASES)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        tempfile.tempdir = folder
        before = descriptors()
        with cf.Grader() as grader:

            def grade(count: int) -> None:
                for _ in range(-(-count // _CASES)):
                    check(accepted(grader.grade(TINY, problem), _CASES), "the tiny program")
                gc.collect()

            grade(min(_WARM_UP, cases))
            warm = resident_mib()
            grade(cases)
            growth = resident_mib() - warm
            guests = {pid: resident_mib(pid) for pid in below()}
            own = [own_mib(pid) for pid in guests]
        left = {
            "descriptors": descriptors() - before,
            "processes": len(below()),
            "folders": len(list(Path(folder).iterdir())),
        }
        tempfile.tempdir = None
    sizes = [round(size, 1) for size in guests.values()]
    return [
        Figure(
            name="memory of the zygote",
            unit="MiB resident",
            ours=[max(sizes)],
            target=20,
            more={"each_process_resident": sizes, "each_process_own": own},
        ),
        Figure(
            name=f"growth of the grader over {cases} cases", unit="MiB", ours=[growth], target=5
        ),
        Figure(
            name="left after close",
            unit="descriptors, processes and folders",
            ours=[sum(map(abs, left.values()))],
            target=0,
            more=left,
        ),
    ]


def flips(limit: int | None, workers: int, load: int, out: Path) -> Figure:
    """Verdicts of CodeGen samples, idle and with busy processors."""
    samples = codegen_samples(limit)
    out.mkdir(parents=True, exist_ok=True)
    idle = _verdicts(samples, workers, out / "idle.jsonl")
    with oversubscribed(load):
        loaded = _verdicts(samples, workers, out / "loaded.jsonl")
    differing = [
        f"{sample.label}: {idle[sample.label]} idle, {loaded[sample.label]} loaded"
        for sample in samples
        if idle[sample.label] != loaded[sample.label]
    ]
    recorded = sum(
        (idle[sample.label] == "AC") == (sample.row["reference"] == "passed") for sample in samples
    )
    return Figure(
        name="flips",
        unit=f"verdicts of {len(samples)} differ under {load}x oversubscription",
        ours=[len(differing)],
        target=0,
        more={
            "differing": differing,
            "idle": dict(Counter(idle[sample.label] for sample in samples)),
            "agree_with_the_record": f"{recorded} of {len(samples)}",
        },
    )


def _verdicts(samples: list[Sample], workers: int, path: Path) -> dict[str, str]:
    """By label. What the file holds already is not graded again."""
    known: dict[str, str] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            with contextlib.suppress(ValueError):  # the last one may be cut off
                known.update(json.loads(line))
    missing = [sample for sample in samples if sample.label not in known]
    limits = {"cpu_seconds": 3, "wall_seconds": 10}
    with cf.Grader(workers=workers, limits=limits) as grader, path.open("a") as file:
        file.write("\n")
        items = ((sample.program, sample.problem) for sample in missing)
        for index, result in grader.grade_indexed(items):
            verdict = result.verdict.value if isinstance(result, cf.Report) else "ungraded"
            known[missing[index].label] = verdict
            file.write(json.dumps({missing[index].label: verdict}) + "\n")
            file.flush()
    return known


def overshoot(rounds: int, seconds: float, load: int) -> list[Figure]:
    """Processor time beyond the limit at which an endless loop is ended."""
    problem = tiny_problem(1)
    limits = {"cpu_seconds": seconds, "wall_seconds": 60}

    def beyond(grader: cf.Grader) -> float:
        case = grader.grade("while True:\n    pass\n", problem).cases[0]
        check(case.verdict is cf.Verdict.TLE, f"an endless loop: {case.verdict} {case.detail}")
        return 1000 * (case.cpu_seconds - seconds)

    figures = []
    with cf.Grader(limits=limits) as grader:
        check(grader.grade(TINY, problem).verdict is cf.Verdict.AC, "the tiny program")
        idle = [beyond(grader) for _ in range(rounds)]
        with oversubscribed(load):
            loaded = [beyond(grader) for _ in range(rounds)]
    for name, measured in (("idle", idle), (f"{load}x oversubscribed", loaded)):
        more = {"spread": spread(measured), "most": f"{max(measured):.3g} ms"}
        figures.append(
            Figure(name=f"overshoot, {name}", unit="ms", ours=measured, target=10, more=more)
        )
    return figures


#: Programs that end in every way, for the sum of three numbers.
_WAYS = (
    TINY,
    "import sys\nprint(sum(map(int, sys.stdin.read().split())) + 1)\n",
    "numbers = [int(word) for word in input().split()]\nprint(numbers[len(numbers)])\n",
    "numbers = input().split()\nprint(sum(map(int, numbers))\n",
    "import os\nprint(sum(map(int, input().split())))\nos._exit(3)\n",
    "import time\nnumbers = map(int, input().split())\ntime.sleep(0.01)\nprint(sum(numbers))\n",
    "numbers = input().split()\nfor _ in range(200000):\n    pass\nprint(sum(map(int, numbers)))\n",
)


def faults(programs: int, kills: int, per_second: float, seed: int) -> Figure:
    """Results of two workers while random processes of ours are killed."""
    problem = tiny_problem(_CASES)
    texts = [f"# {number}\n{_WAYS[number % len(_WAYS)]}" for number in range(programs)]
    with cf.Grader(workers=2) as grader:
        undisturbed = [_facts(r) for r in grader.grade_many([(text, problem) for text in texts])]
    check(not any("ungraded" in facts for facts in undisturbed), "undisturbed, some are lost")
    killed: Counter[str] = Counter()
    over = threading.Event()
    killer = threading.Thread(target=_kill, args=(kills, per_second, seed, killed, over))

    def items() -> Iterator[tuple[str, cf.Problem]]:
        number = 0
        while number < programs or not over.is_set():
            yield texts[number % programs], problem
            number += 1

    changed, graded = [], 0
    with cf.Grader(workers=2) as grader:
        killer.start()
        try:
            for graded, result in enumerate(grader.grade_many(items()), 1):
                number = (graded - 1) % programs
                facts = _facts(result)
                if facts != undisturbed[number]:
                    changed.append(_difference(number, undisturbed[number], facts))
        finally:
            kills_done = sum(killed.values())
            over.set()
            killer.join()
    check(kills_done >= kills, f"only {kills_done} processes were killed")
    return Figure(
        name="faults",
        unit=f"results of {graded} lost or changed by {kills} kills",
        ours=[len(changed)],
        target=0,
        more={"killed": dict(killed), "changed": changed, "processes_left": len(below())},
    )


def _kill(
    kills: int, per_second: float, seed: int, killed: Counter[str], over: threading.Event
) -> None:
    """Kills one of our descendants at a time; `killed` counts them by depth below the grader."""
    chance = random.Random(seed)
    while sum(killed.values()) < kills and not over.is_set():
        time.sleep(chance.uniform(0, 2 / per_second))
        depths = _depths(os.getpid())
        if depths:
            pid, depth = chance.choice(sorted(depths.items()))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed[f"depth {depth}"] += 1
    over.set()


def _depths(pid: int, depth: int = 1) -> dict[int, int]:
    found: dict[int, int] = {}
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                found[child] = depth
                found.update(_depths(child, depth + 1))
    return found


def _facts(result: cf.Report | cf.Ungraded) -> dict[str, Any]:
    """All that a result says, but for what differs from run to run."""
    if isinstance(result, cf.Ungraded):
        return {"ungraded": result.reason}
    facts = result.to_dict()
    for case in facts["cases"]:
        for name in ("cpu_seconds", "wall_seconds", "max_rss_bytes"):
            del case[name]
    return facts


def _difference(number: int, before: dict[str, Any], after: dict[str, Any]) -> str:
    if "ungraded" in after:
        return f"program {number}: {after['ungraded']}"
    cases = [
        f"{old['name']} {old['verdict']} -> {new['verdict']} ({new['detail']})"
        for old, new in zip(before["cases"], after["cases"], strict=True)
        if old != new
    ]
    return f"program {number}: {'; '.join(cases) or 'findings differ'}"
