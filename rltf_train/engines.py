"""Sampling answers from a model: one interface, and the engines behind it."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from rltf_train.errors import TrainError
from rltf_train.kv_cache import Batch

# Rows that have ended are dropped when so few are left: dropping copies the cache.
_ALIVE = 0.85
# Sorting a large vocabulary takes longer than a small model; almost always this many tokens do.
_NUCLEUS = 1024
_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
_REQUESTS_AT_ONCE = 64
_HOW_TO_SERVE = (
    "weights can be changed in vLLM 0.18 or newer, started with VLLM_SERVER_DEV_MODE=1 "
    "where it can read the trainer's output folder under the same path"
)

Prompts = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A sampled answer. `logprobs` are the model's own: full vocabulary, temperature 1."""

    ids: tuple[int, ...]  # the end token included where it was sampled
    logprobs: tuple[float, ...]
    truncated: bool  # no end token within the limit


class Engine(Protocol):
    def generate(
        self, prompts: Prompts, *, temperature: float, top_p: float, max_tokens: int
    ) -> list[Generation]:
        """An answer to each prompt, in their order. Temperature 0 takes the likeliest tokens."""

    def update(self, version: int) -> None:
        """The weights have changed: what is sampled from now on is of this version."""

    def close(self) -> None: ...


class HuggingFaceEngine:
    """Samples from the very model that is trained, `batch_size` answers at a time.

    Its own loop instead of `model.generate`: answers that have ended are dropped, a prompt that
    is sampled often is read once, and nothing of the model's generation configuration holds.
    """

    def __init__(
        self, model: PreTrainedModel, *, eos_ids: Sequence[int], pad_id: int, batch_size: int = 128
    ) -> None:
        # Of a model with adapters the one inside, which has them in its layers.
        self._model: PreTrainedModel = getattr(model, "get_base_model", lambda: model)()
        self._eos_ids = frozenset(eos_ids)
        self._pad_id = pad_id
        self._batch_size = batch_size

    def generate(
        self, prompts: Prompts, *, temperature: float, top_p: float, max_tokens: int
    ) -> list[Generation]:
        # Prompts of one length share a batch (little padding), and so do equal ones.
        order = sorted(range(len(prompts)), key=lambda row: (len(prompts[row]), prompts[row]))
        results: dict[int, Generation] = {}
        # Not inference_mode: a buffer that the model makes now could not be trained with later.
        with torch.no_grad(), _evaluating(self._model):
            for at in range(0, len(order), self._batch_size):
                rows = order[at : at + self._batch_size]
                batch = Batch(self._model, [prompts[row] for row in rows], self._pad_id)
                drawn = _decode(batch, self._eos_ids, temperature, top_p, max_tokens)
                results.update(zip(rows, drawn, strict=True))
        return [results[row] for row in range(len(prompts))]

    def update(self, version: int) -> None:
        """The model is the trainer's own: it has changed already."""

    def close(self) -> None:
        """The model is the trainer's own: it stays."""


@contextmanager
def _evaluating(model: PreTrainedModel) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.train(False)
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _decode(
    batch: Batch, eos_ids: frozenset[int], temperature: float, top_p: float, max_tokens: int
) -> list[Generation]:
    device = batch.scores_BV.device
    eos = torch.tensor(sorted(eos_ids), device=device)
    row_B = torch.arange(len(batch.scores_BV), device=device)
    alive_B = torch.ones_like(row_B, dtype=torch.bool)
    ids_BT = torch.zeros((len(row_B), max_tokens), dtype=torch.long, device=device)
    logprobs_BT = torch.zeros((len(row_B), max_tokens), device=device)
    for step in range(max_tokens):
        token_B, logprobs_BT[row_B, step] = sample(batch.scores_BV, temperature, top_p)
        ids_BT[row_B, step] = token_B
        alive_B &= ~torch.isin(token_B, eos)
        alive = int(alive_B.sum())
        if not alive:
            break
        if alive <= _ALIVE * len(alive_B):
            kept = alive_B.nonzero().squeeze(-1)
            batch.select(kept)
            row_B, alive_B, token_B = row_B[kept], alive_B[kept], token_B[kept]
        if step + 1 < max_tokens:
            batch.append(token_B)
    if not logprobs_BT.isfinite().all():
        raise TrainError("the model's scores are not finite: it has diverged (a lower lr may help)")
    return [
        _until_end(ids, logprobs, eos_ids)
        for ids, logprobs in zip(ids_BT.tolist(), logprobs_BT.tolist(), strict=True)
    ]


def _until_end(ids: list[int], logprobs: list[float], eos_ids: frozenset[int]) -> Generation:
    # What follows the end was sampled only because others in the batch went on.
    end = next((place for place, token in enumerate(ids, 1) if token in eos_ids), None)
    return Generation(ids=tuple(ids[:end]), logprobs=tuple(logprobs[:end]), truncated=end is None)


def sample(scores_BV: Tensor, temperature: float, top_p: float) -> tuple[Tensor, Tensor]:
    """A token for each row, and its log-probability under the unchanged scores."""
    logprobs_BV = scores_BV.log_softmax(-1)
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


