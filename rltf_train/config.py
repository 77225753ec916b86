"""One run, described: sections of settings, read from YAML over a preset, checked before any work.

Later wins: defaults, the preset's file (``presets/NAME.yaml``), the user's file, ``--set``.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rltf_train.errors import TrainError

PRESETS = Path(__file__).parent / "presets"

# Settings that name files: meant from the folder of the file they stand in.
_PATHS = ("data.train", "data.sft", "eval.data", "prepare.script", "prepare.out")

Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Extract = Literal["whole-text", "last-fence", "first-fence", "prompt+completion"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Prepare(Section):
    """A Python script beside the configuration that makes a folder, run once, if it is missing."""

    script: str
    out: str
    args: list[str] = []


class Lora(Section):
    """Low-rank adapters instead of all weights (needs the extra ``lora``)."""

    rank: Size = 16
    alpha: Positive = 32.0
    dropout: Share = 0.0
    targets: list[str] | Literal["all-linear"] = "all-linear"


class Model(Section):
    """A Hugging Face model: a name on the hub, or a local folder.

    `init: random` takes only the shape from it. `precision: bf16` computes in bfloat16 over
    weights in float32.
    """

    name: str
    tokenizer: str | None = None
    init: Literal["pretrained", "random"] = "pretrained"
    precision: Literal["fp32", "bf16"] = "fp32"
    gradient_checkpointing: bool = False
    lora: Lora | None = None
    max_prompt_tokens: Size = 800
    max_response_tokens: Size = 512


class Data(Section):
    """Problems to practise on, and solutions to imitate (default: those of the problems)."""

    train: str | None = None
    sft: str | None = None
    limit: Size | None = None
    template: str = "apps"
    extract: Extract = "whole-text"


class Optimizer(Section):
    """AdamW; the rate rises over `warmup_steps`, then falls to `final_lr` of itself by `schedule`.

    `batch_size` sequences make a step over all processes, `micro_batch_size` a pass of one process.
    """

    lr: Positive = 2e-6
    schedule: Literal["constant", "linear"] = "linear"
    final_lr: Share = 0.0
    warmup_steps: Count = 0
    weight_decay: Weight = 0.05
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    grad_clip: Positive = 1.0
    batch_size: Size = 32
    micro_batch_size: Size = 32


class Sft(Section):
    """The warm start. No steps: the model is taken as it is."""

    steps: Count = 0
    optim: Optimizer = Optimizer(lr=2e-5)


class Sampling(Section):
    """How programs are drawn from the policy.

    A refresh draws `samples` for each of `problems` problems. `ahead` refreshes are drawn before
    the one that is trained on next, so that grading has that time.
    """

    engine: Literal["hf", "vllm"] = "hf"
    url: str = "http://localhost:8000"
    problems: Size = 320
    samples: Size = 20
    temperature: Positive = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    batch_size: Size = 64
    ahead: Count = 1


class Grading(Section):
    """codefeedback's settings. `workers`: programs at one time, by default one per processor."""

    workers: Size = os.cpu_count() or 1
    sandbox: Literal["auto", "local", "docker", "portable"] = "auto"
    image: str | None = None
    reuse: bool = False
    granularity: Literal["expression", "line", "statement", "block"] = "line"
    cpu_seconds: Positive | None = None
    memory_bytes: Size | None = None
    allow_weak_sandbox: bool = False


class Buffer(Section):
    """Samples that are trained on. `refresh_every` is in steps; 0 fills the buffer once.

    `max_staleness`: samples of a policy more than so many steps old are left out.
    """

    size: Size = 6400
    refresh_every: Count = 50
    eviction: Literal["fifo", "random-oldest"] = "fifo"
    max_staleness: Count | None = None


class Fine(Section):
    """R_fine: -0.3 in the paper, times alpha = T/(E-S) for "length". `locate: substring` looks for
    the text of the blamed line as the released code does, and finds its first copy.
    `flakes`, `cst`, `blame` weigh findings of pyflakes, libcst and wrong-answer blame."""

    reward: Annotated[float, Field(le=0, allow_inf_nan=False)] = -0.3
    alpha: Literal["length", "none"] = "length"
    locate: Literal["span", "substring"] = "span"
    flakes: Weight = 0.0
    cst: Weight = 0.0
    blame: Weight = 0.0
    blame_formula: Literal["ochiai", "dstar", "tarantula"] = "ochiai"


class Loss(Section):
    """L_total = sl L_sl + coarse L_coarse + fine L_fine + adaptive L_adaptive; 0 switches off.

    `mix: alternate` spends every other step on L_sl alone. `adaptive_mode: replace` has the share
    of passed cases stand for R_coarse of failed programs, and no term of its own.
    """

    sl: Weight = 1.0
    coarse: Weight = 1.0
    fine: Weight = 1.0
    adaptive: Weight = 1.0
    mix: Literal["sum", "alternate"] = "alternate"
    sl_source: Literal["references", "passed"] = "references"
    baseline: Literal["best", "greedy", "group-mean", "rloo", "none"] = "best"
    scale: Literal["none", "group-std"] = "none"
    adaptive_mode: Literal["add", "replace"] = "add"
    mask: Literal["all", "executed"] = "all"
    policy: Literal["reinforce", "ppo-clip"] = "reinforce"
    clip_low: Share = 0.2
    clip_high: Positive = 0.28
    aggregate: Literal["token-mean", "sequence-mean", "sequence-sum", "constant"] = "sequence-sum"
    fine_terms: Fine = Fine()


