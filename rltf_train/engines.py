"""Generation: one interface, and the engines behind it."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from transformers import PreTrainedModel

from rltf_train.kv_cache import new_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One sampled answer. `logprobs` are of the model itself: full vocabulary, temperature 1."""

    ids: tuple[int, ...]  # the end token included where it was sampled
    logprobs: tuple[float, ...]
    truncated: bool  # no end token within the limit


class Engine(Protocol):
    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        temperature: float,
        top_p: float,
        max_tokens: int,
    ) -> list[Generation]:
        """Sample one answer per prompt, in the order of prompts; temperature 0 is greedy."""
        ...

    def update(self, version: int) -> None:
        """The weights have changed: what is sampled from now on is of this version."""
        ...

    def close(self) -> None: ...


KEEP = 0.85


class HuggingFaceEngine:
    """Samples from the very model that is trained."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        eos_ids: Sequence[int],
        pad_id: int,
        batch_size: int = 64,
    ) -> None:
        self.model = model
        self.eos_ids = tuple(eos_ids)
        self.pad_id = pad_id
        self.batch_size = batch_size

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        temperature: float,
        top_p: float,
        max_tokens: int,
    ) -> list[Generation]:
        # Prompts of like length share a batch: little padding, and equal prompts stand together.
        order = sorted(range(len(prompts)), key=lambda row: (len(prompts[row]), prompts[row]))
        results: dict[int, Generation] = {}
        with torch.no_grad(), _evaluating(self.model):
            for start in range(0, len(order), self.batch_size):
                rows = order[start : start + self.batch_size]
                decoding = _Decoding(self.model, [prompts[row] for row in rows], self.pad_id)
                sampled = decoding.run(self.eos_ids, temperature, top_p, max_tokens)
                results.update(zip(rows, sampled, strict=True))
        return [results[row] for row in range(len(prompts))]

    def update(self, version: int) -> None:
        """Nothing to do: the model is the trainer's own."""

    def close(self) -> None:
        """Nothing to do: the model is the trainer's own."""


@contextmanager
def _evaluating(model: PreTrainedModel) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


