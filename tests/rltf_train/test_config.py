"""One run, described: which setting wins, what paths mean, and what a mistake is answered with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("yaml")

import yaml

from rltf_train.config import PRESETS, Config, dump, load
from rltf_train.errors import TrainError

LEAST = "model: {name: some/model}\n"
TASKS = "data: {train: tasks.jsonl}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a configuration in `folder/runs`, while the working directory is `folder/here`."""
    for name in ("runs", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def read(folder: Path, text: str, *overrides: str, name: str = "try.yaml") -> Config:
    path = folder / "runs" / name
    path.write_text(text, encoding="utf-8")
    return load(path, overrides)


def refused(folder: Path, text: str, *overrides: str) -> str:
    """What the user is told, without the file's name."""
    with pytest.raises(TrainError) as caught:
        read(folder, text, *overrides)
    message = str(caught.value)
    if overrides:
        return message
    path = str(folder / "runs" / "try.yaml")
    assert all(line.startswith(f"{path}: ") for line in message.splitlines())
    return message.replace(f"{path}: ", "")


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def flat(config: Config) -> dict[str, Any]:
    return dict(leaves(config.model_dump(mode="json")))


# --- which one wins ------------------------------------------------------------------------------


def test_later_wins(folder: Path) -> None:
    file = "preset: code\nloss: {baseline: rloo}\n"
    assert read(folder, LEAST).loss.baseline == "best"
    assert read(folder, LEAST + "preset: code\n").loss.baseline == "greedy"
    assert read(folder, LEAST + file).loss.baseline == "rloo"
    assert read(folder, LEAST + file, "loss.baseline=none").loss.baseline == "none"
    twice = read(folder, LEAST + file, "loss.baseline=none", "loss.baseline=best")
    assert twice.loss.baseline == "best"


def test_neighbours_are_kept(folder: Path) -> None:
    """A key of a section does not push out the section, however deep it is."""
    text = f"{LEAST}preset: code\nloss: {{fine_terms: {{reward: -0.5}}}}\n"
    config = read(folder, text, "loss.fine_terms.flakes=0.25", "rl.optim.lr=1e-5")
    terms = config.loss.fine_terms
    assert (terms.reward, terms.flakes) == (-0.5, 0.25)
    assert (terms.alpha, terms.locate) == ("none", "substring")  # the preset's
    assert config.loss.baseline == "greedy"
    assert (config.rl.optim.lr, config.rl.optim.batch_size) == (1e-5, 128)
    assert config.rl.optim.schedule == "linear"  # the default


def test_the_preset_can_be_set_from_outside(folder: Path) -> None:
    config = read(folder, LEAST + "preset: code\n", "preset=grpo")
    assert (config.preset, config.loss.policy) == ("grpo", "ppo-clip")
    assert read(folder, LEAST + "preset: code\n", "preset=null").loss.baseline == "best"


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_presets(folder: Path, path: Path) -> None:
    """Each can be trained with as it is, and all that it says arrives."""
    config = read(folder, f"{LEAST}{TASKS}preset: {path.stem}\nrl: {{steps: 10}}\n")
    stated = dict(leaves(yaml.safe_load(path.read_text("utf-8"))))
    assert stated
    assert stated.items() <= flat(config).items()
    assert config.rl.steps == 10


def test_there_are_the_presets_that_are_named() -> None:
    named = {path.stem for path in PRESETS.glob("*.yaml")}
    assert named == {"paper", "code", "coderl", "stepcoder", "grpo"}


def test_the_paper_and_its_code_differ_where_they_should(folder: Path) -> None:
    paper, code = (flat(read(folder, f"{LEAST}preset: {name}\n")) for name in ("paper", "code"))
    differing = {key: (paper[key], code[key]) for key in paper if paper[key] != code[key]}
    assert differing == {
        "preset": ("paper", "code"),
        "buffer.eviction": ("fifo", "random-oldest"),
        "loss.adaptive": (1.0, 0.0),
        "loss.mix": ("alternate", "sum"),
        "loss.baseline": ("best", "greedy"),
        "loss.adaptive_mode": ("add", "replace"),
        "loss.aggregate": ("sequence-sum", "token-mean"),
        "loss.fine_terms.alpha": ("length", "none"),
        "loss.fine_terms.locate": ("span", "substring"),
    }


def test_what_is_written_reads_back(folder: Path) -> None:
    text = f"{LEAST}{TASKS}preset: grpo\nseed: 7\neval: {{k: [1, 5], samples: 5}}\n"
    config = read(folder, text, "model.lora.rank=4")
    assert read(folder, dump(config), name="again.yaml") == config


def test_numbers_as_people_write_them(folder: Path) -> None:
    """To YAML 1.1, 1e-5 is a text."""
    assert read(folder, LEAST + "rl: {optim: {lr: 1e-5}}\n").rl.optim.lr == 1e-5
    assert read(folder, LEAST, "rl.optim.lr=3e-6", "seed=4").rl.optim.lr == 3e-6
    assert read(folder, LEAST, "rl.optim.betas=[0.8, 0.9]").rl.optim.betas == (0.8, 0.9)


def test_a_section_that_is_off_by_default(folder: Path) -> None:
    assert read(folder, LEAST).model.lora is None
    config = read(folder, LEAST, "model.lora.rank=4")
    assert config.model.lora is not None
    assert (config.model.lora.rank, config.model.lora.alpha) == (4, 32.0)


# --- paths ---------------------------------------------------------------------------------------


def test_paths_are_meant_from_the_file(folder: Path) -> None:
    config = read(
        folder,
        """
        prepare: {script: make.py, out: made}
        model: {name: ./model, tokenizer: ../tokenizer}
        data: {train: tasks.jsonl, sft: ../sft, template: ask.txt}
        eval: {data: /elsewhere/eval, template: own/ask.txt}
        """,
    )
    runs = folder / "runs"
    assert config.prepare is not None
    assert config.prepare.script == str(runs / "make.py")
    assert config.prepare.out == str(runs / "made")
    assert config.model.name == str(runs / "model")
    assert config.model.tokenizer == str(folder / "tokenizer")
    assert config.data.train == str(runs / "tasks.jsonl")
    assert config.data.sft == str(folder / "sft")
    assert config.data.template == str(runs / "ask.txt")
    assert config.eval.data == "/elsewhere/eval"
    assert config.eval.template == str(runs / "own" / "ask.txt")


def test_names_stay_names(folder: Path) -> None:
    config = read(folder, LEAST + "data: {template: mbpp}\n")
    assert (config.model.name, config.data.template) == ("some/model", "mbpp")


def test_paths_of_set_are_meant_from_here(folder: Path) -> None:
    text = LEAST + TASKS
    given = {
        "data.train": "other.jsonl",
        "eval.data": "../held",
        "model.name": "./model",
        "data.template": "ask.txt",
    }
    config = flat(read(folder, text, *(f"{key}={value}" for key, value in given.items())))
    for key, value in given.items():
        assert Path(config[key]).resolve() == (folder / "here" / value).resolve()


def test_a_run_has_its_folder_here(folder: Path) -> None:
    assert read(folder, LEAST, name="first.yaml").output == "runs/first"
    assert read(folder, LEAST + "output: out\n").output == "out"


# --- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "model: is missing"),
        ("model: {}", "model.name: is missing"),
        # Unknown keys: the nearest one, or all there are.
        (LEAST + "los: {sl: 1}", r"los: unknown key, set to \{'sl': 1\}; did you mean loss\?"),
        (LEAST + "loss: {basline: best}", r"loss\.basline: .* 'best'; did you mean baseline\?"),
        (
            LEAST + "loss: {fine_terms: {alfa: none}}",
            r"loss\.fine_terms\.alfa: .* 'none'; did you mean alpha\?",
        ),
        (LEAST + "rl: {optim: {warm_up: 3}}", r"rl\.optim\.warm_up: .* 3; did you mean warmup"),
        (
            "model: {name: m, lora: {rnk: 3}}",
            r"model\.lora\.rnk: unknown key, set to 3; did you mean rank\?",
        ),
        (
            LEAST + "checkpoint: {often: 3}",
            r"checkpoint\.often: unknown key, set to 3; known here: every, keep",
        ),
        # Values: the key, what it got, and what it may be.
        (
            LEAST + "loss: {baseline: median}",
            r"loss\.baseline: got 'median'; .*'best', 'greedy', 'group-mean', 'rloo' or 'none'",
        ),
        (
            LEAST + "preset: papper",
            r"preset: got 'papper'; it should be 'paper', 'code', 'coderl', 'stepcoder' or 'grpo'",
        ),
        (LEAST + "rl: {steps: -1}", r"rl\.steps: got -1; .*greater than or equal to 0"),
        (LEAST + "rl: {steps: many}", r"rl\.steps: got 'many'; it should be a valid integer"),
        (LEAST + "sampling: {top_p: 0}", r"sampling\.top_p: got 0; .*greater than 0"),
        (LEAST + "sampling: {top_p: 1.5}", r"sampling\.top_p: got 1\.5; .*less than or equal to 1"),
        (LEAST + "rl: {optim: {lr: .inf}}", r"rl\.optim\.lr: got inf; .*finite"),
        (
            LEAST + "loss: {fine_terms: {reward: 0.3}}",
            r"loss\.fine_terms\.reward: got 0\.3; it should be less than or equal to 0",
        ),
        (LEAST + "loss:\n", r"loss: got None; it should be"),
        (LEAST + "loss: 3", r"loss: got 3; it should be"),
    ],
)
def test_a_wrong_setting(folder: Path, text: str, expected: str) -> None:
    told = refused(folder, text)
    assert re.match(expected, told), told
    assert "\n" not in told


