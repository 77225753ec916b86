"""Optimizer steps: every number against a computation of its own, in float64 and by program."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")

import torch
import transformers
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from torch import Tensor

from rltf_train.config import Loss, Optimizer
from rltf_train.policy import Policy
from rltf_train.rollouts import Sample
from rltf_train.update import Pair, Updater, learning_rate, make_optimizer

KINDS = ("t5", "codegen", "qwen2")
AGGREGATES = ("token-mean", "sequence-mean", "sequence-sum", "constant")
TERMS = ("coarse", "fine", "adaptive")
VOCABULARY, EOS, PAD = 60, 1, 0
LONGEST = 30
SL = 0.5
ALL: dict[str, Any] = {"coarse": 0.7, "fine": 1.3, "adaptive": 0.4, "clip_low": 0.2,
                       "clip_high": 0.3}  # fmt: skip


@pytest.fixture(autouse=True)
def accelerate_begins_anew() -> Iterator[None]:
    """It keeps its settings for as long as a process lives."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def tiny(kind: str, dropout: float = 0.0) -> Any:
    """A model of two layers with random weights."""
    torch.manual_seed(0)
    shapes: dict[str, dict[str, Any]] = {
        "t5": {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2,
               "decoder_start_token_id": PAD, "dropout_rate": dropout},
        "codegen": {"n_layer": 2, "n_positions": 64, "n_ctx": 64, "n_embd": 32, "n_head": 4,
                    "rotary_dim": 4, "resid_pdrop": dropout, "embd_pdrop": dropout},
        "qwen2": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
                  "num_attention_heads": 2, "num_key_value_heads": 1,
                  "attention_dropout": dropout},
    }  # fmt: skip
    ends = {"bos_token_id": EOS, "eos_token_id": EOS, "pad_token_id": PAD}
    config = transformers.AutoConfig.for_model(kind, vocab_size=VOCABULARY, **ends, **shapes[kind])
    two: Any = transformers.AutoModelForSeq2SeqLM
    one: Any = transformers.AutoModelForCausalLM
    model = (two if kind == "t5" else one).from_config(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    return model.eval()


def alone(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> Tensor:
    """log p of an answer's tokens, by a forward pass without padding. Shape (T,)."""
    if model.config.is_encoder_decoder:
        before = torch.tensor([[PAD, *answer[:-1]]])
        logits_TV = model(input_ids=torch.tensor([prompt]), decoder_input_ids=before).logits[0]
    else:
        logits_TV = model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    logprobs_TV: Tensor = logits_TV.log_softmax(-1)
    return logprobs_TV[torch.arange(len(answer)), torch.tensor(answer)]


@dataclass(frozen=True)
class Batch:
    pairs: list[Pair]
    samples: list[Sample]


def batch(model: Any, seed: int = 0, count: int = 7) -> Batch:
    """Solutions, and programs whose weights are mostly below zero, as those of bad programs are."""
    chance = random.Random(seed)

    def ids(longest: int) -> tuple[int, ...]:
        return tuple(chance.randrange(VOCABULARY) for _ in range(chance.randint(1, longest)))

    def weights(low: float, high: float, length: int) -> Tensor:
        return torch.tensor([chance.uniform(low, high) for _ in range(length)])

    samples = []
    for number in range(count):
        prompt, answer = ids(9), (*ids(LONGEST - 1), EOS)
        length = len(answer)
        blamed = torch.tensor([chance.random() < 0.4 for _ in answer])
        with torch.no_grad():
            now_T = alone(model, prompt, answer)
        samples.append(
            Sample(
                problem=f"p/{number}",
                prompt_ids=prompt,
                response_ids=answer,
                old_logprobs_T=(now_T + weights(-0.6, 0.6, length)).float(),
                coarse_T=weights(-1.3, 0.2, 1).expand(length).clone(),
                fine_T=-0.3 * length / max(int(blamed.sum()), 1) * blamed,
                adaptive_T=weights(-1.3, 0.2, length),
                policy_version=0,
                truncated=False,
                graded=True,
                passed=False,
            )
        )
    return Batch([(ids(9), (*ids(LONGEST - 1), EOS)) for _ in range(count - 2)], samples)


def updater(model: Any, loss: Loss, optimizer: Any = None) -> tuple[Updater, Any]:
    """With plain gradient descent, unless there is another optimizer."""
    accelerator = Accelerator(cpu=True)
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=9.0)
    model, optimizer = accelerator.prepare(model, optimizer)
    policy = Policy(model, None, (EOS,), PAD)
    return Updater(accelerator, policy, model, optimizer, loss, LONGEST), optimizer


def step(
    model: Any,
    loss: Loss,
    pairs: Sequence[Pair],
    samples: Sequence[Sample],
    *,
    rate: float = 1.0,
    micro: int = 3,
    clip: float = 1e9,
) -> dict[str, float]:
    """One step of gradient descent."""
    made, _ = updater(model, loss)
    return made.step(Optimizer(micro_batch_size=micro, grad_clip=clip), rate, pairs, samples, sl=SL)


def flat(model: Any) -> Tensor:
    """All weights in a row."""
    return torch.cat([each.detach().flatten() for each in model.parameters()])


# --- the rate ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        # Up in 4 steps, then down from 1 to 0.2 in 8: 0.1 less in each.
        *[(0, 0.25), (1, 0.5), (2, 0.75), (3, 1.0)],
        *[(4, 1.0), (5, 0.9), (6, 0.8), (8, 0.6), (11, 0.3)],
        *[(12, 0.2), (99, 0.2)],
    ],
)
def test_the_rate_rises_and_falls(step: int, expected: float) -> None:
    config = Optimizer(lr=3e-4, warmup_steps=4, final_lr=0.2)
    assert learning_rate(config, step, 12) == pytest.approx(3e-4 * expected, rel=1e-12)


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 0, [1.0, 1.0, 1.0, 1.0]),
        ("constant", 2, [0.5, 1.0, 1.0, 1.0]),
        ("linear", 0, [1.0, 0.75, 0.5, 0.25]),
        ("linear", 4, [0.25, 0.5, 0.75, 1.0]),
        ("linear", 8, [0.125, 0.25, 0.375, 0.5]),  # it never gets there
    ],
)
def test_the_rates_of_four_steps(schedule: Any, warmup: int, expected: list[float]) -> None:
    config = Optimizer(lr=0.5, schedule=schedule, warmup_steps=warmup)
    found = [learning_rate(config, step, 4) for step in range(4)]
    assert found == pytest.approx([0.5 * each for each in expected], rel=1e-12)