class _Decoding:
    """One batch on its way: what the model needs for the next token of each row still alive."""

    def __init__(
        self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], pad_id: int
    ) -> None:
        self.model = model
        accepted = inspect.signature(model.forward).parameters
        self.extra: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self.takes_positions = "position_ids" in accepted
        self.cache = new_cache(model)
        # A prompt sampled many times is read once, and its cache copied.
        unique = list(dict.fromkeys(tuple(prompt) for prompt in prompts))
        place = {prompt: row for row, prompt in enumerate(unique)}
        if model.config.is_encoder_decoder:
            self.logits_BV = self._encode(unique, pad_id)
        else:
            self.logits_BV = self._prefill(unique, pad_id)
        self.select(torch.tensor([place[tuple(p)] for p in prompts], device=model.device))

    def _pad(
        self, prompts: Sequence[Sequence[int]], pad_id: int, *, left: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        width = max(map(len, prompts))
        ids_BT = torch.full((len(prompts), width), pad_id)
        mask_BT = torch.zeros((len(prompts), width), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            filled = slice(width - len(prompt), width) if left else slice(0, len(prompt))
            ids_BT[row, filled] = torch.tensor(prompt)
            mask_BT[row, filled] = 1
        return ids_BT.to(self.model.device), mask_BT.to(self.model.device)

    def _prefill(self, prompts: Sequence[Sequence[int]], pad_id: int) -> torch.Tensor:
        ids_BT, self.mask_BT = self._pad(prompts, pad_id, left=True)
        self.encoded = None
        positions_BT = (self.mask_BT.cumsum(-1) - 1).clamp(min=0)
        self.position_B = positions_BT[:, -1]
        return self._forward(ids_BT, positions_BT)

    def _encode(self, prompts: Sequence[Sequence[int]], pad_id: int) -> torch.Tensor:
        ids_BT, self.mask_BT = self._pad(prompts, pad_id, left=False)
        self.encoded = self.model.get_encoder()(input_ids=ids_BT, attention_mask=self.mask_BT)
        start = self.model.generation_config.decoder_start_token_id
        start = self.model.config.decoder_start_token_id if start is None else start
        return self._forward(torch.full_like(ids_BT[:, :1], start), None)

    def _forward(self, ids_BT: torch.Tensor, positions_BT: torch.Tensor | None) -> torch.Tensor:
        if self.encoded is not None:
            inputs = {"decoder_input_ids": ids_BT, "encoder_outputs": self.encoded}
        else:
            inputs = {"input_ids": ids_BT}
            if self.takes_positions:
                inputs["position_ids"] = positions_BT
        output = self.model(
            **inputs,
            attention_mask=self.mask_BT,
            past_key_values=self.cache,
            use_cache=True,
            return_dict=True,
            **self.extra,
        )
        return output.logits[:, -1].float()

    def select(self, rows: torch.Tensor) -> None:
        """Make row i what row `rows[i]` was."""
        self.cache.reorder_cache(rows)
        self.logits_BV = self.logits_BV[rows]
        self.mask_BT = self.mask_BT[rows]
        if self.encoded is not None:
            self.encoded.last_hidden_state = self.encoded.last_hidden_state[rows]
        else:
            self.position_B = self.position_B[rows]

    def step(self, token_B: torch.Tensor) -> None:
        if self.encoded is not None:
            self.logits_BV = self._forward(token_B[:, None], None)
            return
        self.mask_BT = torch.cat([self.mask_BT, self.mask_BT.new_ones(len(token_B), 1)], dim=-1)
        self.position_B = self.position_B + 1
        self.logits_BV = self._forward(token_B[:, None], self.position_B[:, None])

    def run(
        self, eos_ids: Sequence[int], temperature: float, top_p: float, max_tokens: int
    ) -> list[Generation]:
        device = self.model.device
        eos = torch.tensor(eos_ids, device=device)
        row_B = torch.arange(len(self.logits_BV), device=device)
        ids_BT = torch.zeros((len(row_B), max_tokens), dtype=torch.long, device=device)
        logprobs_BT = torch.zeros((len(row_B), max_tokens), device=device)
        alive_B = torch.ones_like(row_B, dtype=torch.bool)
        for step in range(max_tokens):
            token_B, logprob_B = sample(self.logits_BV, temperature, top_p)
            ids_BT[row_B, step] = token_B
            logprobs_BT[row_B, step] = logprob_B
            alive_B &= ~torch.isin(token_B, eos)
            count = int(alive_B.sum())
            if not count:
                break
            if count <= KEEP * len(alive_B):
                kept = alive_B.nonzero().squeeze(-1)
                self.select(kept)
                row_B, token_B, alive_B = row_B[kept], token_B[kept], alive_B[kept]
            if step + 1 < max_tokens:
                self.step(token_B)
        return [
            _generation(ids, logprobs, frozenset(eos_ids))
            for ids, logprobs in zip(ids_BT.tolist(), logprobs_BT.tolist(), strict=True)
        ]


def _generation(ids: list[int], logprobs: list[float], eos_ids: frozenset[int]) -> Generation:
    """Cut behind the first end token: what follows was computed for company only."""
    end = next((place for place, token in enumerate(ids, 1) if token in eos_ids), None)
    return Generation(ids=tuple(ids[:end]), logprobs=tuple(logprobs[:end]), truncated=end is None)


def sample(
    logits_BV: torch.Tensor, temperature: float, top_p: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """One token per row, and its log-probability under the unchanged logits."""
    logprobs_BV = logits_BV.log_softmax(-1)
    if temperature == 0:
        token_B1 = logprobs_BV.argmax(-1, keepdim=True)
    else:
        probs_BV = (logprobs_BV / temperature).softmax(-1)
        if top_p < 1:
            probs_BK, ids_BK = _nucleus(probs_BV, top_p)
            token_B1 = ids_BK.gather(-1, _draw(probs_BK))
        else:
            token_B1 = _draw(probs_BV)
    return token_B1.squeeze(-1), logprobs_BV.gather(-1, token_B1).squeeze(-1)


def _nucleus(probs_BV: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest tokens that together reach top_p, the likeliest first; the others get 0."""
    # Sorting a large vocabulary costs more than a small model's forward pass, and the nucleus
    # mostly lies within the first thousand.
    ranked_BK, ids_BK = probs_BV.topk(min(1024, probs_BV.shape[-1]))
    if ranked_BK.shape != probs_BV.shape and ranked_BK.sum(-1).min() < top_p:
        ranked_BK, ids_BK = probs_BV.sort(dim=-1, descending=True)
    before_BK = ranked_BK.cumsum(-1, dtype=torch.float64) - ranked_BK
    return ranked_BK.masked_fill(before_BK >= top_p, 0), ids_BK


def _draw(weights_BV: torch.Tensor) -> torch.Tensor:
    """An index per row with probability proportional to its weight, by the inverse of the sum."""
    # torch.multinomial draws a random number per token of the vocabulary: thirty times slower.
    # Double precision: in single, the sums round away the rare tokens of a large vocabulary.
    sums_BV = weights_BV.cumsum(-1, dtype=torch.float64)
    total_B1 = sums_BV[:, -1:]
    uniform_B1 = torch.rand(total_B1.shape, dtype=torch.float64, device=weights_BV.device)
    # `right`: the first index whose sum is above the point, so never one of weight 0.
    return torch.searchsorted(sums_BV, uniform_B1 * total_B1, right=True)