def test_every_mistake_is_told_at_once(folder: Path) -> None:
    told = refused(folder, "model: {nme: m}\nseed: x\nrl: {steps: -3}\n")
    keys = [line.split(":")[0] for line in told.splitlines()]
    assert sorted(keys) == ["model.name", "model.nme", "rl.steps", "seed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LEAST + "rl: {steps: 1}", "data.train: rl.steps is above zero, so problems are needed"),
        (LEAST + "sft: {steps: 1}", "data.sft: sft.steps is above zero, so solutions are needed"),
        (
            f"{LEAST}{TASKS}rl: {{steps: 1}}\nsampling: {{samples: 1}}\nloss: {{baseline: rloo}}",
            "sampling.samples: a baseline over a group needs 2 or more, got 1",
        ),
        (
            f"{LEAST}{TASKS}rl: {{steps: 1}}\nsampling: {{samples: 1}}\nloss: {{scale: group-std}}",
            "sampling.samples: a baseline over a group needs 2 or more, got 1",
        ),
        (
            LEAST + "loss: {adaptive_mode: replace}",
            "loss.adaptive: must be 0 where adaptive_mode is replace",
        ),
        (LEAST + "eval: {k: [1, 5], samples: 4}", "eval: k: pass@5 needs that many samples, not 4"),
    ],
)
def test_settings_that_do_not_go_together(folder: Path, text: str, expected: str) -> None:
    assert refused(folder, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"{LEAST}{TASKS}sft: {{steps: 1}}",
        f"{LEAST}data: {{sft: solved.jsonl}}\nsft: {{steps: 1}}",
        f"{LEAST}{TASKS}rl: {{steps: 1}}\nsampling: {{samples: 1}}",
        f"{LEAST}sampling: {{samples: 1}}\nloss: {{baseline: rloo}}",
        f"{LEAST}loss: {{adaptive_mode: replace, adaptive: 0}}",
        f"{LEAST}eval: {{k: [1, 4], samples: 4}}",
    ],
)
def test_settings_that_do(folder: Path, text: str) -> None:
    read(folder, text)


