"""What RLTF adds on small problems: warm start, RL, and as much further imitation, per seed.

    python benchmarks/microapps.py --out FOLDER                # three seeds, about 40 minutes
    python benchmarks/microapps.py --out FOLDER --long         # also a run of eight minutes

Every stage is the command `rltf-train` with the example's configuration. What FOLDER holds already
is not done again. See README.md for what the table means.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

EXAMPLE = Path(__file__).parent.parent / "examples" / "microapps" / "rltf.yaml"
MINUTES_OF_RL = 3.0
MINUTES_OF_LONG = 8.0
RESAMPLED = 2000
HELD_OUT = 1200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder; goes on where it was")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at one time, one thread each")
    parser.add_argument("--threads", type=int, help="of torch, for each seed")
    parser.add_argument("--long", action="store_true", help="a run of eight minutes, first seed")
    parser.add_argument("--set", action="append", default=[], help="replace a setting of RL")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    with ThreadPoolExecutor(options.jobs) as jobs:
        rows = list(jobs.map(lambda seed: study(options, seed), seeds))
    for line in table(rows):
        print(line)
    if options.long:
        print(long_run(options, seeds[0]))


def study(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """All stages of one seed; what each of them measured."""
    folder = options.out / f"seed{seed}"
    sft = stage(options, folder / "sft", seed, "sft", "--set", "eval.data=null")
    start = [f"model.name={folder / 'sft' / 'sft'}", "model.init=pretrained", "eval.data=null"]
    steps = rl_steps(options, folder, seed, start, MINUTES_OF_RL)
    rl = stage(options, folder / "rl", seed, "run", *sets(*start, "sft.steps=0",
               f"rl.steps={steps}", "checkpoint.every=1000", *options.set))  # fmt: skip
    # As much processor time, spent on imitating fresh rows of the same corpus, at RL's rate.
    further = round(rl["cpu_seconds"] / (sft["cpu_seconds"] / sft["steps"]))
    sl = stage(options, folder / "sl", seed, "sft", *sets(*start, f"sft.steps={further}",
               "sft.optim.lr=3e-4", f"seed={seed + 1000}"))  # fmt: skip
    scores = {
        "sft": score(options, folder / "sft" / "sft", seed),
        "rl": score(options, folder / "rl" / "model", seed),
        "sl": score(options, folder / "sl" / "sft", seed),
    }
    at_one = score(options, folder / "sft" / "sft", seed, temperature=1.0)
    return {"seed": seed, "stages": {"sft": sft, "rl": rl, "sl": sl}, "scores": scores,
            "verdicts_at_1": at_one["verdicts"]}  # fmt: skip


def rl_steps(
    options: argparse.Namespace, folder: Path, seed: int, start: Sequence[str], minutes: float
) -> int:
    """How many steps fit into the minutes, by the time of a few steps and 10 % of reserve."""
    tried = stage(options, folder / "pace", seed, "run", *sets(*start, "sft.steps=0",
                  "rl.steps=12", *options.set))  # fmt: skip
    return int(0.9 * minutes * 60 / tried["step_seconds"])


def stage(
    options: argparse.Namespace, folder: Path, seed: int, command: str, *arguments: str
) -> dict[str, Any]:
    """Runs one command, and says what it took. Time for start-up and saving is in it."""
    result = folder / "result.json"
    if not result.exists():
        words = [sys.executable, "-m", "rltf_train", command, str(EXAMPLE)]
        words += sets(f"output={folder}", f"seed={seed}", f"threads={threads(options)}")
        folder.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([*words, *arguments, "--resume"], stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{folder}/log: {(folder / 'log').read_text()[-2000:]}")
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
        times = [line["time/step"] for line in lines if "time/step" in line]
        waits = [line["time/wait"] for line in lines if "time/wait" in line]
        result.write_text(json.dumps({
            "seconds": time.perf_counter() - began,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "steps": len(times),
            "step_seconds": fmean(times),
            "wait_share": sum(waits) / sum(times),
        }))  # fmt: skip
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def score(
    options: argparse.Namespace, model: Path, seed: int, temperature: float = 0.6
) -> dict[str, Any]:
    """Which held-out problems a model solves, one program each, and the verdicts."""
    result = model.parent / f"score-{temperature}.json"
    if not result.exists():
        words = [sys.executable, __file__, "--out", str(result)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads(options))}
        asked = json.dumps({"model": str(model), "seed": seed, "temperature": temperature})
        subprocess.run(words, check=True, env={**environment, "MICROAPPS_SCORE": asked})
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def solve(result: Path, model: str, seed: int, temperature: float) -> None:
    """`score`, in a process of its own."""
    import torch

    import codefeedback as cf
    from rltf_train import config, data, pipeline, policy, startup

    values = (f"model.name={model}", "model.init=pretrained")
    settings = config.load(EXAMPLE, values)
    loaded = policy.load(settings.model)
    torch.manual_seed(seed)
    drawing = startup.make_pipeline(settings, loaded)
    prompts = startup.make_prompts(settings, loaded, settings.data.template)
    tasks = data.load_tasks(str(settings.eval.data), limit=HELD_OUT)
    rows = [(task, prompts.ids(task)) for task in tasks]
    graded = drawing.finish(
        drawing.start(rows, temperature=temperature, top_p=1.0, extract="whole-text")
    )
    drawing.close()
    passed = [
        isinstance(each.result, cf.Report) and each.result.verdict is cf.Verdict.AC
        for each in graded
    ]
    result.write_text(json.dumps({"passed": passed, "verdicts": pipeline.verdict_shares(graded)}))


def long_run(options: argparse.Namespace, seed: int) -> str:
    """Eight minutes of RL from the first seed's warm start, looked at on the way."""
    folder = options.out / f"seed{seed}"
    start = [f"model.name={folder / 'sft' / 'sft'}", "model.init=pretrained"]
    nothing = [*start, "eval.data=null"]
    steps = rl_steps(options, folder, seed, nothing, MINUTES_OF_LONG)
    long = stage(options, folder / "long", seed, "run", *sets(*start, "sft.steps=0",
                 f"rl.steps={steps}", f"eval.every={max(steps // 8, 1)}", "eval.problems=1000",
                 "eval.limit=1000", "checkpoint.every=1000", *options.set))  # fmt: skip
    lines = [json.loads(line) for line in (folder / "long" / "metrics.jsonl").open()]
    scores = [100 * line["eval/pass@1"] for line in lines if line["stage"] == "eval"]
    minutes = long["steps"] * long["step_seconds"] / 60
    return (
        f"long run: {minutes:.1f} min, {long['steps']} steps; pass@1 {scores[0]:.1f} -> best "
        f"{max(scores):.1f}, end {scores[-1]:.1f} ({scores[-1] - max(scores):+.1f}); on the way "
        + " ".join(f"{each:.1f}" for each in scores)
    )


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    problems = len(rows[0]["scores"]["sft"]["passed"])
    yield f"pass@1 in % at T=0.6 on {problems} held-out problems; 95 % bootstrap over problems"
    yield (
        "seed  SFT   RLTF  SL    RLTF-SFT              RLTF-SL               "
        "SFT min  RL min  waited"
    )
    for row in rows:
        scores = {name: each["passed"] for name, each in row["scores"].items()}
        means = "  ".join(f"{100 * fmean(scores[name]):.1f}" for name in ("sft", "rl", "sl"))
        gains = "  ".join(difference(scores["rl"], scores[name]) for name in ("sft", "sl"))
        sft, rl = row["stages"]["sft"], row["stages"]["rl"]
        yield (
            f"{row['seed']:>4}  {means}  {gains}  {sft['seconds'] / 60:7.1f}  "
            f"{rl['seconds'] / 60:6.1f}  {rl['wait_share']:.1%}"
        )
    for row in rows:
        shares = {name: row["verdicts_at_1"][f"verdict/{name}"] for name in ("CE", "RE", "WA")}
        told = "  ".join(f"{name} {share:.1%}" for name, share in shares.items())
        steps = {name: each["steps"] for name, each in row["stages"].items()}
        cpu = {name: round(each["cpu_seconds"]) for name, each in row["stages"].items()}
        yield f"seed {row['seed']}: after SFT at T=1: {told}; steps {steps}; CPU seconds {cpu}"


def difference(after: Sequence[bool], before: Sequence[bool]) -> str:
    """The mean difference of two models on the same problems, and its interval."""
    draw = random.Random(0)
    pairs = [int(a) - int(b) for a, b in zip(after, before, strict=True)]
    means = sorted(fmean(draw.choices(pairs, k=len(pairs))) for _ in range(RESAMPLED))
    low, high = means[RESAMPLED // 40], means[-RESAMPLED // 40]
    return f"{100 * fmean(pairs):+5.1f} [{100 * low:+5.1f}, {100 * high:+5.1f}]"


def sets(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


def threads(options: argparse.Namespace) -> int:
    return options.threads or (1 if options.jobs > 1 else os.cpu_count() or 1)


if __name__ == "__main__":
    if "MICROAPPS_SCORE" in os.environ:
        solve(Path(sys.argv[2]), **json.loads(os.environ["MICROAPPS_SCORE"]))
    else:
        main()