def test_the_rate_is_that_of_the_step() -> None:
    model = tiny("qwen2")
    made, optimizer = updater(model, Loss())
    numbers = made.step(Optimizer(), 0.125, batch(model).pairs, [])
    assert numbers["lr"] == 0.125
    assert [group["lr"] for group in optimizer.param_groups] == [0.125]


# --- the terms -----------------------------------------------------------------------------------

Rows = list[list[float]]


def aggregated(rows: Rows, how: str) -> float:
    """One number of a list of losses for each program, in plain Python."""
    total = math.fsum(each for row in rows for each in row)
    if how == "token-mean":
        return total / sum(map(len, rows))
    if how == "sequence-mean":
        return math.fsum(math.fsum(row) / len(row) for row in rows) / len(rows)
    if how == "sequence-sum":
        return total / len(rows)
    return total / (len(rows) * LONGEST)


def surrogate(logprob: float, weight: float, old: float, loss: Loss) -> float:
    if loss.policy == "reinforce":
        return -weight * logprob
    ratio = math.exp(logprob - old)
    within = min(max(ratio, 1 - loss.clip_low), 1 + loss.clip_high)
    return -min(ratio * weight, within * weight)


def expected_terms(model: Any, loss: Loss, given: Batch) -> dict[str, float]:
    """By a copy of the model in float64, a program at a time."""
    exact = _copy(model).double()
    with torch.no_grad():
        imitated: Rows = [alone(exact, *pair).neg().tolist() for pair in given.pairs]
        drawn: Rows = [alone(exact, s.prompt_ids, s.response_ids).tolist() for s in given.samples]
    terms = {"loss/sl": SL * aggregated(imitated, loss.aggregate)}
    for name in TERMS:
        rows = [
            [
                surrogate(logprob, weight, old, loss)
                for logprob, weight, old in zip(
                    logprobs, getattr(s, f"{name}_T").tolist(), s.old_logprobs_T.tolist(),
                    strict=True,
                )
            ]
            for logprobs, s in zip(drawn, given.samples, strict=True)
        ]  # fmt: skip
        terms[f"loss/{name}"] = getattr(loss, name) * aggregated(rows, loss.aggregate)
    terms["loss/total"] = math.fsum(terms.values())
    return terms


