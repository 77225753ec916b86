"""One optimizer step: a batch cut into micro-batches, the terms of its loss, the gradient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor

from rltf_train import losses
from rltf_train.config import Loss, Optimizer
from rltf_train.policy import IdsLists, Policy, logprobs, without_dropout
from rltf_train.rollouts import Sample

#: A prompt and the answer to imitate.
Pair = tuple[tuple[int, ...], tuple[int, ...]]

_Item = TypeVar("_Item", Pair, Sample)
_TERMS = ("coarse", "fine", "adaptive")


def make_optimizer(model: torch.nn.Module, config: Optimizer) -> torch.optim.AdamW:
    """AdamW; as usual, biases and the weights of norms are not decayed."""
    trained = [each for each in model.parameters() if each.requires_grad]
    matrices = [each for each in trained if each.dim() > 1]
    vectors = [each for each in trained if each.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas)


def learning_rate(config: Optimizer, step: int, steps: int) -> float:
    """The rate of a step, counted from 0, of `steps`."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    done = (step - config.warmup_steps) / max(steps - config.warmup_steps, 1)
    return config.lr * (1 - (1 - config.final_lr) * min(done, 1.0))


class Updater:
    """Takes optimizer steps. Sizes of batches in the configuration are over all processes: what
    `step` is given is this process's share."""

    def __init__(
        self,
        accelerator: Accelerator,
        policy: Policy,
        model: torch.nn.Module,
        optimizer: Any,
        config: Loss,
        longest: int,
    ) -> None:
        self._accelerator, self._policy, self._model = accelerator, policy, model
        self._optimizer, self._config, self._longest = optimizer, config, longest
        self._numbers: dict[str, float] = {}

    def step(
        self,
        optim: Optimizer,
        rate: float,
        pairs: Sequence[Pair],
        samples: Sequence[Sample],
        *,
        sl: float = 1.0,
    ) -> dict[str, float]:
        """One step down L_total of the pairs (`sl` L_sl) and the samples (all other terms).

        Returns the terms, weighted as they entered, over all processes.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._numbers = defaultdict(float)
        work = [*self._imitation(pairs, optim, sl), *self._reinforcement(samples, optim)]
        if not work:
            return {"lr": rate}
        accelerator = self._accelerator
        accelerator.gradient_accumulation_steps, accelerator.step = len(work), 0
        norm: Any = 0.0
        for compute in work:
            with accelerator.accumulate(self._model):
                terms = compute()
                for name, value in terms.items():
                    self._numbers[f"loss/{name}"] += float(value.detach())
                # accelerate divides by the micro-batches, and averages over the processes.
                scale = len(work) * accelerator.num_processes
                accelerator.backward(torch.stack(list(terms.values())).sum() * scale)
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(self._model.parameters(), optim.grad_clip)
                self._optimizer.step()
                self._optimizer.zero_grad()
        totals = self._sums(self._numbers)
        totals["loss/total"] = sum(value for key, value in totals.items() if "loss/" in key)
        return {**totals, "grad_norm": float(norm), "lr": rate}

    def _imitation(
        self, pairs: Sequence[Pair], optim: Optimizer, weight: float
    ) -> Iterator[Callable[[], dict[str, Tensor]]]:
        """Micro-batches of L_sl, to be computed when their turn comes."""
        total = self._divisor([len(answer) for _, answer in pairs])

        def compute(chunk: Sequence[Pair]) -> dict[str, Tensor]:
            self._model.train()
            prompts, answers = zip(*chunk, strict=True)
            logprobs_BT, mask_BT = self._logprobs(prompts, answers)
            loss_BT = losses.supervised(logprobs_BT)
            return {"sl": weight * self._aggregate(loss_BT, mask_BT, total)}

        for chunk in _by_length(pairs, optim.micro_batch_size, lambda pair: len(pair[0] + pair[1])):
            yield partial(compute, chunk)

    def _reinforcement(
        self, samples: Sequence[Sample], optim: Optimizer
    ) -> Iterator[Callable[[], dict[str, Tensor]]]:
        """Micro-batches of L_coarse, L_fine and L_adaptive."""
        lengths = [len(each.response_ids) for each in samples if each.graded]
        total = self._divisor(lengths)
        tokens = self._sums({"tokens": float(sum(lengths))})["tokens"]

        def compute(chunk: Sequence[Sample]) -> dict[str, Tensor]:
            without_dropout(self._model)
            prompts, answers = zip(*((s.prompt_ids, s.response_ids) for s in chunk), strict=True)
            logprobs_BT, mask_BT = self._logprobs(prompts, answers)
            graded_B = torch.tensor([each.graded for each in chunk], device=mask_BT.device)
            mask_BT = mask_BT & graded_B[:, None]
            terms = policy_terms(
                chunk, logprobs_BT, mask_BT, self._config, total, self._numbers, tokens
            )
            # Processes must go through the model alike, also where no term is switched on.
            return terms or {"coarse": 0.0 * logprobs_BT.sum()}

        if self._accelerator.num_processes == 1:  # several must go through equally many
            samples = [each for each in samples if self._matters(each)] or samples[:1]
        size = lambda each: len(each.prompt_ids) + len(each.response_ids)  # noqa: E731
        for chunk in _by_length(samples, optim.micro_batch_size, size):
            yield partial(compute, chunk)

    def _matters(self, sample: Sample) -> bool:
        """Whether a term gives it a gradient: a model need not read what has no weight."""
        switched_on = [name for name in _TERMS if getattr(self._config, name)]
        return sample.graded and any(getattr(sample, f"{name}_T").any() for name in switched_on)

    def _logprobs(self, prompts: IdsLists, answers: IdsLists) -> tuple[Tensor, Tensor]:
        return logprobs(self._model, prompts, answers, pad_id=self._policy.pad_id)

    def _aggregate(self, loss_BT: Tensor, mask_BT: Tensor, total: float) -> Tensor:
        return losses.aggregate(loss_BT, mask_BT, self._config.aggregate, total=total)

    def _divisor(self, lengths: Sequence[int]) -> float:
        counts = {"tokens": float(sum(lengths)), "sequences": float(len(lengths))}
        whole = {key: round(value) for key, value in self._sums(counts).items()}
        return losses.divisor(self._config.aggregate, **whole, longest=self._longest)

    def _sums(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """Over all processes."""
        means = over_processes(self._accelerator, numbers)
        return {key: value * self._accelerator.num_processes for key, value in means.items()}


def over_processes(accelerator: Accelerator, numbers: Mapping[str, float]) -> dict[str, float]:
    """The means over all processes, which have the same keys."""
    if accelerator.num_processes == 1:
        return dict(numbers)
    keys = sorted(numbers)
    values = torch.tensor([numbers[key] for key in keys], dtype=torch.float64)
    values = values.to(accelerator.device)
    means: Tensor = accelerator.reduce(values, "mean")
    return dict(zip(keys, means.tolist(), strict=True))


def policy_terms(
    samples: Sequence[Sample],
    logprobs_BT: Tensor,
    mask_BT: Tensor,
    config: Loss,
    total: float,
    numbers: dict[str, float],
    tokens: float,
) -> dict[str, Tensor]:
    """L_coarse, L_fine and L_adaptive of a micro-batch, those that are switched on, times their
    weights. Adds to `numbers` the share of `tokens` that the clip cuts off from a term."""
    old_BT = _stacked([each.old_logprobs_T for each in samples], logprobs_BT)
    clip = {"low": config.clip_low, "high": config.clip_high}
    terms, clipped_BT = {}, torch.zeros_like(mask_BT)
    for name in _TERMS:
        weight = getattr(config, name)
        if not weight:
            continue
        weights_BT = _stacked([getattr(each, f"{name}_T") for each in samples], logprobs_BT)
        if config.policy == "reinforce":
            loss_BT = losses.reinforce(logprobs_BT, weights_BT)
        else:
            loss_BT = losses.ppo_clip(logprobs_BT, weights_BT, old_BT, **clip)
            clipped_BT |= losses.clipped(logprobs_BT.detach(), weights_BT, old_BT, **clip)
        terms[name] = weight * losses.aggregate(loss_BT, mask_BT, config.aggregate, total=total)
    if config.policy == "ppo-clip":
        numbers["ratio/clipped"] += float((clipped_BT & mask_BT).sum()) / max(tokens, 1.0)
    return terms


def _stacked(rows: Sequence[Tensor], like_BT: Tensor) -> Tensor:
    """Rows of unequal length as one tensor, 0 beyond their ends. Shape (B, T)."""
    stacked_BT = torch.zeros(like_BT.shape, dtype=torch.float32)
    for number, row_T in enumerate(rows):
        stacked_BT[number, : len(row_T)] = row_T
    return stacked_BT.to(like_BT.device)


def _by_length(
    items: Sequence[_Item], count: int, length: Callable[[_Item], int]
) -> Iterator[Sequence[_Item]]:
    """Micro-batches of like length, so that little of them is padding."""
    ordered = sorted(items, key=length)
    for at in range(0, len(ordered), count):
        yield ordered[at : at + count]
