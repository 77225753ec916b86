"""Log-probabilities against a plain forward pass, program by program, for every kind of model."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")

import tokenizers
import torch
import transformers
from torch import Tensor, nn

import codefeedback as cf
from rltf_train.config import Lora, Model
from rltf_train.errors import TrainError
from rltf_train.policy import Policy, load, logprobs, without_dropout

DATA = os.environ.get("CODEFEEDBACK_DATA")
KINDS = ("t5", "codegen", "qwen2", "gpt2")
VOCABULARY = 300
EOS, PAD = 1, 0

Rows = list[tuple[int, ...]]


ENDS = {"bos_token_id": EOS, "eos_token_id": EOS, "pad_token_id": PAD}
GPT = {"n_layer": 2, "n_positions": 64}
SHAPES: dict[str, dict[str, Any]] = {
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2,
           "decoder_start_token_id": PAD},
    "plbart": {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 32,
               "encoder_attention_heads": 2, "decoder_ffn_dim": 32, "decoder_attention_heads": 2,
               "decoder_start_token_id": EOS},
    "codegen": {**GPT, "n_ctx": 64, "n_embd": 32, "n_head": 4, "rotary_dim": 4},
    "gpt2": {**GPT, "n_embd": 16, "n_head": 2},
    "qwen2": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
              "num_attention_heads": 2, "num_key_value_heads": 1},
}  # fmt: skip
DROPOUTS = ("dropout_rate", "dropout", "attention_dropout", "resid_pdrop", "embd_pdrop",
            "attn_pdrop")  # fmt: skip


def tiny(kind: str, dropout: float = 0.0, seed: int = 0) -> Any:
    """A model of two layers whose weights are random, and large enough that context matters."""
    torch.manual_seed(seed)
    config: Any = transformers.AutoConfig.for_model(
        kind, vocab_size=VOCABULARY, **ENDS, **SHAPES[kind]
    )
    for name in DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, dropout)
    two: Any = transformers.AutoModelForSeq2SeqLM
    one: Any = transformers.AutoModelForCausalLM
    model = (two if config.is_encoder_decoder else one).from_config(config)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(0.0, 0.3)
    return model.eval()


def ragged(count: int = 7, seed: int = 0, longest: int = 12) -> tuple[Rows, Rows]:
    """Prompts and answers of unequal length; ids that mean padding and the end are among them."""
    chance = random.Random(seed)

    def rows() -> Rows:
        lengths = [1, longest, *(chance.randint(1, longest) for _ in range(count - 2))]
        chance.shuffle(lengths)
        return [tuple(chance.randrange(VOCABULARY) for _ in range(each)) for each in lengths]

    return rows(), [(*answer[:-1], EOS) for answer in rows()]


def alone(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> Tensor:
    """log p of an answer's tokens, by a forward pass without any padding. Shape (T,)."""
    answer_T = torch.tensor(answer)
    if model.config.is_encoder_decoder:
        start = model.config.decoder_start_token_id
        before = torch.tensor([[start, *answer[:-1]]])
        logits_TV = model(input_ids=torch.tensor([prompt]), decoder_input_ids=before).logits[0]
    else:
        logits_TV = model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    chosen: Tensor = logits_TV.log_softmax(-1)[torch.arange(len(answer)), answer_T]
    return chosen


def check(found_BT: Tensor, mask_BT: Tensor, expected: Sequence[Tensor], within: float) -> None:
    lengths = [len(each) for each in expected]
    assert found_BT.shape == mask_BT.shape == (len(expected), max(lengths))
    assert found_BT.dtype == torch.float32
    assert mask_BT.sum(dim=1).tolist() == lengths
    for row_T, kept_T, expected_T in zip(found_BT, mask_BT, expected, strict=True):
        assert kept_T[: len(expected_T)].all()
        assert torch.all(row_T[len(expected_T) :] == 0)
        assert (row_T[: len(expected_T)] - expected_T).abs().max() <= within


