"""What the tests of whole runs share: problems, models of a few thousand weights, processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")
pytest.importorskip("tokenizers")

import torch
from accelerate.state import AcceleratorState, GradientState
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from rltf_train.config import Config, load
from rltf_train.engines import Generation
from rltf_train.train import Trainer

Line = dict[str, Any]

PAD, EOS = "<pad>", "<eos>"
TEMPLATE = "Q: {question}\nA:\n"
RIGHT, HALF, RAISES, BROKEN, SHORT_OF = (
    "print(int(input()) * 2)\n",
    "print(int(input()) + 20)\n",  # passes one case of two
    "n = int(input())\nprint(m * 2)\n",
    "print(int(input()) * 2\n",
    "n = int(input())\nif n < 0:\n    print(0)\nprint(n * 2)\n",  # right; one line never runs
)
KINDS = (RIGHT, HALF, RAISES, BROKEN, SHORT_OF)

SETTINGS = """
seed: 1
threads: 1
model: {name: ./causal, max_prompt_tokens: 40, max_response_tokens: 32}
data: {train: train.jsonl, sft: sft.jsonl, template: prompt.txt}
sft: {steps: 2, optim: {lr: 1.0e-3, batch_size: 6, micro_batch_size: 4}}
sampling: {problems: 3, samples: 4, top_p: 1.0, batch_size: 8, ahead: 1}
grading: {reuse: true}
buffer: {size: 12, refresh_every: 1}
rl: {steps: 3, optim: {lr: 3.0e-3, warmup_steps: 0, batch_size: 12, micro_batch_size: 8}}
eval: {data: heldout.jsonl, samples: 2, k: [1, 2]}
checkpoint: {every: 1}
"""
PLAIN = """
loss: {sl: 0.0, fine: 0.0, adaptive: 0.0, mix: sum, baseline: group-mean, aggregate: token-mean}
"""


# --- problems and models -------------------------------------------------------------------------


def problem(number: int, solutions: Sequence[str] = (RIGHT,)) -> Line:
    return {
        "id": f"twice-{number}",
        "question": f"twice {number}",
        "input_output": {
            "inputs": [f"{number}\n", "20\n"],
            "outputs": [f"{2 * number}\n", "40\n"],
        },
        "solutions": list(solutions),
    }


def ungradable(number: int) -> Line:
    """A problem whose checker fails: a program that runs cannot be graded."""
    return {
        "id": f"ungradable-{number}",
        "prompt": f"twice {number}",
        "cases": [{"stdin": "1\n", "expected_stdout": "2\n"}],
        "policy": "checker",
        "checker": "raise SystemExit(7)",
    }


def write_lines(path: Path, rows: Sequence[Line]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def make_home(home: Path) -> Path:
    """A folder with problems to practise on (1 to 6) and to measure with (7 to 9), programs of all
    kinds to imitate, a configuration, and two models that write all kinds."""
    home.mkdir(exist_ok=True)
    write_lines(home / "train.jsonl", [problem(number) for number in range(1, 7)])
    write_lines(home / "heldout.jsonl", [problem(number) for number in range(7, 10)])
    write_lines(home / "sft.jsonl", [problem(number, KINDS) for number in range(1, 7)])
    (home / "prompt.txt").write_text(TEMPLATE)
    (home / "base.yaml").write_text(SETTINGS)
    (home / "plain.yaml").write_text(SETTINGS + PLAIN)
    for kind in ("causal", "seq2seq"):
        _write_model(home / f"{kind}-random", kind)
        taught = settings(
            home, home / "taught", f"model.name={home}/{kind}-random", "model.init=random",
            "sft.steps=100", "rl.steps=0", "checkpoint.every=1000", "eval.data=null",
            "sft.optim={lr: 2.0e-2, final_lr: 0.1, batch_size: 30}",
        )  # fmt: skip
        train(taught)
        (home / "taught" / "sft").rename(home / kind)
        (home / "taught").rename(home / f"{kind}-taught")
    return home


def _write_model(folder: Path, kind: str) -> None:
    """A model's folder, without weights."""
    folder.mkdir()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[PAD, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*KINDS, TEMPLATE.format(question="twice")] * 3, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    shapes: dict[str, Line] = {
        "causal": {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "max_position_embeddings": 128,
            "tie_word_embeddings": True,
        },
        "seq2seq": {
            "architectures": ["T5ForConditionalGeneration"],
            "model_type": "t5",
            "d_model": 32,
            "d_kv": 16,
            "d_ff": 32,
            "num_layers": 1,
            "num_heads": 2,
            "decoder_start_token_id": 0,
            "is_encoder_decoder": True,
        },
    }
    sizes = {"vocab_size": tokenizer.get_vocab_size(), "pad_token_id": 0, "eos_token_id": 1}
    described = {
        "tokenizer_class": "Qwen2Tokenizer" if kind == "causal" else "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "eos_token": EOS,
        "unk_token": EOS,
        "clean_up_tokenization_spaces": False,
    }
    files = {
        "config.json": shapes[kind] | sizes,
        "tokenizer_config.json": described,
        "generation_config.json": {"eos_token_id": 1, "pad_token_id": 0},
    }
    for name, values in files.items():
        (folder / name).write_text(json.dumps(values))


# --- runs ----------------------------------------------------------------------------------------


def settings(home: Path, output: Path, *changes: str, name: str = "base.yaml") -> Config:
    return load(home / name, [f"output={json.dumps(str(output))}", *changes])