def _copy(model: Any) -> Any:
    other = type(model)(model.config).eval()
    other.load_state_dict(model.state_dict())
    return other


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", ["reinforce", "ppo-clip"])
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_every_term(kind: str, policy: Any, aggregate: Any) -> None:
    model = tiny(kind)
    given = batch(model)
    loss = Loss(policy=policy, aggregate=aggregate, **ALL)
    expected = expected_terms(model, loss, given)
    numbers = step(model, loss, given.pairs, given.samples)
    assert {key for key in numbers if key.startswith("loss/")} == expected.keys()
    size = sum(map(abs, expected.values()))
    total = expected.pop("loss/total")
    for name, value in expected.items():
        assert abs(value) > 0.01
        assert numbers[name] == pytest.approx(value, rel=1e-6), name
    # L_sl and the others have opposite signs: little may be left.
    assert numbers["loss/total"] == pytest.approx(total, abs=1e-6 * size)


def test_terms_that_are_off_are_not_there() -> None:
    model = tiny("qwen2")
    given = batch(model)
    loss = Loss(**{**ALL, "coarse": 0.0, "adaptive": 0.0})
    expected = expected_terms(model, loss, given)
    numbers = step(model, loss, [], given.samples)
    assert {key for key in numbers if key.startswith("loss/")} == {"loss/fine", "loss/total"}
    assert numbers["loss/total"] == numbers["loss/fine"] == pytest.approx(expected["loss/fine"])
    numbers = step(tiny("qwen2"), loss, given.pairs, [])
    assert {key for key in numbers if key.startswith("loss/")} == {"loss/sl", "loss/total"}
    assert numbers["loss/total"] == numbers["loss/sl"] == pytest.approx(expected["loss/sl"])


def test_the_share_of_tokens_that_are_clipped() -> None:
    model = tiny("codegen")
    given = batch(model)
    loss = Loss(**{**ALL, "fine": 0.0, "adaptive": 0.0, "policy": "ppo-clip"})
    clipped = total = 0
    for sample in given.samples:
        now = alone(model, sample.prompt_ids, sample.response_ids).tolist()
        weights, old = sample.coarse_T.tolist(), sample.old_logprobs_T.tolist()
        for logprob, before, weight in zip(now, old, weights, strict=True):
            ratio = math.exp(logprob - before)
            assert min(abs(ratio - 0.8), abs(ratio - 1.3)) > 1e-5  # no question of rounding
            clipped += ratio > 1.3 if weight > 0 else ratio < 0.8
            total += 1
    numbers = step(model, loss, [], given.samples)
    assert numbers["ratio/clipped"] == pytest.approx(clipped / total, rel=1e-9)
    assert 0 < clipped < total


# --- the gradient --------------------------------------------------------------------------------