# --- log-probabilities ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*KINDS, "plbart"])
def test_a_ragged_batch_against_each_program_alone(kind: str) -> None:
    model, (prompts, answers) = tiny(kind), ragged()
    with torch.no_grad():
        expected = [alone(model, *pair) for pair in zip(prompts, answers, strict=True)]
        check(*logprobs(model, prompts, answers, pad_id=PAD), expected, 1e-5)
        # The prompt matters, and so do the tokens before: else all of this would show nothing.
        turned = alone(model, prompts[1], answers[0])
        assert (turned - expected[0]).abs().max() > 0.1
        swapped = alone(model, prompts[0], (answers[0][0], 7, *answers[0][2:]))
        assert (swapped - expected[0])[2:].abs().max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_ragged_batch(kind: str) -> None:
    """Padding adds nothing to it either."""
    model, (prompts, answers) = tiny(kind), ragged(count=4)
    weights = list(model.parameters())
    expected = torch.autograd.grad(
        torch.cat([alone(model, *pair) for pair in zip(prompts, answers, strict=True)]).sum(),
        weights,
    )
    found = torch.autograd.grad(logprobs(model, prompts, answers, pad_id=PAD)[0].sum(), weights)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pad_id", [EOS, 77, VOCABULARY - 1])
def test_it_does_not_matter_what_is_padded_with(kind: str, pad_id: int) -> None:
    model, (prompts, answers) = tiny(kind), ragged()
    with torch.no_grad():
        expected, _ = logprobs(model, prompts, answers, pad_id=PAD)
        found, _ = logprobs(model, prompts, answers, pad_id=pad_id)
    assert (found - expected).abs().max() <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_it_does_not_matter_who_else_is_in_the_batch(kind: str) -> None:
    """Neither the others' lengths, which decide on both sides' padding, nor their order."""
    model, (prompts, answers) = tiny(kind), ragged()
    with torch.no_grad():
        expected = [alone(model, *pair) for pair in zip(prompts, answers, strict=True)]
        for rows in ([0], [3, 1], [6, 5, 4], [2, 2, 0, 6], list(reversed(range(7)))):
            found = logprobs(
                model, [prompts[row] for row in rows], [answers[row] for row in rows], pad_id=PAD
            )
            check(*found, [expected[row] for row in rows], 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_every_token_is_one_of_the_vocabulary(kind: str) -> None:
    """The probabilities of all tokens at one place add up to 1."""
    model = tiny(kind)
    answers = [(5, token) for token in range(VOCABULARY)]
    with torch.no_grad():
        found, _ = logprobs(model, [(3, 4)] * VOCABULARY, answers, pad_id=PAD)
    assert math.isclose(float(found[:, 1].double().exp().sum()), 1.0, abs_tol=1e-5)


class Wrapped(nn.Module):
    """As DistributedDataParallel does it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.module = model
        self.calls = 0

    def forward(self, *args: Any, **options: Any) -> Any:
        self.calls += 1
        return self.module(*args, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_is_wrapped(kind: str) -> None:
    model, (prompts, answers) = tiny(kind), ragged()
    wrapped = Wrapped(model)
    with torch.no_grad():
        expected, _ = logprobs(model, prompts, answers, pad_id=PAD)
        found, _ = logprobs(wrapped, prompts, answers, pad_id=PAD)
    assert torch.equal(found, expected)
    assert wrapped.calls == 1  # it is the wrapper that must be called


# --- dropout -------------------------------------------------------------------------------------


def gradients(model: Any, prompts: Rows, answers: Rows) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    found, _ = logprobs(model, prompts, answers, pad_id=PAD)
    torch.autograd.backward(found.sum())
    parameters = model.named_parameters()
    slopes = {name: each.grad.clone() for name, each in parameters if each.grad is not None}
    return found.detach(), slopes


@pytest.mark.parametrize("kind", [*KINDS, "plbart"])
def test_without_dropout(kind: str) -> None:
    model, plain, (prompts, answers) = tiny(kind, 0.5), tiny(kind), ragged()
    model.train()
    first, _ = gradients(model, prompts, answers)
    second, _ = gradients(model, prompts, answers)
    assert (first - second).abs().max() > 0.01  # there is some
    without_dropout(model)
    found, slopes = gradients(model, prompts, answers)
    again, others = gradients(model, prompts, answers)
    assert torch.equal(found, again)
    expected, wanted = gradients(plain, prompts, answers)
    assert torch.allclose(found, expected, atol=1e-6)
    assert slopes.keys() == others.keys() == wanted.keys()
    assert any(each.abs().max() > 0.01 for each in slopes.values())
    for name, each in slopes.items():
        assert torch.equal(each, others[name])
        assert torch.allclose(each, wanted[name], rtol=1e-4, atol=1e-5)


# --- gradient checkpointing ----------------------------------------------------------------------


@contextmanager
def counted(model: Any) -> Iterator[Callable[[], dict[str, int]]]:
    """How often something inside each of the model's blocks is computed."""
    counts: dict[str, int] = {}
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, transformers.modeling_layers.GradientCheckpointingLayer):
            first = next(each for each in module.modules() if not list(each.children()))
            counts[name] = 0

            def count(*_: object, name: str = name) -> None:
                counts[name] += 1

            hooks.append(first.register_forward_pre_hook(count))
    yield lambda: dict(counts)
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_gradient_checkpointing_recomputes(kind: str, dropout: float) -> None:
    plain, model, (prompts, answers) = tiny(kind), tiny(kind, dropout), ragged()
    enable = getattr(model, "activation_checkpointing_enable", None)
    (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
    without_dropout(plain)
    without_dropout(model)
    expected, wanted = gradients(plain, prompts, answers)
    with counted(model) as calls:
        found, _ = logprobs(model, prompts, answers, pad_id=PAD)
        assert set(calls().values()) == {1}
        torch.autograd.backward(found.sum())
        assert set(calls().values()) == {2}
        assert len(calls()) == (4 if kind == "t5" else 2)  # blocks, both of them in T5's halves
    assert torch.allclose(found, expected, atol=1e-6)
    slopes = dict(model.named_parameters())
    for name, each in wanted.items():
        assert torch.allclose(slopes[name].grad, each, rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("kind", KINDS)
def test_without_it_nothing_is_computed_twice(kind: str) -> None:
    model, (prompts, answers) = tiny(kind), ragged()
    without_dropout(model)
    with counted(model) as calls:
        gradients(model, prompts, answers)
        assert set(calls().values()) == {1}


# --- loading -------------------------------------------------------------------------------------

PROGRAM = "def f(x):\n    return x + 1\n"


def tokenizer() -> Any:
    """A byte-level tokenizer whose ids are those of the models above."""
    names = ["<pad>", "</s>", *sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())]
    bare = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={name: at for at, name in enumerate(names)}, merges=[])
    )
    bare.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = tokenizers.decoders.ByteLevel()
    made: Any = transformers.PreTrainedTokenizerFast
    return made(tokenizer_object=bare, pad_token="<pad>", eos_token="</s>")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a model of some kind, as `save_pretrained` leaves it."""
    folder = tmp_path_factory.mktemp("models")

    def of_kind(kind: str) -> str:
        if not (folder / kind).exists():
            tiny(kind).save_pretrained(folder / kind)
            tokenizer().save_pretrained(folder / kind)
        return str(folder / kind)

    return of_kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_loaded_as_it_was_saved(saved: Callable[[str], str], kind: str) -> None:
    policy, (prompts, answers) = load(Model(name=saved(kind))), ragged()
    assert policy.is_encoder_decoder == (kind == "t5")
    assert (policy.eos_ids, policy.pad_id) == ((EOS,), PAD)
    with torch.no_grad():
        found, _ = logprobs(policy.model, prompts, answers, pad_id=policy.pad_id)
        expected, _ = logprobs(tiny(kind), prompts, answers, pad_id=PAD)
    assert torch.allclose(found, expected, atol=1e-6)


def test_only_the_shape_of_a_model(saved: Callable[[str], str]) -> None:
    torch.manual_seed(3)
    policy = load(Model(name=saved("qwen2"), init="random"))
    torch.manual_seed(3)
    again = load(Model(name=saved("qwen2"), init="random"))
    weights, others, trained = (
        next(model.parameters()) for model in (policy.model, again.model, tiny("qwen2"))
    )
    assert weights.shape == trained.shape
    assert torch.equal(weights, others)
    assert not torch.equal(weights, trained)


@pytest.mark.parametrize("kind", KINDS)
def test_checkpointing_can_be_asked_for(saved: Callable[[str], str], kind: str) -> None:
    policy = load(Model(name=saved(kind), gradient_checkpointing=True))
    without_dropout(policy.model)
    with counted(policy.model) as calls:
        gradients(policy.model, *ragged())
        assert set(calls().values()) == {2}


def test_a_saved_policy_can_be_loaded(saved: Callable[[str], str], tmp_path: Path) -> None:
    policy = load(Model(name=saved("gpt2")))
    with torch.no_grad():
        next(policy.model.parameters()).add_(1.0)
    policy.save(tmp_path / "out")
    again = load(Model(name=str(tmp_path / "out")))
    assert again.response_ids(PROGRAM, 99) == policy.response_ids(PROGRAM, 99)
    pairs = zip(policy.model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize("name", ["nothing", "empty", "broken", "unknown", "no-weights"])
def test_no_model(saved: Callable[[str], str], tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    if name != "nothing":
        folder.mkdir()
    if name in ("broken", "unknown"):
        (folder / "config.json").write_text("{" if name == "broken" else '{"model_type": "no"}')
    if name == "no-weights":
        shutil.copytree(saved("gpt2"), folder, dirs_exist_ok=True)
        (folder / "model.safetensors").unlink()
    with pytest.raises(TrainError) as caught:
        load(Model(name=str(folder)))
    assert str(caught.value).startswith(f"model.name: {folder}: ")


@pytest.mark.parametrize("kind", KINDS)
def test_no_tokenizer(saved: Callable[[str], str], tmp_path: Path, kind: str) -> None:
    """transformers makes an empty one of a model's folder, which spells nothing."""
    for file in ("config.json", "generation_config.json", "model.safetensors"):
        shutil.copy(Path(saved(kind)) / file, tmp_path)
    with pytest.raises(TrainError, match="tokenizer"):
        load(Model(name=str(tmp_path)))
    policy = load(Model(name=str(tmp_path), tokenizer=saved("gpt2")))
    assert policy.response_ids("a", 9) is not None
    with pytest.raises(TrainError, match="missing"):
        load(Model(name=str(tmp_path), tokenizer=str(tmp_path / "missing")))


