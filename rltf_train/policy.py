"""The model that is trained: loading it, and the log-probabilities of its answers.

Any encoder-decoder or causal language model of transformers. The one place that differs between
the two is `_logits`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedModel,
)
from transformers.modeling_layers import GradientCheckpointingLayer

from rltf_train.config import Lora, Model
from rltf_train.errors import TrainError

IdsLists = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Policy:
    """A model and its tokenizer. `eos_ids` end an answer; the first of them is what we teach."""

    model: PreTrainedModel
    tokenizer: Any
    eos_ids: tuple[int, ...]
    pad_id: int

    @property
    def is_encoder_decoder(self) -> bool:
        return bool(self.model.config.is_encoder_decoder)

    def response_ids(self, text: str, longest: int) -> tuple[int, ...] | None:
        """The ids of a solution and the end token; None for one that is too long.

        An encoder-decoder's answers begin with what its tokenizer puts there (CodeT5's <s>).
        """
        ids = self.tokenizer(text, add_special_tokens=self.is_encoder_decoder).input_ids
        if not ids or ids[-1] not in self.eos_ids:
            ids = [*ids, self.eos_ids[0]]
        return tuple(ids) if len(ids) <= longest else None

    def save(self, folder: Path, state: dict[str, Any] | None = None) -> None:
        """Writes a folder that loads like any other; adapters are merged into a copy's weights."""
        if hasattr(self.model, "merge_and_unload"):
            merged: Any = copy.deepcopy(self.model)
            merged.merge_and_unload().save_pretrained(folder)
        else:
            self.model.save_pretrained(folder, state_dict=state)
        self.tokenizer.save_pretrained(folder)


def load(config: Model) -> Policy:
    """Loads what `config.name` names. TrainError where there is no such model or tokenizer."""
    try:
        shape = AutoConfig.from_pretrained(config.name)
        tokenizer = AutoTokenizer.from_pretrained(config.tokenizer or config.name)
        kind = AutoModelForSeq2SeqLM if shape.is_encoder_decoder else AutoModelForCausalLM
        if config.init == "random":
            model = kind.from_config(shape, dtype=torch.float32)
        else:
            model = kind.from_pretrained(config.name, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise TrainError(f"model.name: {config.name}: {error}") from None
    known = tokenizer("print", add_special_tokens=False).input_ids
    if not known or tokenizer.unk_token_id in known:  # what transformers makes of a bare folder
        where = config.tokenizer or config.name
        raise TrainError(f"model.tokenizer: {where}: there is no tokenizer that could spell code")
    eos_ids = _end_ids(model, tokenizer)
    if config.gradient_checkpointing:
        # Older versions of transformers only know the second name.
        enable = getattr(model, "activation_checkpointing_enable", None)
        (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
    if config.lora is not None:
        model = _with_lora(model, config.lora)
    pad_id = tokenizer.pad_token_id
    return Policy(model, tokenizer, eos_ids, eos_ids[0] if pad_id is None else pad_id)


def _end_ids(model: PreTrainedModel, tokenizer: Any) -> tuple[int, ...]:
    configured = getattr(model.generation_config, "eos_token_id", None)
    several = configured if isinstance(configured, list) else [configured]
    ids = [each for each in (tokenizer.eos_token_id, *several) if each is not None]
    if not ids:
        raise TrainError("model.tokenizer: it has no end token, so no answer could end")
    return tuple(dict.fromkeys(ids))


def _with_lora(model: PreTrainedModel, config: Lora) -> PreTrainedModel:
    try:
        import peft
    except ImportError:
        hint = "pip install 'rltf-codefeedback[lora]'"
        raise TrainError(f"model.lora needs the package peft: {hint}") from None
    task = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
    adapted: PreTrainedModel = peft.get_peft_model(  # type: ignore[assignment]
        model,
        peft.LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,  # type: ignore[arg-type]
            lora_dropout=config.dropout,
            target_modules=config.targets,
            task_type=task,
        ),
    )
    return adapted


def without_dropout(model: nn.Module) -> None:
    """Switches dropout off for a forward pass whose gradient is wanted.

    In evaluation mode gradient checkpointing would be off as well: the layers that do it, and
    nothing inside them, are left in training mode.
    """
    model.eval()
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer) and module.gradient_checkpointing:
            module.training = True


def logprobs(
    model: nn.Module, prompts: IdsLists, responses: IdsLists, *, pad_id: int
) -> tuple[Tensor, Tensor]:
    """log p of each response token given the prompt and the tokens before it, and the mask of
    tokens that are there. Shapes (B, T), T the longest response; float32, 0 beyond an answer's end.

    `model` may be wrapped for several processes.
    """
    device = next(model.parameters()).device
    ids_BT, mask_BT = _padded(responses, pad_id, device)
    logits_BTV = _logits(model, prompts, ids_BT, mask_BT, pad_id)
    loss_N = F.cross_entropy(logits_BTV[mask_BT].float(), ids_BT[mask_BT], reduction="none")
    return torch.zeros_like(ids_BT, dtype=torch.float32).masked_scatter(mask_BT, -loss_N), mask_BT


def _logits(
    model: nn.Module, prompts: IdsLists, ids_BT: Tensor, mask_BT: Tensor, pad_id: int
) -> Tensor:
    """The scores from which each response token was to be chosen. Shape (B, T, V)."""
    inner: Any = getattr(model, "module", model)
    accepted = inspect.signature(inner.get_base_model().forward if hasattr(inner, "get_base_model")
                                 else inner.forward).parameters  # fmt: skip
    if inner.config.is_encoder_decoder:
        prompt_BP, seen_BP = _padded(prompts, pad_id, ids_BT.device)
        start_B1 = torch.full_like(ids_BT[:, :1], inner.config.decoder_start_token_id)
        before_BT = torch.cat([start_B1, ids_BT[:, :-1]], dim=1)
        logits: Tensor = model(
            input_ids=prompt_BP,
            attention_mask=seen_BP.long(),
            decoder_input_ids=before_BT,
            use_cache=False,
        ).logits
        return logits
    # Prompts end, and responses begin, in the same column.
    prompt_BP, seen_BP = _padded(prompts, pad_id, ids_BT.device, left=True)
    seen_BL = torch.cat([seen_BP, mask_BT], dim=1).long()
    options: dict[str, Any] = {"use_cache": False}
    if "position_ids" in accepted:
        options["position_ids"] = (seen_BL.cumsum(dim=1) - 1).clamp(min=0)
    if "logits_to_keep" in accepted:
        options["logits_to_keep"] = ids_BT.shape[1] + 1
    inputs_BL = torch.cat([prompt_BP, ids_BT], dim=1)
    scores: Tensor = model(input_ids=inputs_BL, attention_mask=seen_BL, **options).logits
    return scores[:, -ids_BT.shape[1] - 1 : -1]


def _padded(
    rows: IdsLists, pad_id: int, device: torch.device, *, left: bool = False
) -> tuple[Tensor, Tensor]:
    """Ids filled up to the longest row, and where they are real. Shapes (B, L)."""
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, row in enumerate(rows):
        place = slice(longest - len(row), None) if left else slice(0, len(row))
        ids[number, place] = torch.tensor(row, dtype=torch.long)
        mask[number, place] = True
    return ids.to(device), mask.to(device)