def gradient(model: Any, loss: Loss, given: Batch) -> Tensor:
    """That of L_total with sums over programs, in float64. All weights in a row."""
    exact = _copy(model).double()
    imitated = [-alone(exact, *pair).sum() for pair in given.pairs]
    total = SL * torch.stack(imitated).mean()
    for sample in given.samples:
        now_T = alone(exact, sample.prompt_ids, sample.response_ids)
        ratio_T = torch.exp(now_T - sample.old_logprobs_T.double())
        for name in TERMS:
            weights_T = getattr(loss, name) * getattr(sample, f"{name}_T").double()
            if loss.policy == "reinforce":
                gain = (weights_T * now_T).sum()
            else:
                # The ratio where it may pull, and nothing where it is clipped.
                up, down = weights_T > 0, weights_T < 0
                free = (up & (ratio_T <= 1 + loss.clip_high)) | (down & (ratio_T >= 0.8))
                gain = (weights_T * ratio_T)[free].sum()
            total = total - gain / len(given.samples)
    slopes = torch.autograd.grad(total, list(exact.parameters()))
    return torch.cat([each.flatten() for each in slopes])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", ["reinforce", "ppo-clip"])
def test_a_step_goes_down_the_gradient(kind: str, policy: Any) -> None:
    model = tiny(kind)
    given = batch(model)
    loss = Loss(policy=policy, aggregate="sequence-sum", **ALL)
    slope, before = gradient(model, loss, given), flat(model).double()
    numbers = step(model, loss, given.pairs, given.samples, rate=0.01)
    assert numbers["grad_norm"] == pytest.approx(float(slope.norm()), rel=1e-5)
    moved = (before - flat(model).double()) / 0.01
    assert float((moved - slope).norm() / slope.norm()) < 1e-4
    assert float(slope.norm()) > 1


def test_a_steep_gradient_is_cut_short() -> None:
    model = tiny("qwen2")
    given, loss = batch(model), Loss(**ALL)
    slope, before = gradient(model, loss, given), flat(model).double()
    numbers = step(model, loss, given.pairs, given.samples, rate=1.0, clip=0.25)
    assert numbers["grad_norm"] == pytest.approx(float(slope.norm()), rel=1e-5)
    moved = before - flat(model).double()
    assert float(moved.norm()) == pytest.approx(0.25, rel=1e-4)
    assert float(torch.dot(moved, slope) / (moved.norm() * slope.norm())) > 1 - 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_the_micro_batches_do_not_matter(kind: str, aggregate: Any) -> None:
    loss = Loss(policy="ppo-clip", aggregate=aggregate, **ALL)
    given = batch(tiny(kind))
    found = []
    for micro in (1, 2, 3, 5, 100):
        model = tiny(kind)
        numbers = step(model, loss, given.pairs, given.samples, micro=micro, clip=1.0)
        found.append((flat(model), numbers))
    assert (found[0][0] - flat(tiny(kind))).norm() > 0.1
    for weights, numbers in found[1:]:
        assert (weights - found[0][0]).abs().max() <= 1e-6
        assert numbers == pytest.approx(found[0][1], rel=1e-5)


def test_nor_do_they_with_adam() -> None:
    given = batch(tiny("t5"))
    found = []
    for micro in (1, 3, 100):
        model, config = tiny("t5"), Optimizer(micro_batch_size=micro, weight_decay=0.1)
        made, _ = updater(model, Loss(**ALL), make_optimizer(model, config))
        for _ in range(2):
            made.step(config, 1e-4, given.pairs, given.samples)
        found.append(flat(model))
    assert (found[0] - flat(tiny("t5"))).abs().max() > 1e-4
    for weights in found[1:]:
        assert (weights - found[0]).abs().max() <= 1e-6


def test_the_order_does_not_matter() -> None:
    given, weights = batch(tiny("codegen")), []
    for turn in (1, -1):
        model = tiny("codegen")
        step(model, Loss(**ALL), given.pairs[::turn], given.samples[::turn], rate=0.01)
        weights.append(flat(model))
    assert (weights[0] - weights[1]).abs().max() <= 1e-6


