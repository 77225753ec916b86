"""Measures how far the terms of a training step's loss are from the same in float64.

    python benchmarks/losses.py
    python benchmarks/losses.py --batches 1000 --seed 1

For small T5, CodeGen and Qwen2 models with random weights, and random batches of solutions and of
programs: what `Updater.step` says of each term, against a copy of the model in float64 that reads a
program at a time, without padding, and a sum in plain Python. Every batch has an aggregation and a
cut into micro-batches of its own. The table holds the worst relative error of all batches. Weights
are mostly below zero, as those of bad programs are: where a sum is next to nothing, its relative
error tells nothing. For that reason L_total is left out, whose terms have opposite signs.

Needs what the extra `train` installs.
"""

from __future__ import annotations

import copy
import math
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import click
import torch
import transformers
from accelerate import Accelerator
from rich.progress import track

from rltf_train.config import Loss, Optimizer
from rltf_train.policy import Policy
from rltf_train.rollouts import Sample
from rltf_train.update import Pair, Updater

TARGET = 1e-6
AGGREGATES = ("token-mean", "sequence-mean", "sequence-sum", "constant")
POLICIES = ("reinforce", "ppo-clip")
TERMS = ("coarse", "fine", "adaptive")
ROWS = ("sl", *(f"{term}, {policy}" for term in TERMS for policy in POLICIES))
VOCABULARY, END, PAD, LONGEST = 200, 1, 0, 48
SHAPES: dict[str, dict[str, Any]] = {
    "t5": {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4,
           "dropout_rate": 0.0, "decoder_start_token_id": PAD},
    "codegen": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 128,
                "n_ctx": 128},
    "qwen2": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
              "num_attention_heads": 4, "num_key_value_heads": 2},
}  # fmt: skip


@click.command(help=__doc__)
@click.option("--batches", type=click.IntRange(1), default=200, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(batches: int, seed: int) -> None:
    worst = {kind: _worst(kind, batches, seed) for kind in SHAPES}
    click.echo(f"{'worst relative error':<22}" + "".join(f"{kind:>12}" for kind in SHAPES))
    for row in ROWS:
        click.echo(f"{row:<22}" + "".join(f"{worst[kind][row]:>12.1e}" for kind in SHAPES))
    value = max(error for errors in worst.values() for error in errors.values())
    met = value <= TARGET
    verdict = "met" if met else "MISSED"
    click.echo(f"{batches} batches: {value:.2g} (target <= {TARGET:g}) {verdict}")
    sys.exit(not met)


def _worst(kind: str, batches: int, seed: int) -> dict[str, float]:
    chance = random.Random(seed)
    model = _model(kind, seed)
    exact = copy.deepcopy(model).double()
    worst: dict[str, float] = defaultdict(float)
    for _ in track(range(batches), kind, disable=not sys.stderr.isatty()):
        pairs, samples = _batch(exact, chance)
        aggregate: Any = chance.choice(AGGREGATES)
        policy: Any = chance.choice(POLICIES)
        loss = Loss(policy=policy, aggregate=aggregate)
        found = _step(model, loss, pairs, samples, chance.randint(1, 8))
        expected = _expected(exact, loss, pairs, samples)
        for name, value in expected.items():
            row = name if name in ROWS else f"{name}, {policy}"
            worst[row] = max(worst[row], abs(found[f"loss/{name}"] / value - 1))
    return worst


def _model(kind: str, seed: int) -> Any:
    torch.manual_seed(seed)
    ends = {"bos_token_id": END, "eos_token_id": END, "pad_token_id": PAD}
    config = transformers.AutoConfig.for_model(kind, vocab_size=VOCABULARY, **ends, **SHAPES[kind])
    of_two: Any = transformers.AutoModelForSeq2SeqLM
    of_one: Any = transformers.AutoModelForCausalLM
    model = (of_two if config.is_encoder_decoder else of_one).from_config(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    return model.eval()


def _batch(exact: Any, chance: random.Random) -> tuple[list[Pair], list[Sample]]:
    """Solutions, and programs that were drawn from another policy than the current one."""
    pairs = [(_ids(chance), _ids(chance)) for _ in range(chance.randint(1, 8))]
    samples = []
    for number in range(chance.randint(1, 8)):
        prompt, answer = _ids(chance), _ids(chance)
        length, now = len(answer), _logprobs(exact, prompt, answer)
        blamed = [chance.random() < 0.3 for _ in answer]
        blamed[chance.randrange(length)] = True
        alpha = length / sum(blamed)
        samples.append(
            Sample(
                problem=str(number),
                prompt_ids=prompt,
                response_ids=answer,
                old_logprobs_T=torch.tensor([each + chance.gauss(0, 0.3) for each in now]),
                coarse_T=torch.full((length,), chance.uniform(-1.3, -0.1)),
                fine_T=torch.tensor([-0.3 * alpha * each for each in blamed]),
                adaptive_T=torch.tensor([chance.uniform(-1.3, 0.3) for _ in answer]),
                policy_version=0,
                truncated=False,
                graded=True,
                passed=False,
            )
        )
    return pairs, samples


def _ids(chance: random.Random) -> tuple[int, ...]:
    return tuple(chance.randrange(VOCABULARY) for _ in range(chance.randint(8, LONGEST)))


def _step(
    model: Any, loss: Loss, pairs: Sequence[Pair], samples: Sequence[Sample], micro: int
) -> dict[str, float]:
    """What a step says of its loss. Its rate is 0, so that the model stays as it is."""
    accelerator = Accelerator(cpu=True)
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.0))
    updater = Updater(
        accelerator, Policy(model, None, (END,), PAD), model, optimizer, loss, LONGEST
    )
    return updater.step(Optimizer(micro_batch_size=micro), 0.0, pairs, samples)