def _nucleus(probs_BV: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """The fewest likeliest tokens that reach top_p together, the likeliest first; 0 for others."""
    ranked_BK, ids_BK = probs_BV.topk(min(_NUCLEUS, probs_BV.shape[-1]))
    if ranked_BK.shape != probs_BV.shape and ranked_BK.sum(-1).min() < top_p:
        ranked_BK, ids_BK = probs_BV.sort(descending=True)
    before_BK = ranked_BK.cumsum(-1, dtype=torch.float64) - ranked_BK
    return ranked_BK.masked_fill(before_BK >= top_p, 0), ids_BK


def _draw(weights_BV: Tensor) -> Tensor:
    """A place in each row, with a probability in proportion to its weight. Shape (B, 1).

    torch.multinomial draws a random number for each weight; this draws one for each row.
    """
    # In single precision the sums would swallow the rare tokens of a large vocabulary.
    sums_BV = weights_BV.cumsum(-1, dtype=torch.float64)
    drawn_B1 = torch.rand_like(sums_BV[:, :1]) * sums_BV[:, -1:]
    # The first place whose sum is larger, which is never one of weight 0. (No place: not a number.)
    return torch.searchsorted(sums_BV, drawn_B1, right=True).clamp(max=weights_BV.shape[-1] - 1)


class VllmEngine:
    """Samples from a vLLM server (0.18 or newer).

        VLLM_SERVER_DEV_MODE=1 vllm serve MODEL

    At every update `reload` saves the weights as a model folder and names it, and the server is
    told to load them from there, so it must see the folder under the same path. Without `reload`
    there are no updates. Log-probabilities are the model's own by the server's default,
    --logprobs-mode raw_logprobs.
    """

    def __init__(
        self,
        url: str,
        model_name: str,
        *,
        eos_ids: Sequence[int],
        reload: Callable[[int], Path] | None,
        timeout_seconds: float,
    ) -> None:
        self._url = url.rstrip("/")
        self._model_name = model_name
        self._eos_ids = list(eos_ids)
        self._reload = reload
        self._timeout_seconds = timeout_seconds

    def generate(
        self, prompts: Prompts, *, temperature: float, top_p: float, max_tokens: int
    ) -> list[Generation]:
        rows_of: dict[tuple[int, ...], list[int]] = {}
        for row, prompt in enumerate(prompts):
            rows_of.setdefault(tuple(prompt), []).append(row)
        options = {
            "model": self._model_name,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "stop_token_ids": self._eos_ids,
            "logprobs": 0,
            "return_token_ids": True,
            # Else the model's generation configuration would hold.
            "top_k": 0,
            "min_p": 0,
            "repetition_penalty": 1,
        }
        # A request for each prompt: a server samples all prompts of a request by the same seed.
        # From torch's generator, so that a run that is resumed goes on as it would have.
        seeds = torch.randint(2**53, (len(rows_of),)).tolist()
        requests = [
            # One greedy answer stands for all, and the server would refuse to make more.
            {**options, "prompt": prompt, "seed": seed, "n": len(rows) if temperature else 1}
            for (prompt, rows), seed in zip(rows_of.items(), seeds, strict=True)
        ]
        results: dict[int, Generation] = {}
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as threads:
            replies = threads.map(partial(self._post, "/v1/completions"), requests)
            for rows, reply in zip(rows_of.values(), replies, strict=True):
                drawn = _read_completions(reply)
                results.update(zip(rows, drawn if temperature else drawn * len(rows), strict=True))
        return [results[row] for row in range(len(prompts))]

    def update(self, version: int) -> None:
        if self._reload is None:
            raise TrainError(f"{self._url}: there is no way to give this server new weights")
        folder = str(self._reload(version).resolve())
        try:
            order = {"method": "reload_weights", "kwargs": {"weights_path": folder}}
            self._post("/collective_rpc", order)
            # Keys and values that the former weights made of a prompt are of no use now.
            self._post("/reset_prefix_cache", {})
        except TrainError as error:
            raise TrainError(f"{error}\n{_HOW_TO_SERVE}") from None

    def close(self) -> None:
        """The server is not ours: it stays."""

    def _post(self, path: str, content: dict[str, Any]) -> bytes:
        """The server's answer. Waits for a server that cannot be reached or says it is busy."""
        url = self._url + path
        request = urllib.request.Request(
            url, json.dumps(content).encode(), {"Content-Type": "application/json"}
        )
        for pause in (*_RETRY_SECONDS, None):
            try:
                with urllib.request.urlopen(request, timeout=self._timeout_seconds) as reply:
                    return bytes(reply.read())
            except urllib.error.HTTPError as error:
                problem = f"{error.code} {error.reason}: {error.read().decode(errors='replace')}"
                mends = error.code == 503
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error)
                problem, mends = repr(reason), not isinstance(reason, TimeoutError)
            if not mends or pause is None:
                break
            time.sleep(pause)
        raise TrainError(f"{url}: {problem[:2000]}")


def _read_completions(reply: bytes) -> list[Generation]:
    try:
        choices = sorted(json.loads(reply)["choices"], key=lambda choice: choice["index"])
        if any(choice.get("token_ids") is None for choice in choices):
            raise TrainError("the server returned no token_ids: it must be vLLM 0.10.2 or newer")
        drawn = []
        for choice in choices:
            ids, logprobs = choice["token_ids"], choice["logprobs"]["token_logprobs"]
            if choice["finish_reason"] not in ("stop", "length") or len(ids) != len(logprobs):
                raise TrainError(f"the server returned half an answer: {choice}")
            truncated = choice["finish_reason"] == "length"
            drawn.append(Generation(ids=tuple(ids), logprobs=tuple(logprobs), truncated=truncated))
    except (ValueError, KeyError, TypeError):
        raise TrainError(f"the server's reply is not a completion: {reply[:500]!r}") from None
    return drawn