class Rl(Section):
    """Online reinforcement learning. `threads` of torch in this stage: fewer leave processors to
    grading."""

    steps: Count = 0
    threads: Size | None = None
    optim: Optimizer = Optimizer(warmup_steps=500)


class Evaluation(Section):
    """Held-out problems: `samples` programs each, pass@k. `every` is in steps of RL; 0: at the end.

    `problems` limits the evaluations during training, `data` the last one.
    """

    data: str | None = None
    limit: Size | None = None
    problems: Size | None = None
    template: str | None = None
    extract: Extract | None = None
    every: Count = 0
    samples: Size = 1
    k: list[Size] = [1]
    temperature: Weight = 0.6
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95

    @model_validator(mode="after")
    def _enough_samples(self) -> Evaluation:
        if max(self.k, default=0) > self.samples:
            raise ValueError(f"k: pass@{max(self.k)} needs that many samples, not {self.samples}")
        return self


class Checkpoint(Section):
    every: Count = 50
    keep: Size = 2


class Config(Section):
    preset: Literal["paper", "code", "coderl", "stepcoder", "grpo"] | None = None
    seed: Count = 0
    output: str = "runs/rltf"
    threads: Size | None = None
    tracker: Literal["tensorboard", "wandb", "trackio", "mlflow"] | None = None
    prepare: Prepare | None = None
    model: Model
    data: Data = Data()
    sft: Sft = Sft()
    sampling: Sampling = Sampling()
    grading: Grading = Grading()
    buffer: Buffer = Buffer()
    loss: Loss = Loss()
    rl: Rl = Rl()
    eval: Evaluation = Evaluation()
    checkpoint: Checkpoint = Checkpoint()

    @model_validator(mode="after")
    def _fits_together(self) -> Config:
        if self.rl.steps and self.data.train is None:
            raise ValueError("data.train: rl.steps is above zero, so problems are needed")
        if self.sft.steps and self.data.train is None and self.data.sft is None:
            raise ValueError("data.sft: sft.steps is above zero, so solutions are needed")
        groups = self.loss.baseline in ("group-mean", "rloo") or self.loss.scale == "group-std"
        if self.rl.steps and groups and self.sampling.samples < 2:
            raise ValueError("sampling.samples: a baseline over a group needs 2 or more, got 1")
        if self.loss.adaptive_mode == "replace" and self.loss.adaptive:
            raise ValueError("loss.adaptive: must be 0 where adaptive_mode is replace")
        return self


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration in a file. Raises TrainError naming key, value and what is allowed."""
    given = _from_folder(_read(path), path.parent)
    for text in overrides:
        _put(given, text)
    preset = PRESETS / f"{given.get('preset')}.yaml"
    values = {"output": f"runs/{path.stem}"} | (_read(preset) if preset.is_file() else {})
    values = _over(values, given)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise TrainError("\n".join(f"{path}: {_say(item)}" for item in error.errors())) from None


def dump(config: Config) -> str:
    """The whole configuration as YAML."""
    return str(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainError(f"{path}: no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise TrainError(f"{path}: expected sections of settings, got {type(values).__name__}")
    return values


def _from_folder(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values with paths made absolute. A model's folder starts with a dot, a template's file
    ends in .txt; other names are the hub's and ours."""
    for name, section in values.items():
        for key, value in section.items() if isinstance(section, dict) else ():
            if isinstance(value, str) and (
                f"{name}.{key}" in _PATHS
                or (name == "model" and key in ("name", "tokenizer") and value.startswith("."))
                or (key == "template" and value.endswith(".txt"))
            ):
                section[key] = str((folder / value).resolve())
    return values


def _put(values: dict[str, Any], text: str) -> None:
    """Sets what ``section.key=value`` says; the value is YAML, paths are meant from here."""
    key, equals, value = text.partition("=")
    *sections, last = key.strip().split(".")
    if not equals or not last:
        raise TrainError(f"--set {text!r}: expected section.key=value")
    for name in sections:
        if values.get(name) is None:
            values[name] = {}
        values = values[name]
        if not isinstance(values, dict):
            raise TrainError(f"--set {text!r}: {name} is no section")
    try:
        values[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise TrainError(f"--set {text!r}: the value is no YAML") from None


def _over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            value = _over(below, value)
        merged[key] = value
    return merged


def _say(item: Any) -> str:
    """One line for one error of pydantic's: the key, the value and what is allowed."""
    key = ".".join(map(str, item["loc"]))
    if item["type"] == "missing":
        return f"{key}: is missing"
    if item["type"] == "extra_forbidden":
        known = list(_section(item["loc"][:-1]).model_fields)
        near = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return f"{key}: unknown key, set to {item['input']!r}; {hint}"
    if item["type"] == "value_error":
        return f"{key}: " * bool(key) + str(item["msg"]).removeprefix("Value error, ")
    return f"{key}: got {item['input']!r}; {item['msg'].replace('Input should', 'it should')}"


def _section(keys: Sequence[Any]) -> type[Section]:
    found: type[Section] = Config
    for key in keys:
        hint = found.model_fields[key].annotation
        hints = (hint, *getattr(hint, "__args__", ()))
        found = next(each for each in hints if isinstance(each, type) and issubclass(each, Section))
    return found
