"""The command `rltf-train`: what it says, what it returns, and what it does not wait for."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")
pytest.importorskip("tokenizers")

from click.testing import CliRunner, Result
from tiny import (
    RIGHT,
    forget,
    lines,
    numbers,
    of_stage,
    scripted,
    settings,
    train,
    ungradable,
    write_lines,
)
from transformers import AutoTokenizer

from rltf_train import cli, startup
from rltf_train.engines import HuggingFaceEngine

SHORT = ("sft.steps=1", "rl.steps=1", "checkpoint.every=1")


def call(*arguments: str | Path) -> Result:
    """The command, in this process."""
    forget()
    try:
        return CliRunner().invoke(cli.main, [str(each) for each in arguments])
    finally:
        forget()


def words(*changes: str) -> list[str]:
    return [word for change in changes for word in ("--set", change)]


def refused(result: Result) -> str:
    """The one line that says why nothing was done."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("rltf-train: ")
    return line.removeprefix("rltf-train: ")


@pytest.fixture(scope="module")
def done(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    run = tmp_path_factory.mktemp("done") / "a run"
    result = call("run", home / "base.yaml", *words(f"output={json.dumps(str(run))}", *SHORT))
    assert result.exit_code == 0, result.output
    assert f"report: {run / 'report.html'}" in result.stderr
    return run


# --- what is run ---------------------------------------------------------------------------------


def test_run_leaves(done: Path) -> None:
    assert {path.name for path in done.iterdir()} == {
        "checkpoints", "config.yaml", "metrics.jsonl", "model", "report.html", "samples.jsonl",
        "sft",
    }  # fmt: skip
    assert [row["stage"] for row in numbers(done)] == ["sft", "eval", "rl", "eval"]


def test_sft_alone(home: Path, tmp_path: Path) -> None:
    result = call("sft", home / "base.yaml", *words(f"output={tmp_path}/run", *SHORT))
    assert result.exit_code == 0, result.output
    assert [row["stage"] for row in numbers(tmp_path / "run")] == ["sft", "eval"]


def test_eval_of_what_a_run_saved(done: Path, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    model = words(f"model.name={json.dumps(str(done / 'model'))}")
    result = call("eval", home / "base.yaml", *model, "--out", out)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text())
    expected = of_stage(done, "eval")[-1]
    assert found == {key: expected[key] for key in found}  # as the run itself found
    assert {"eval/pass@1", "eval/pass@2", "verdict/AC", "verdict/ungraded"} <= found.keys()
    printed = dict(line.split() for line in result.stdout.splitlines())
    assert printed == {key: f"{value:.4f}" for key, value in found.items()}


def test_eval_where_nothing_can_be_graded(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = scripted(AutoTokenizer.from_pretrained(home / "causal"), (RIGHT,))
    monkeypatch.setattr(HuggingFaceEngine, "generate", generate)
    write_lines(tmp_path / "none.jsonl", [ungradable(1)])
    out = tmp_path / "numbers.json"
    data = words(f"eval.data={tmp_path}/none.jsonl")
    result = call("eval", home / "base.yaml", "--out", out, *data)
    assert result.exit_code == 0, result.output
    assert "NaN" not in out.read_text()  # it is no JSON
    found = json.loads(out.read_text())
    assert (found["verdict/ungraded"], found["eval/pass@1"]) == (1, None)


def test_report_of_a_run(done: Path, tmp_path: Path) -> None:
    page = done / "report.html"
    before = page.read_text()
    page.unlink()
    result = call("report", done)
    assert result.exit_code == 0
    assert result.stdout.strip() == str(page)
    assert page.read_text() == before
    assert str(tmp_path) in refused(call("report", tmp_path))


def test_prepare_runs_once(home: Path, tmp_path: Path) -> None:
    (tmp_path / "make.py").write_text(
        textwrap.dedent(f"""\
            import shutil, sys
            assert sys.argv[1] == "--out" and sys.argv[3:] == ["--size", "3"]
            shutil.copytree({str(home)!r} + "/causal", sys.argv[2] + "/model")
            shutil.copy({str(home)!r} + "/train.jsonl", sys.argv[2])
            with open({str(tmp_path)!r} + "/made", "a") as file:
                file.write("once\\n")
            """)
    )
    given = (home / "base.yaml").read_text().replace("./causal", "./data/model")
    given = given.replace("train: train.jsonl, sft: sft.jsonl", "train: data/train.jsonl")
    given = given.replace("prompt.txt", "apps").replace("_tokens: 40", "_tokens: 60")
    prepare = "prepare: {script: make.py, out: data, args: [--size, '3']}\n"
    config = tmp_path / "its own.yaml"
    config.write_text(given + prepare)
    changes = words(f"output={tmp_path}/run", "eval.data=null", *SHORT)
    assert call("run", config, *changes).exit_code == 0
    assert call("run", config, *changes, "--resume").exit_code == 0
    assert (tmp_path / "made").read_text() == "once\n"

    (tmp_path / "make.py").write_text("raise SystemExit(3)\n")
    broken = words(f"output={tmp_path}/other", "prepare.out=elsewhere")
    assert refused(call("run", config, *broken)).endswith("make.py ended with 3")


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["rl.stepz=3"], "rl.stepz: unknown key, set to 3; did you mean steps?"),
        (["rl.steps=-1"], "rl.steps: got -1"),
        (["sampling.samples=none"], "sampling.samples: got 'none'"),
        (["data.train=null", "rl.steps=3"], "data.train: rl.steps is above zero"),
        (["seed"], "--set 'seed'"),
        (["eval.k=[5]"], "pass@5"),
    ],
)
def test_a_wrong_setting(
    changes: list[str], said: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a model was asked for")

    monkeypatch.setattr(cli, "_train", never)
    monkeypatch.setattr(startup, "score", never)
    for command in ("run", "sft", "eval"):
        if command == "sft" and "rl.steps" in said:
            continue  # which sets that to 0
        assert said in refused(call(command, home / "base.yaml", *words(*changes)))


def test_wrong_settings_do_not_wait_for_torch(home: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("model: {name: x}\nrl: {stepz: 3}\n")
    said = python("torch = None", "run", tmp_path / "wrong.yaml", find=True)
    (line,) = said.splitlines()
    assert line.endswith("wrong.yaml: rl.stepz: unknown key, set to 3; did you mean steps?")


def test_without_torch() -> None:
    """The tests find nothing of what training needs, as after a plain `pip install`."""
    said = python("torch = transformers = accelerate = pydantic = yaml = None", "run", "x.yaml")
    (line,) = said.splitlines()
    assert "torch, transformers, accelerate, pydantic, PyYAML not installed" in line
    assert "pip install 'rltf-codefeedback[train]'" in line
    assert "pydantic not installed" in python("pydantic = None", "eval", "x.yaml")


def python(hidden: str, *arguments: str | Path, find: bool = False) -> str:
    """What `rltf-train` says in an interpreter where some modules cannot be imported (with
    `find`: where they are installed, and may not be imported)."""
    names = [name.strip() for name in hidden.split("=")[:-1]]
    program = f"""
import importlib.abc, importlib.util, sys
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hide())
real = importlib.util.find_spec
def found(name, package=None):
    if name in {names}:
        return {"object()" if find else "None"}
    return real(name, package)
importlib.util.find_spec = found
from rltf_train.cli import main
main()
"""
    given = [sys.executable, "-c", program, *map(str, arguments)]
    ended = subprocess.run(given, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["data.train=nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
        (["eval.data=nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
        (["data.sft=nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
        (["data.template=nothing"], "template nothing"),
        (["model.name=./nowhere"], "model.name: ./nowhere"),
        (["model.max_response_tokens=2"], "no solution that fits"),
        (["model.max_prompt_tokens=2"], "model.max_prompt_tokens is too small"),
        (["tracker=mlflow"], "tracker: pip install mlflow"),
        (["output=/proc/nowhere/run"], "output: /proc/nowhere/run: "),
        (["sampling.ahead=0", "buffer.max_staleness=0", "buffer.refresh_every=2"], "max_staleness"),
    ],
    ids=lambda value: value[0].partition("=")[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_done(changes: list[str], said: str, home: Path, tmp_path: Path) -> None:
    given = words(f"output={tmp_path}/run", *SHORT, "rl.steps=2", *changes)
    result = call("run", home / "base.yaml", *given)
    assert result.exit_code == 2, result.output
    assert said in result.stderr.splitlines()[-1]
    assert result.stderr.splitlines()[-1].startswith("rltf-train: ")
    assert "Traceback" not in result.stderr


def test_data_is_looked_for_before_the_model(home: Path, tmp_path: Path) -> None:
    given = words(f"output={tmp_path}/run", "model.name=./nowhere", "data.train=missing.jsonl")
    assert "missing.jsonl" in refused(call("run", home / "base.yaml", *given))


def test_a_file_in_the_way(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given = words(f"output={tmp_path}/file/run")
    assert "Not a directory" in refused(call("run", home / "base.yaml", *given))


def test_a_run_in_the_way(done: Path, home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    here = f"output={json.dumps(str(done))}"
    said = refused(call("run", home / "base.yaml", *words(here, *SHORT)))
    assert said == f"{done} holds a run: go on with --resume, or choose another output"
    changed = words(here, *SHORT, "rl.steps=9", "loss.fine=0.5", "model.lora={rank: 2}")
    said = refused(call("run", home / "base.yaml", *changed, "--resume"))
    assert said.startswith("--resume: the run was another one: ")
    assert "rl.steps was 1, is 9" in said
    assert "loss.fine was 1.0, is 0.5" in said
    assert "model.lora.rank was None, is 2" in said
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*")} == before
    free = words(here, *SHORT, "checkpoint.every=7", "checkpoint.keep=3")
    assert call("run", home / "base.yaml", *free, "--resume").exit_code == 0


def test_eval_without_data(home: Path) -> None:
    said = refused(call("eval", home / "base.yaml", *words("eval.data=null")))
    assert said == "eval.data: is needed to evaluate"


def test_out_where_nothing_can_be_written(home: Path, tmp_path: Path) -> None:
    """Said before an hour of evaluation, not after it."""
    result = call("eval", home / "base.yaml", "--out", tmp_path / "nowhere" / "numbers.json")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    assert "Traceback" not in result.stderr


def test_steps_of_a_tracker_only_rise(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def log(self: Any, values: dict[str, float], step: int) -> None:
        assert all(isinstance(value, float) for value in values.values())
        steps.append(step)

    monkeypatch.setattr("accelerate.Accelerator.log", log)
    train(settings(home, tmp_path, "sft.steps=2", "rl.steps=1"))
    assert len(steps) == len(lines(tmp_path))
    assert steps == sorted(steps)