def test_a_tokenizer_without_an_end(saved: Callable[[str], str], tmp_path: Path) -> None:
    model = tiny("gpt2")
    model.config.eos_token_id = model.generation_config.eos_token_id = None
    model.save_pretrained(tmp_path)
    made: Any = transformers.PreTrainedTokenizerFast
    made(tokenizer_object=tokenizer().backend_tokenizer).save_pretrained(tmp_path)
    with pytest.raises(TrainError, match="no end token"):
        load(Model(name=str(tmp_path)))


# --- adapters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is:FutureWarning")  # in peft
@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set:UserWarning")  # for GPT-2's layers
def test_adapters(saved: Callable[[str], str], kind: str, checkpointing: bool) -> None:
    pytest.importorskip("peft")
    config = Model(
        name=saved(kind), lora=Lora(rank=2, dropout=0.5), gradient_checkpointing=checkpointing
    )
    policy, (prompts, answers) = load(config), ragged()
    assert policy.is_encoder_decoder == (kind == "t5")
    trained = [name for name, each in policy.model.named_parameters() if each.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    # Fresh adapters change nothing.
    without_dropout(policy.model)
    with counted(policy.model) as calls:
        found, slopes = gradients(policy.model, prompts, answers)
        assert set(calls().values()) == {2 if checkpointing else 1}
    with torch.no_grad():
        expected, _ = logprobs(tiny(kind), prompts, answers, pad_id=PAD)
    assert torch.allclose(found, expected, atol=1e-5)
    assert slopes.keys() == set(trained)
    assert any(each.abs().max() > 0.01 for each in slopes.values())
    again, _ = gradients(policy.model, prompts, answers)
    assert torch.equal(found, again)


# --- answers to imitate --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["t5", "qwen2"])
def test_answers_end(saved: Callable[[str], str], kind: str) -> None:
    policy = load(Model(name=saved(kind)))
    ids = policy.response_ids(PROGRAM, 99)
    assert ids is not None
    assert ids[-1] == EOS
    assert EOS not in ids[:-1]
    assert len(ids) == len(PROGRAM) + 1  # this tokenizer has a token per letter
    assert cf.decode(policy.tokenizer, ids).text == PROGRAM
    assert policy.response_ids(PROGRAM, len(ids)) == ids
    assert policy.response_ids(PROGRAM, len(ids) - 1) is None
    assert policy.response_ids("", 1) == (EOS,)


def test_of_several_ends_the_tokenizers_own_is_taught(tmp_path: Path) -> None:
    model = tiny("qwen2")
    model.generation_config.eos_token_id = [7, EOS]
    model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    policy = load(Model(name=str(tmp_path)))
    assert policy.eos_ids == (EOS, 7)
    ids = policy.response_ids("x", 9)
    assert ids is not None
    assert ids[-1] == EOS


def test_without_a_padding_token_it_is_the_end_token(tmp_path: Path) -> None:
    tiny("gpt2").save_pretrained(tmp_path)
    made: Any = transformers.PreTrainedTokenizerFast
    bare = made(tokenizer_object=tokenizer().backend_tokenizer, eos_token="</s>")
    bare.save_pretrained(tmp_path)
    assert load(Model(name=str(tmp_path))).pad_id == EOS


def real_policy(name: str, folder: Path) -> Policy:
    """A model with the real tokenizer of CodeT5 or of Qwen."""
    source = Path(DATA or "", "tokenizers", name)
    if not DATA or not source.exists():
        pytest.skip(f"CODEFEEDBACK_DATA has no tokenizers/{name}")
    tiny("t5" if name == "codet5" else "qwen2").save_pretrained(folder)
    for file in source.iterdir():
        shutil.copyfile(file, folder / file.name)
    if name == "codet5":
        described = {"tokenizer_class": "RobertaTokenizer"}
        (folder / "tokenizer_config.json").write_text(json.dumps(described))
    return load(Model(name=str(folder)))


PROGRAMS = [
    PROGRAM,
    "\tif a:\n\t\tb = 'ß'  # ▁ and Ġ\n\n\n    c = [1,\t2]\n",
    "s = '👩‍👩‍👧 日本語 é ñ 𝄞'\nprint(s)\n",
    " leading, and trailing  \n",
    "x",
]


@pytest.mark.parametrize("name", ["codet5", "qwen"])
def test_real_tokenizers(name: str, tmp_path: Path) -> None:
    policy = real_policy(name, tmp_path)
    ends = {"codet5": "</s>", "qwen": "<|im_end|>"}
    for program in PROGRAMS:
        ids = policy.response_ids(program, 999)
        assert ids is not None
        tokens = policy.tokenizer.convert_ids_to_tokens(list(ids))
        assert tokens[-1] == ends[name]
        assert tokens.count(ends[name]) == 1
        # An encoder-decoder's answer begins as its tokenizer has it.
        assert (tokens[0] == "<s>") == (name == "codet5")
        decoded = cf.decode(policy.tokenizer, ids)
        assert decoded.text == program
        assert len(decoded.offsets) == len(ids)
        assert policy.response_ids(program, len(ids) - 1) is None
