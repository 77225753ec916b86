"""Measures sampling and training on a GPU, with models of random weights in two real shapes.

    python benchmarks/accelerator.py
    python benchmarks/accelerator.py --shape qwen2-1.5b --rows 64

Tokens per second of `HuggingFaceEngine` and of `Updater.step` (bfloat16 over weights in float32,
gradient checkpointing), the most memory each took, and the arithmetic as a share of what the card
does in a large bfloat16 product, measured first: 2 operations per weight and token for sampling, 8
for training with checkpointing. `--shape tiny` is for a machine without a GPU: it only shows that
the script works.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from time import perf_counter
from typing import Any

import click
import torch
from accelerate import Accelerator
from transformers import Qwen2Config, Qwen2ForCausalLM, T5Config, T5ForConditionalGeneration

from rltf_train.config import Loss, Optimizer
from rltf_train.engines import HuggingFaceEngine
from rltf_train.policy import Policy
from rltf_train.update import Updater, make_optimizer

_END = 1
SHAPES: dict[str, Callable[[], Any]] = {
    # CodeT5-large: 770 million weights.
    "codet5-770m": lambda: T5ForConditionalGeneration(
        T5Config(vocab_size=32100, d_model=1024, d_kv=64, d_ff=4096, num_layers=24, num_heads=16,
                 pad_token_id=0, eos_token_id=_END)),
    "qwen2-1.5b": lambda: Qwen2ForCausalLM(
        Qwen2Config(vocab_size=151936, hidden_size=1536, intermediate_size=8960,
                    num_hidden_layers=28, num_attention_heads=12, num_key_value_heads=2,
                    tie_word_embeddings=True, pad_token_id=0, eos_token_id=_END)),
    "tiny": lambda: Qwen2ForCausalLM(
        Qwen2Config(vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
                    num_attention_heads=4, num_key_value_heads=4, pad_token_id=0,
                    eos_token_id=_END)),
}  # fmt: skip


@click.command(help=__doc__.splitlines()[0])
@click.option("--shape", type=click.Choice(list(SHAPES)), multiple=True)
@click.option("--rows", default=64, show_default=True, help="Programs at a time.")
@click.option("--prompt", default=256, show_default=True, help="Tokens of a prompt.")
@click.option("--answer", default=256, show_default=True, help="Tokens of an answer.")
def main(shape: tuple[str, ...], rows: int, prompt: int, answer: int) -> None:
    accelerator = Accelerator(mixed_precision="bf16")
    device = accelerator.device
    if device.type != "cuda" and shape != ("tiny",):
        raise click.ClickException("no GPU here; --shape tiny shows that the script works")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "no GPU"
    peak = peak_operations(device)
    click.echo(f"{name}: {peak / 1e12:.1f} TFLOP/s in bfloat16 products")
    for each in shape or ("codet5-770m", "qwen2-1.5b"):
        measure(accelerator, each, peak, rows, prompt, answer)


def peak_operations(device: torch.device) -> float:
    size = 8192 if device.type == "cuda" else 512
    matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    seconds = min(timed(device, lambda: matrix @ matrix) for _ in range(10))
    return 2 * size**3 / seconds


def measure(
    accelerator: Accelerator, shape: str, peak: float, rows: int, prompt: int, answer: int
) -> None:
    device = accelerator.device
    torch.manual_seed(0)
    model = SHAPES[shape]().to(device)
    model.config.decoder_start_token_id = 0
    model.activation_checkpointing_enable({"use_reentrant": False})
    weights = model.num_parameters()
    rng = random.Random(0)
    vocabulary = model.config.vocab_size
    prompts = [[rng.randrange(2, vocabulary) for _ in range(prompt)] for _ in range(rows)]
    optimizer: Any
    prepared, optimizer = accelerator.prepare(model, make_optimizer(model, Optimizer()))
    # No id ends an answer, so that all have the same length.
    engine = HuggingFaceEngine(model, eos_ids=[vocabulary + 1], pad_id=0, batch_size=rows)
    options = {"temperature": 1.0, "top_p": 1.0, "max_tokens": answer}
    sample = lambda: engine.generate(prompts, **options)  # type: ignore[arg-type]  # noqa: E731
    drawn = sample()
    show(f"{shape}, {weights / 1e6:.0f} M weights, sampling", device, sample, rows * answer,
         2 * weights, peak)  # fmt: skip
    policy = Policy(model, None, (_END,), 0)
    updater = Updater(accelerator, policy, prepared, optimizer, Loss(), answer)
    pairs = [(tuple(ids), each.ids) for ids, each in zip(prompts, drawn, strict=True)]
    optim = Optimizer(micro_batch_size=min(rows, 16))
    train = lambda: updater.step(optim, 1e-6, pairs, [])  # noqa: E731
    train()
    show(f"{shape}, training", device, train, rows * (prompt + answer), 8 * weights, peak)
    accelerator.free_memory()


def show(
    name: str, device: torch.device, work: Callable[[], object], tokens: int, per_token: int,
    peak: float,
) -> None:  # fmt: skip
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = sorted(timed(device, work) for _ in range(3))[1]
    rate = tokens / seconds
    memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
    share = rate * per_token / peak
    click.echo(f"{name}: {rate:,.0f} tokens/s, {share:.1%} of the peak, {memory:.1f} GiB")


def timed(device: torch.device, work: Callable[[], object]) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - began


if __name__ == "__main__":
    main()
