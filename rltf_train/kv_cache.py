"""What a model has read, one row for each answer that is being decoded."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer
from transformers.modeling_outputs import BaseModelOutput

# Room is made for this many tokens at a time: the cache is seldom copied, and densely filled.
BLOCK = 32


class BufferedLayer(DynamicLayer):
    """A layer's keys and values, in buffers with room to grow. `DynamicLayer` concatenates, which
    copies the cache at every token; here `keys` and `values` are views of what is filled."""

    def __init__(self) -> None:
        super().__init__()
        self._buffers: list[Tensor] = []

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Appends to both. Shapes (B, H, T, D)."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        states, start = (key_states, value_states), self.get_seq_length()
        end = start + key_states.shape[-2]
        if not self._buffers or end > self._buffers[0].shape[-2]:
            old, room = self._buffers, -(-end // BLOCK) * BLOCK
            self._buffers = [new.new_empty(*new.shape[:2], room, new.shape[3]) for new in states]
            for before, after in zip(old, self._buffers, strict=False):
                after[:, :, :start] = before[:, :, :start]
        for buffer, new in zip(self._buffers, states, strict=True):
            buffer[:, :, start:end] = new
        self.keys, self.values = (buffer[:, :, :end] for buffer in self._buffers)
        return self.keys, self.values

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Makes row i what row `beam_idx[i]` was; there may be more or fewer rows than before."""
        if self._buffers:
            length = self.get_seq_length()
            self._buffers = [buffer.index_select(0, beam_idx) for buffer in self._buffers]
            self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)


def new_cache(model: PreTrainedModel) -> Cache:
    """An empty cache of buffered layers, or of the model's own kind where it needs another:
    for sliding windows, states of linear attention and the like."""
    own: Cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    if all(type(layer) is DynamicLayer for layer in own.layers):
        # Made as they turn up: an encoder-decoder's configuration may count the encoder's.
        own = Cache(layer_class_to_replicate=BufferedLayer)
    # The encoder's keys and values are written once: a buffer would gain nothing.
    return EncoderDecoderCache(own, DynamicCache()) if model.config.is_encoder_decoder else own


class Batch:
    """Rows being decoded, and the model's scores for the next token of each.

    `forward` is called directly, in the one way that suits all causal and encoder-decoder models.
    """

    scores_BV: Tensor

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], pad_id: int) -> None:
        self._model = model
        self._cache = new_cache(model)
        self._accepted = inspect.signature(model.forward).parameters
        # A prompt that is sampled many times is read once, and what was read of it is copied.
        unique = list(dict.fromkeys(map(tuple, prompts)))
        rows = [torch.tensor(prompt, device=model.device) for prompt in unique]
        side = "right" if model.config.is_encoder_decoder else "left"
        ids_BT = pad_sequence(rows, True, pad_id, side)
        self._seen_BT = pad_sequence([torch.ones_like(row) for row in rows], True, 0, side)
        self._encoded_BTE: Tensor | None = None
        if model.config.is_encoder_decoder:
            encoder = model.get_encoder()
            self._encoded_BTE = encoder(input_ids=ids_BT, attention_mask=self._seen_BT)[0]
            ids_BT = torch.full_like(ids_BT[:, :1], model.config.decoder_start_token_id)
        self._read(ids_BT)
        places = {prompt: place for place, prompt in enumerate(unique)}
        self.select(torch.tensor([places[tuple(each)] for each in prompts], device=model.device))

    def append(self, token_B: Tensor) -> None:
        """Reads one more token of each row."""
        if self._encoded_BTE is None:
            self._seen_BT = F.pad(self._seen_BT, (0, 1), value=1)
        self._read(token_B[:, None])

    def select(self, rows: Tensor) -> None:
        """Makes row i what row `rows[i]` was; there may be more or fewer rows than before."""
        self._cache.reorder_cache(cast(torch.LongTensor, rows))
        self._seen_BT, self.scores_BV = self._seen_BT[rows], self.scores_BV[rows]
        if self._encoded_BTE is not None:
            self._encoded_BTE = self._encoded_BTE[rows]

    def _read(self, ids_BT: Tensor) -> None:
        if self._encoded_BTE is None:
            inputs: dict[str, Any] = {"input_ids": ids_BT}
            if "position_ids" in self._accepted:
                positions_BT = (self._seen_BT.cumsum(-1) - 1).clamp(min=0)
                inputs["position_ids"] = positions_BT[:, -ids_BT.shape[1] :]
        else:
            encoded = BaseModelOutput(last_hidden_state=self._encoded_BTE)
            inputs = {"decoder_input_ids": ids_BT, "encoder_outputs": encoded}
        if "logits_to_keep" in self._accepted:
            inputs["logits_to_keep"] = 1
        inputs |= {"attention_mask": self._seen_BT, "past_key_values": self._cache}
        self.scores_BV = self._model(**inputs, use_cache=True).logits[:, -1].float()