# --- what does not count -------------------------------------------------------------------------


def ungraded(samples: Sequence[Sample]) -> list[Sample]:
    """Programs of which nothing is known, whatever their weights say."""
    return [
        replace(each, graded=False, coarse_T=each.coarse_T + 50, old_logprobs_T=each.coarse_T)
        for each in samples
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", ["reinforce", "ppo-clip"])
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_what_was_not_graded_changes_nothing(kind: str, policy: Any, aggregate: Any) -> None:
    loss = Loss(policy=policy, aggregate=aggregate, **ALL)
    model, other = tiny(kind), tiny(kind)
    given, more = batch(model), batch(model, seed=1, count=5)
    mixed = [*ungraded(more.samples[:3]), *given.samples, *ungraded(more.samples[3:])]
    expected = step(model, loss, given.pairs, given.samples, clip=1.0)
    numbers = step(other, loss, given.pairs, mixed, clip=1.0)
    assert numbers == pytest.approx(expected, rel=1e-5)
    assert (flat(other) - flat(model)).abs().max() <= 1e-6
    assert (flat(other) - flat(tiny(kind))).norm() > 0.1


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_where_nothing_was_graded_nothing_is_learnt(aggregate: Any) -> None:
    model = tiny("qwen2")
    numbers = step(model, Loss(aggregate=aggregate, **ALL), [], ungraded(batch(model).samples))
    assert torch.equal(flat(model), flat(tiny("qwen2")))
    assert numbers["loss/total"] == numbers["grad_norm"] == 0.0


def test_an_empty_step() -> None:
    model = tiny("qwen2")
    step(model, Loss(), [], [])
    assert torch.equal(flat(model), flat(tiny("qwen2")))


# --- decay and dropout ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_biases_and_norms_are_not_decayed(kind: str) -> None:
    """A step without a gradient leaves nothing but the decay, 1 - 0.1 * 0.5."""
    model, config = tiny(kind), Optimizer(weight_decay=0.5)
    given, before = batch(model), {k: v.clone() for k, v in model.state_dict().items()}
    made, _ = updater(model, Loss(**ALL), make_optimizer(model, config))
    nothing = [
        replace(
            each, coarse_T=0 * each.coarse_T, fine_T=0 * each.fine_T, adaptive_T=0 * each.fine_T
        )
        for each in given.samples
    ]
    made.step(config, 0.1, [], nothing)
    kept, decayed = [], []
    for name, weights in model.named_parameters():
        if torch.equal(weights, before[name]):
            kept.append(name)
        else:
            assert torch.allclose(weights, 0.95 * before[name], rtol=1e-6, atol=0), name
            decayed.append(name)
    assert kept and decayed
    assert all("norm" in name or "ln_" in name or name.endswith(".bias") for name in kept)
    assert not any("norm" in name or "ln_" in name or name.endswith(".bias") for name in decayed)


def test_what_is_frozen_is_not_trained() -> None:
    model = tiny("qwen2")
    for weights in model.model.parameters():
        weights.requires_grad_(False)
    groups = make_optimizer(model, Optimizer()).param_groups
    trained = [weights for group in groups for weights in group["params"]]
    assert [id(each) for each in trained] == [id(each) for each in model.lm_head.parameters()]


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_for_imitation_only(kind: str) -> None:
    """After L_sl, in the same step, it is off again."""
    given, loss = batch(tiny(kind)), Loss(**ALL)
    expected = expected_terms(tiny(kind), loss, given)
    model = tiny(kind, dropout=0.5)
    both = [step(model, loss, given.pairs, given.samples, rate=0.0) for _ in range(2)]
    assert abs(both[0]["loss/sl"] - both[1]["loss/sl"]) > 1e-3
    for numbers in both:
        for name in TERMS:
            assert numbers[f"loss/{name}"] == pytest.approx(expected[f"loss/{name}"], rel=1e-5)
