"""The report of a training run: one page that needs neither a network nor another file.

This module loads, thins and embeds; the script in report.html draws.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, zip_longest
from pathlib import Path
from statistics import fmean
from typing import Any

from rltf_train.errors import TrainError

TEMPLATE = Path(__file__).with_name("report.html")
SLOT = "@DATA@"

# What keeps the page small: points of a curve, numbers of a stage, samples, their tokens, texts.
POINTS, VALUES = 400, 16_000
SAMPLES, TOKENS, FINDINGS = 24, 1_200, 20
PROGRAM, PROMPT, CONFIG, MESSAGE = 8_000, 4_000, 20_000, 300

#: Larger numbers cannot be drawn, and sums of many might not be finite.
HUGE = 1e100


def write_report(run: Path) -> Path:
    """Write RUN/report.html, whole or not at all, and return its path.

    Raises TrainError when there is no such run or its files cannot be read.
    """
    if not run.is_dir():
        raise TrainError(f"{run}: no such run")
    if not (run / "metrics.jsonl").is_file():
        raise TrainError(f"{run / 'metrics.jsonl'}: no such file, so there is nothing to report")
    page, part = run / "report.html", run / f".report.html.{os.getpid()}"
    try:
        text = TEMPLATE.read_text("utf-8").replace(SLOT, _embedded(_contents(run)), 1)
        try:
            part.write_text(text, "utf-8")
            part.replace(page)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise TrainError(f"{error.filename or run}: {error.strerror or error}") from error
    return page


def _contents(run: Path) -> dict[str, Any]:
    config, samples = run / "config.yaml", run / "samples.jsonl"
    return {
        "run": run.resolve().name,
        **_metrics(run / "metrics.jsonl"),
        "config": _cut(config.read_text("utf-8", "replace"), CONFIG) if config.is_file() else "",
        "samples": _samples(samples) if samples.is_file() else [],
    }


def _embedded(contents: Mapping[str, Any]) -> str:
    """JSON that is inert inside a script element, whatever text is in it: ASCII, no markup."""
    text = json.dumps(contents, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and content of each line; a last line that is still being written is left out."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}:{number}"
            try:
                record = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                if not line.endswith(b"\n"):
                    return
                raise TrainError(f"{where}: not valid JSON") from error
            if not isinstance(record, dict) or type(record.get("step")) is not int:
                raise TrainError(f"{where}: expected an object with an integer 'step'")
            yield where, record


def _number(value: object) -> float | None:
    """The value if it is a number that can be drawn; NaN and the infinities cannot."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -HUGE < value < HUGE else None


def _short(value: float | None) -> float | None:
    """The number with the digits that a reader can use; the others would double the page."""
    return value if value is None or isinstance(value, int) else float(f"{value:.5g}")


def _cut(value: object, length: int) -> str:
    text = value if isinstance(value, str) else ""
    return text if len(text) <= length else f"{text[:length]} … ({len(text) - length} more)"


def _metrics(path: Path) -> dict[str, Any]:
    """Time, the curves of both stages, and the evaluations in the order of the file.

    A resumed run writes some steps again: the later line of a step counts. Its clock may start
    again at zero, so that the time is the sum over all starts.
    """
    stages: dict[str, dict[int, dict[str, float]]] = {"sft": {}, "rl": {}}
    evaluations: dict[tuple[str, int], dict[str, float]] = {}
    time = clock = 0.0
    for where, record in _records(path):
        stage, step = record.get("stage"), record.pop("step")
        # Interned, for 50,000 lines would hold as many copies of each name.
        numbers = ((sys.intern(key), _number(record[key])) for key in record)
        row = {key: value for key, value in numbers if value is not None}
        before, clock = clock, row.pop("seconds", clock)
        time += clock - before if clock >= before else clock
        if stage == "eval":
            evaluations.setdefault((_cut(record.get("after"), 10), step), {}).update(row)
        elif stage in ("sft", "rl"):
            stages[stage].setdefault(step, {}).update(row)
        else:
            raise TrainError(f"{where}: 'stage' is not one of sft, rl, eval")
    return {
        "seconds": _short(time),
        "stages": {stage: _thinned(rows) for stage, rows in stages.items() if rows},
        "evaluations": [
            {"after": after, "step": step, "values": {key: _short(row[key]) for key in row}}
            for (after, step), row in evaluations.items()
        ],
    }