def test_a_configuration_does_not_change(folder: Path) -> None:
    config = read(folder, LEAST)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 3


# --- files and --set -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model: {name: m\n", r"no YAML: .*line 2, column 1"),
        ("model: [1\n", "no YAML: "),
        ("a: b: c\n", r"no YAML: mapping values are not allowed here .*line 1, column 5"),
        ("- model\n", "expected sections of settings, got list"),
        ("model\n", "expected sections of settings, got str"),
        ("", "expected sections of settings, got NoneType"),
    ],
)
def test_what_is_no_configuration(folder: Path, text: str, expected: str) -> None:
    told = refused(folder, text)
    assert re.match(expected, told)
    assert "\n" not in told


def test_files_that_cannot_be_read(folder: Path) -> None:
    with pytest.raises(TrainError, match=r"missing\.yaml: No such file"):
        load(folder / "missing.yaml")
    with pytest.raises(TrainError, match="Is a directory"):
        load(folder)
    (folder / "bytes.yaml").write_bytes(b"model: \xff\n")
    with pytest.raises(TrainError, match=r"bytes\.yaml: no YAML"):
        load(folder / "bytes.yaml")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("loss.baseline", "--set 'loss.baseline': expected section.key=value"),
        ("=3", "--set '=3': expected section.key=value"),
        ("loss.=3", "--set 'loss.=3': expected section.key=value"),
        ("model.name.x=3", "--set 'model.name.x=3': name is no section"),
        ("loss.baseline=[1", "--set 'loss.baseline=[1': the value is no YAML"),
        ("loss.basline=1", "loss.basline: unknown key, set to 1; did you mean baseline?"),
        ("loss.baseline=1", "loss.baseline: got 1; it should be 'best', 'greedy'"),
    ],
)
def test_a_wrong_override(folder: Path, override: str, expected: str) -> None:
    assert expected in refused(folder, LEAST, override)
