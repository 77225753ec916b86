"""Kills a run of rltf-train with SIGKILL at random moments and resumes it: what comes out must be
the same, to the bit, as what comes out of a run that was left alone.

    python benchmarks/resume.py
    python benchmarks/resume.py --points 100 --seed 1 --json results.jsonl

Prints a line per kill, and exits with 1 if any of the resumed runs differs. The run is that of
examples/microapps with small sizes, on the processor: warm start, RL with refreshes under way,
evaluations, a checkpoint every few steps. Every fourth kill waits for a checkpoint that is being
written.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from processes import below

EXAMPLE = Path(__file__).parent.parent / "examples" / "microapps"

DATA = ("--train", "60", "--heldout", "10", "--sft", "600")
SETTINGS = {
    "prepare": "null",
    "threads": "1",
    "model.max_response_tokens": "80",
    "sft.steps": "8",
    "sft.optim.batch_size": "16",
    "sft.optim.micro_batch_size": "8",
    "sampling.problems": "4",
    "sampling.samples": "4",
    "sampling.batch_size": "8",
    "sampling.ahead": "1",
    "buffer.size": "48",
    "buffer.eviction": "random-oldest",
    "loss.baseline": "best",
    "loss.fine": "0.5",
    "loss.sl": "0.1",
    "rl.steps": "10",
    "rl.optim.batch_size": "16",
    "rl.optim.micro_batch_size": "8",
    "eval.every": "4",
    "eval.problems": "6",
    "checkpoint.every": "3",
}
#: Keys of the metrics that depend on the clock.
CLOCK = ("seconds", "time/", "rate/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill, and what came of it. `reached`: the last line of metrics that was written before
    it; `left`: processes of the killed run that have not ended by themselves."""

    seconds: float
    reached: str
    resumed_from: str
    half_written: bool
    left: int
    difference: str


class Bench:
    def __init__(self, folder: Path, overrides: Sequence[str]) -> None:
        self._folder = folder
        data = folder / "data"
        make = [sys.executable, str(EXAMPLE / "generate.py"), "--out", str(data), *DATA]
        subprocess.run(make, check=True)
        files = {
            "model.name": data / "model",
            "data.train": data / "train.jsonl",
            "data.sft": data / "sft.jsonl",
            "eval.data": data / "heldout.jsonl",
        }
        values = SETTINGS | {key: json.dumps(str(path)) for key, path in files.items()}
        self._overrides = [*(f"{key}={value}" for key, value in values.items()), *overrides]

    def start(self, run: Path, *flags: str) -> subprocess.Popen[bytes]:
        words = [f"output={json.dumps(str(run))}", *self._overrides]
        settings = [word for each in words for word in ("--set", each)]
        command = [sys.executable, "-m", "rltf_train", "run", str(EXAMPLE / "rltf.yaml")]
        # Numbers of a GPU are not the same twice, whether a run is resumed or not.
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, *settings, *flags], stdout=log, stderr=log, env=environment
            )

    def finish(self, run: Path, *flags: str) -> float:
        """How long it took."""
        began = time.perf_counter()
        if self.start(run, *flags).wait():
            said = (self._folder / "log").read_text(errors="replace")
            raise click.ClickException(f"a run that was left alone failed:\n{said[-3000:]}")
        return time.perf_counter() - began

    def kill(
        self, run: Path, lines: int, later: float, whole: Path, *, in_checkpoint: bool
    ) -> Kill:
        """Kills a run so many seconds after a line of its metrics, and has it resumed."""
        process = self.start(run)
        began = time.perf_counter()
        while process.poll() is None and written(run) < lines:
            time.sleep(0.005)
        time.sleep(later)
        while process.poll() is None and in_checkpoint and not parts(run):
            time.sleep(0.0005)
        seconds = time.perf_counter() - began
        guests = below(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = finished(run)
        half_written = bool(parts(run))
        reached = last(run)
        self.finish(run, "--resume")
        return Kill(
            seconds=round(seconds, 2),
            reached=reached,
            resumed_from=kept[-1] if kept else "the start",
            half_written=half_written,
            left=sum(map(lives, guests)),
            difference=difference(whole, run),
        )


def parts(run: Path) -> list[Path]:
    """Checkpoints that are not complete."""
    return list((run / "checkpoints").glob(".*-*"))


def finished(run: Path) -> list[str]:
    """Names of checkpoints, the newest last."""
    stages = ("sft", "rl", "done")
    names = [path.name for path in (run / "checkpoints").glob("[a-z]*-*")]
    return sorted(names, key=lambda name: (stages.index(name.split("-")[0]), name))


def written(run: Path) -> int:
    """Lines of metrics."""
    try:
        return (run / "metrics.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def last(run: Path) -> str:
    """The last whole line of the metrics, in short."""
    try:
        lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    except OSError:
        return "nothing"
    whole = [json.loads(line) for line in lines if line.endswith("\n")]
    return f"{whole[-1]['stage']} {whole[-1]['step']}" if whole else "nothing"


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def difference(one: Path, other: Path) -> str:
    """The first thing that is not the same in two runs; empty if there is none."""
    ours, theirs = numbers(one), numbers(other)
    if len(ours) != len(theirs):
        return f"{len(ours)} and {len(theirs)} lines of metrics"
    for number, (left_line, right_line) in enumerate(zip(ours, theirs, strict=True), 1):
        for key in sorted(left_line.keys() | right_line.keys()):
            if left_line.get(key) != right_line.get(key):
                return f"line {number}: {key}"
    for name in ("samples.jsonl", "sft/model.safetensors", "model/model.safetensors"):
        if (one / name).read_bytes() != (other / name).read_bytes():
            return name
    return ""


def numbers(run: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {key: value for key, value in line.items() if not key.startswith(CLOCK)} for line in lines
    ]


def show(number: int, kill: Kill) -> None:
    verdict = "identical" if not kill.difference else f"DIFFERS: {kill.difference}"
    if kill.left:
        verdict += f", {kill.left} PROCESSES LEFT"
    half = "yes" if kill.half_written else ""
    click.echo(
        f"{number:>5}  {kill.seconds:>8.2f}  {kill.reached:<9}  {half:<5}  "
        f"{kill.resumed_from:<14}  {verdict}"
    )


@click.command(help=__doc__)
@click.option("--points", type=click.IntRange(1), default=20, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of the moments.")
@click.option("--set", "overrides", multiple=True, help="A setting of the run, as rltf-train's.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="append the kills as lines of JSON",
)
def main(points: int, seed: int, overrides: tuple[str, ...], json_file: Path | None) -> None:
    draw = random.Random(seed)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="resume-") as name:
        folder = Path(name)
        bench = Bench(folder, overrides)
        whole = folder / "whole"
        seconds = bench.finish(whole)
        bench.finish(folder / "again")
        if told := difference(whole, folder / "again"):
            raise click.ClickException(f"two runs that were left alone differ: {told}")
        rows = len(numbers(whole))
        click.echo(f"{rows} lines of metrics in {seconds:.1f} s; the same from a second run")
        click.echo(" kill   seconds  reached    half   resumed from    result")
        for number in range(1, points + 1):
            run = folder / f"run-{number}"
            lines, later = draw.randrange(rows), draw.uniform(0.0, 2 * seconds / rows)
            kill = bench.kill(run, lines, later, whole, in_checkpoint=number % 4 == 0)
            show(number, kill)
            bad += bool(kill.difference or kill.left)
            if json_file is not None:
                with json_file.open("a") as file:
                    file.write(json.dumps({"figure": "resume", **asdict(kill)}) + "\n")
    click.echo(f"{points - bad} of {points} resumed runs are identical")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