def _expected(
    exact: Any, loss: Loss, pairs: Sequence[Pair], samples: Sequence[Sample]
) -> dict[str, float]:
    imitated = [[-each for each in _logprobs(exact, *pair)] for pair in pairs]
    terms = {"sl": _aggregated(imitated, loss.aggregate)}
    drawn = [_logprobs(exact, each.prompt_ids, each.response_ids) for each in samples]
    for name in TERMS:
        rows = []
        for sample, now in zip(samples, drawn, strict=True):
            tokens = zip(
                now, getattr(sample, f"{name}_T").tolist(), sample.old_logprobs_T.tolist(),
                strict=True,
            )  # fmt: skip
            rows.append([_of_token(*token, loss) for token in tokens])
        terms[name] = _aggregated(rows, loss.aggregate)
    return terms


def _logprobs(exact: Any, prompt: Sequence[int], answer: Sequence[int]) -> list[float]:
    """log p of each token of an answer."""
    with torch.no_grad():
        if exact.config.is_encoder_decoder:
            before = torch.tensor([[PAD, *answer[:-1]]])
            logits_TV = exact(input_ids=torch.tensor([prompt]), decoder_input_ids=before).logits[0]
        else:
            logits_TV = exact(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    chosen: list[float] = logits_TV.log_softmax(-1)[range(len(answer)), answer].tolist()
    return chosen


def _of_token(logprob: float, weight: float, old: float, loss: Loss) -> float:
    if loss.policy == "reinforce":
        return -weight * logprob
    ratio = math.exp(logprob - old)
    within = min(max(ratio, 1 - loss.clip_low), 1 + loss.clip_high)
    return -min(ratio * weight, within * weight)


def _aggregated(rows: Sequence[Sequence[float]], how: str) -> float:
    if how == "token-mean":
        return math.fsum(map(math.fsum, rows)) / sum(map(len, rows))
    if how == "sequence-mean":
        return math.fsum(math.fsum(row) / len(row) for row in rows) / len(rows)
    total = math.fsum(map(math.fsum, rows)) / len(rows)
    return total if how == "sequence-sum" else total / LONGEST


if __name__ == "__main__":
    main()
