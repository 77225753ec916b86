"""A key-value cache for generation that writes in place."""

from typing import Any

import torch
from transformers import DynamicCache, EncoderDecoderCache, PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer

# Room is made for this many tokens at a time: few copies, and little memory that stays unused.
BLOCK = 32


class BufferedLayer(DynamicLayer):
    """
    One layer's keys and values, in buffers with room to grow.

    `DynamicLayer` concatenates, which copies the whole cache at every token; here a token is written
    behind the last one, and `keys` and `values` are views of what is filled.
    """

    def __init__(self) -> None:
        super().__init__()
        self._buffers: tuple[torch.Tensor, ...] = ()

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if not self._buffers or end > self._buffers[0].shape[-2]:
            self._grow(key_states, value_states, start, -(-end // BLOCK) * BLOCK)
        keys_BHTD, values_BHTD = self._buffers
        keys_BHTD[:, :, start:end] = key_states
        values_BHTD[:, :, start:end] = value_states
        self._fill(end)
        return self.keys, self.values

    def _grow(self, keys: torch.Tensor, values: torch.Tensor, start: int, room: int) -> None:
        grown = tuple(
            new.new_empty((*new.shape[:-2], room, new.shape[-1])) for new in (keys, values)
        )
        if start:
            grown[0][:, :, :start] = self.keys
            grown[1][:, :, :start] = self.values
        self._buffers = grown

    def _fill(self, length: int) -> None:
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Make row i what row `beam_idx[i]` was; there may be more or fewer rows than before."""
        if self._buffers:
            length = self.get_seq_length()
            self._buffers = tuple(buffer.index_select(0, beam_idx) for buffer in self._buffers)
            self._fill(length)


def new_cache(model: PreTrainedModel) -> Cache:
    """An empty cache for the model: its own kind, with every plain layer replaced by a buffered one."""
    cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    cache.layers = [
        BufferedLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    if not model.config.is_encoder_decoder:
        return cache
    # Keys and values of the encoder's output are written once: nothing to gain from a buffer.
    return EncoderDecoderCache(cache, DynamicCache())