def _thinned(rows: Mapping[int, dict[str, float]]) -> dict[str, Any]:
    """Each key's mean per bucket of steps, the range where buckets hold several, and its totals."""
    steps = sorted(rows)
    keys = sorted(set(chain.from_iterable(rows.values())))
    points = max(1, min(POINTS, VALUES // max(1, len(keys))))
    size = math.ceil(len(steps) / points)
    buckets = [steps[start : start + size] for start in range(0, len(steps), size)]
    curves = {}
    for key in keys:
        parts = [[rows[step][key] for step in bucket if key in rows[step]] for bucket in buckets]
        every = list(chain.from_iterable(parts))
        totals = {"last": every[-1], "mean": fmean(every), "low": min(every), "high": max(every)}
        curve = {"mean": [_short(fmean(part)) if part else None for part in parts]}
        if size > 1:
            curve["low"] = [_short(min(part, default=None)) for part in parts]
            curve["high"] = [_short(max(part, default=None)) for part in parts]
        curves[key] = {**curve, "totals": {name: _short(totals[name]) for name in totals}}
    first, last = [bucket[0] for bucket in buckets], [bucket[-1] for bucket in buckets]
    return {"first": first, "last": last, "lines": len(steps), "curves": curves}


def _samples(path: Path) -> list[dict[str, Any]]:
    """A third each from the first, middle and latest steps; the file is never held as a whole."""
    records = enumerate(record for _, record in _records(path))
    heads = sorted((record["step"], line, str(record.get("verdict"))) for line, record in records)
    ends = [len(heads) * third // 3 for third in range(4)]
    anchors = 0, len(heads) / 2, len(heads)
    parts = zip(map(range, ends, ends[1:]), anchors, strict=True)
    chosen = {line for part, anchor in parts for line in _mixed(heads, part, anchor)}
    found = [record for line, (_, record) in enumerate(_records(path)) if line in chosen]
    return [_sample(record) for record in sorted(found, key=lambda record: int(record["step"]))]


def _mixed(heads: Sequence[tuple[int, int, str]], part: range, anchor: float) -> list[int]:
    """Lines of samples of this part and close to the anchor, one of each verdict in turn."""
    verdicts = defaultdict(list)
    for place in sorted(part, key=lambda place: abs(place - anchor))[: 8 * SAMPLES]:
        verdicts[heads[place][2]].append(heads[place])
    turns = chain.from_iterable(zip_longest(*verdicts.values()))
    return [line for _, line, _ in filter(None, turns)][: SAMPLES // 3]


def _sample(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of a sample: anything may be missing, and much may be too long."""
    lists = {
        name: record[name] if isinstance(record.get(name), list) else []
        for name in ("pieces", "weights", "fine", "findings")
    }
    pieces = [_cut(piece, PROGRAM) for piece in lists["pieces"][:TOKENS]]
    shown = sum(length <= PROGRAM for length in accumulate(map(len, pieces)))
    findings = [finding for finding in lists["findings"][:FINDINGS] if isinstance(finding, dict)]
    scores = ("step", "coarse", "adaptive", "passed", "total", "policy_version")
    return {
        **{name: _short(_number(record.get(name))) for name in scores},
        **{name: _cut(record.get(name), MESSAGE) for name in ("problem", "verdict")},
        "prompt": _cut(record.get("prompt"), PROMPT),
        "truncated": record.get("truncated") is True,
        "pieces": pieces[:shown],
        "more": len(lists["pieces"]) - shown,
        **{key: [_short(_number(x)) for x in lists[key][:shown]] for key in ("weights", "fine")},
        "findings": [
            {key: _cut(finding.get(key), MESSAGE) for key in ("scope", "kind", "message")}
            for finding in findings
        ],
    }