def train(config: Config, *, resume: bool = False) -> None:
    """A whole run in this process."""
    with Run(config, resume=resume) as trainer:
        trainer.supervised()
        trainer.reinforce()


class Run(Trainer):
    """A trainer that leaves nothing of its own behind in this process."""

    def __init__(self, config: Config, *, resume: bool = False) -> None:
        forget()
        super().__init__(config, resume=resume)

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        forget()


def forget() -> None:
    """accelerate keeps its state for as long as a process lives."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def lines(run: Path, name: str = "metrics.jsonl") -> list[Line]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def numbers(run: Path) -> list[Line]:
    """The metrics, without what depends on the clock."""
    return [
        {
            key: value
            for key, value in line.items()
            if key != "seconds" and not key.startswith(("time/", "rate/"))
        }
        for line in lines(run)
    ]


def of_stage(run: Path, stage: str) -> list[Line]:
    return [line for line in numbers(run) if line["stage"] == stage]


def weights(run: Path, name: str = "model") -> dict[str, Tensor]:
    return load_file(run / name / "model.safetensors")


def equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def assert_same(run: Path, other: Path) -> None:
    """Every number, sample and weight of the two runs is the same."""
    assert numbers(run) == numbers(other)
    assert lines(run, "samples.jsonl") == lines(other, "samples.jsonl")
    assert equal(weights(run), weights(other))


class Script:
    """An engine that writes given programs in turn: those of a problem, or the same for all; one
    for greedy decoding. A program with "..." behind it has no end token."""

    def __init__(
        self,
        tokenizer: Any,
        programs: Sequence[str] | Mapping[str, Sequence[str]],
        greedy: str = "",
    ) -> None:
        self._tokenizer = tokenizer
        self._programs = programs
        self._greedy = greedy
        self._drawn: Counter[str] = Counter()

    def generate(
        self, prompts: Sequence[Sequence[int]], *, temperature: float, **options: Any
    ) -> list[Generation]:
        return [self._generation(prompt, temperature) for prompt in prompts]

    def _generation(self, prompt: Sequence[int], temperature: float) -> Generation:
        key, programs = "", self._programs
        if isinstance(programs, Mapping):
            key = self._tokenizer.decode(prompt).splitlines()[0].removeprefix("Q: ")
            programs = programs[key]
        text = programs[self._drawn[key] % len(programs)]
        if temperature == 0 and self._greedy:
            text = self._greedy
        else:
            self._drawn[key] += 1
        truncated = text.endswith("...")
        ids = self._tokenizer(text.removesuffix("..."), add_special_tokens=False).input_ids
        ids = [*ids] if truncated else [*ids, self._tokenizer.eos_token_id]
        return Generation(ids=tuple(ids), logprobs=(-1.0,) * len(ids), truncated=truncated)

    def update(self, version: int) -> None: ...

    def close(self) -> None: ...


def scripted(tokenizer: Any, programs: Sequence[str]) -> Callable[..., list[Generation]]:
    """In place of an engine's method `generate`: writes the programs in turn."""
    script = Script(tokenizer, programs)
    return lambda engine, prompts, **options: script.generate(prompts, **options)


# --- processes -----------------------------------------------------------------------------------

# A server that has imported everything, and forks: a new interpreter would take seconds.
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["rltf_train.train", "rltf_train.report"])


class Command:
    """`rltf-train ...` in a process, which leads a group and a session of its own.

    `ends_at`: (a function as "module:Class.function", a count): at that call of it, before or after
    it, the process kills itself with SIGKILL.
    """

    def __init__(
        self,
        *arguments: str | Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
        ends_at: tuple[str, int, str] | None = None,
    ) -> None:
        given = ([str(each) for each in arguments], str(log), dict(environment or {}), ends_at)
        self.process: BaseProcess = _forks.Process(target=_run_command, args=given)
        self.log = log
        self.process.start()

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self, seconds: float = 120.0) -> int:
        """The exit status. Kills the process if it takes too long."""
        self.process.join(seconds)
        code = self.process.exitcode
        if code is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.join()
            raise AssertionError(f"still running after {seconds} s:\n{self.said()}")
        return code

    def until(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        end = monotonic() + seconds
        while not condition():
            assert self.process.is_alive(), self.said()
            assert monotonic() < end, self.said()
            sleep(0.005)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def _run_command(
    arguments: list[str],
    log: str,
    environment: dict[str, str],
    ends_at: tuple[str, int, str] | None,
) -> None:
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environment)
    if ends_at is not None:
        _mine(*ends_at)
    from rltf_train.cli import main

    sys.exit(main(arguments))


def _mine(place: str, count: int, when: str) -> None:
    module, _, names = place.partition(":")
    __import__(module)
    holder: Any = sys.modules[module]
    *holders, name = names.split(".")
    for each in holders:
        holder = getattr(holder, each)
    function = getattr(holder, name)
    calls = 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, name, counted)


def below(pid: int) -> list[int]:
    """The living descendants of a process."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in path.read_text().split()]
        except OSError:
            continue
    return found + [deeper for child in found for deeper in below(child)]


def gone(pids: Sequence[int], seconds: float = 10.0) -> bool:
    """Whether these processes end within so much time."""
    end = monotonic() + seconds
    while any(_lives(pid) for pid in pids):
        if monotonic() > end:
            return False
        sleep(0.01)
    return True


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gang(count: int) -> list[dict[str, str]]:
    """What a launcher tells each of `count` processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {
        "ACCELERATE_USE_CPU": "true",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
    }
    return [common | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
