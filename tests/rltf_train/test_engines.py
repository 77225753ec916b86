from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from torch import Tensor
from transformers import (
    CodeGenConfig,
    CodeGenForCausalLM,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.modeling_layers import GradientCheckpointingLayer

from rltf_train import engines
from rltf_train.engines import Generation, HuggingFaceEngine, VllmEngine, sample
from rltf_train.errors import TrainError
from rltf_train.kv_cache import BufferedLayer, new_cache

PAD, VOCABULARY = 0, 48
EOS = (1, 7, 9, 11)
NEVER = (VOCABULARY + 1,)
PROMPTS = [
    [5, 6, 8],
    [12] * 9,
    [4],
    [30, 31, 32, 33, 34],
    [5, 6, 8],
    [40, 3],
    [12] * 9,
    [20, 2, 40],
]
IDS: dict[str, Any] = {
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": PAD,
    "vocab_size": VOCABULARY,
}
QWEN: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2} | IDS
QWEN |= {"num_attention_heads": 4, "num_key_value_heads": 2}
T5: dict[str, Any] = {"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 4}
T5 |= {"vocab_size": VOCABULARY, "decoder_start_token_id": PAD}
SMALL: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256} | IDS


configuration: Any = GenerationConfig  # which has no annotations


def qwen2(**changes: Any) -> Any:
    return Qwen2ForCausalLM(Qwen2Config(**QWEN | changes))


def t5(**changes: Any) -> Any:
    model = T5ForConditionalGeneration(T5Config(**T5 | changes))
    # Not the embedding's weights, by which each token would call for itself again.
    model.lm_head.weight = torch.nn.Parameter(torch.empty(VOCABULARY, T5["d_model"]))
    return model


MODELS: dict[str, Callable[[], Any]] = {
    "qwen2": qwen2,
    # The cache has a window for one layer, and HuggingFace's own kind for both.
    "qwen2-window": lambda: qwen2(use_sliding_window=True, sliding_window=6, max_window_layers=1),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(**SMALL)),
    "codegen": lambda: CodeGenForCausalLM(CodeGenConfig(rotary_dim=4, **SMALL)),
    "t5": t5,
}


def build(make: Callable[[], Any] = qwen2) -> Any:
    """A model with opinions: as initialised, all tokens would be about as likely."""
    torch.manual_seed(3)
    model = make().train(False)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(std=0.3)
    return model


def draw(
    model: Any,
    prompts: Sequence[Sequence[int]] = PROMPTS,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_tokens: int = 40,
    eos_ids: Sequence[int] = EOS,
    batch_size: int = 64,
) -> list[Generation]:
    engine = HuggingFaceEngine(model, eos_ids=eos_ids, pad_id=PAD, batch_size=batch_size)
    engine.update(1)
    drawn = engine.generate(prompts, temperature=temperature, top_p=top_p, max_tokens=max_tokens)
    engine.close()
    return drawn


def reference(
    model: Any, prompt: list[int], eos_ids: Sequence[int] = EOS, **options: Any
) -> tuple[int, ...]:
    """What model.generate makes of one prompt."""
    config = configuration(
        max_new_tokens=40, do_sample=False, eos_token_id=list(eos_ids), pad_token_id=PAD,
        decoder_start_token_id=PAD,
    )  # fmt: skip
    inputs = torch.tensor([prompt])
    mask = torch.ones_like(inputs)
    made = model.generate(inputs, attention_mask=mask, generation_config=config, **options)
    start = 1 if model.config.is_encoder_decoder else len(prompt)
    return tuple(made[0].tolist()[start:])


def forced_logprobs(model: Any, prompt: list[int], ids: tuple[int, ...]) -> list[float]:
    """The log-probabilities by one pass over prompt and answer, without any cache."""
    if model.config.is_encoder_decoder:
        before = torch.tensor([[PAD, *ids[:-1]]])
        scores = model(input_ids=torch.tensor([prompt]), decoder_input_ids=before).logits[0]
    else:
        whole = torch.tensor([[*prompt, *ids]])
        scores = model(input_ids=whole, use_cache=False).logits[0, len(prompt) - 1 : -1]
    chosen: Tensor = scores.log_softmax(-1)[torch.arange(len(ids)), list(ids)]
    listed: list[float] = chosen.tolist()
    return listed


def checkpointed(model: Any) -> None:
    former = "gradient_checkpointing_enable"  # deprecated in transformers 5.23
    getattr(model, "activation_checkpointing_enable", getattr(model, former))()
    layers = [each for each in model.modules() if isinstance(each, GradientCheckpointingLayer)]
    assert layers
    assert all(layer.gradient_checkpointing for layer in layers)


# --- HuggingFaceEngine ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [3, 64])
def test_greedy_is_what_generate_makes(name: str, batch_size: int) -> None:
    model = build(MODELS[name])
    endless = draw(model, temperature=0, eos_ids=NEVER)
    # What comes up in the middle of some answers, so that rows are dropped on the way.
    ends = [later[-1] for each in endless if len(later := list(dict.fromkeys(each.ids))) > 2][:3]
    drawn = draw(model, temperature=0, eos_ids=ends, batch_size=batch_size)
    expected = [reference(model, prompt, ends) for prompt in PROMPTS]
    assert [each.ids for each in drawn] == expected
    assert len({len(each.ids) for each in drawn}) > 2
    for each in drawn:
        assert each.truncated == (each.ids[-1] not in ends)
        assert len(each.ids) == 40 or not each.truncated


@pytest.mark.parametrize("name", MODELS)
def test_logprobs_are_the_models_own(name: str) -> None:
    model = build(MODELS[name])
    drawn = draw(model, PROMPTS * 3, temperature=0.7, top_p=0.9, max_tokens=12)
    assert any(each.truncated for each in drawn)
    assert not all(each.truncated for each in drawn)
    for prompt, each in zip(PROMPTS * 3, drawn, strict=True):
        assert each.logprobs == pytest.approx(forced_logprobs(model, prompt, each.ids), abs=1e-4)


def test_a_decoder_may_have_more_layers_than_its_encoder() -> None:
    model = build(lambda: t5(num_decoder_layers=3))
    for prompt, each in zip(PROMPTS, draw(model), strict=True):
        assert each.logprobs == pytest.approx(forced_logprobs(model, prompt, each.ids), abs=1e-4)


def test_answers_are_in_the_order_of_prompts() -> None:
    model = build()
    alone = [draw(model, [prompt], temperature=0)[0] for prompt in PROMPTS]
    together = draw(model, PROMPTS, temperature=0, batch_size=2)
    assert [each.ids for each in together] == [each.ids for each in alone]
    assert draw(model, []) == []


@pytest.mark.parametrize("max_tokens", [1, 31, 33, 70])
def test_the_limit_is_kept(max_tokens: int) -> None:
    model = build()
    for each in draw(model, max_tokens=max_tokens, eos_ids=NEVER):
        assert each.truncated
        assert len(each.ids) == len(each.logprobs) == max_tokens


def test_an_end_within_the_limit_is_not_truncated() -> None:
    model = build()
    (first,) = draw(model, [[5, 6]], temperature=0, max_tokens=1, eos_ids=NEVER)
    (again,) = draw(model, [[5, 6]], temperature=0, max_tokens=1, eos_ids=first.ids)
    assert again.ids == first.ids
    assert not again.truncated


def test_the_generators_state_repeats_the_answers() -> None:
    model = build()
    state = torch.get_rng_state()
    first, second = draw(model, batch_size=3), draw(model, batch_size=3)
    assert first != second
    torch.set_rng_state(state)
    assert draw(model, batch_size=3) == first


def test_answers_to_one_prompt_differ() -> None:
    drawn = draw(build(), [[5, 6, 8]] * 12)
    assert len({each.ids for each in drawn}) > 8


def test_the_models_generation_configuration_does_not_hold() -> None:
    model = build()
    torch.manual_seed(1)
    expected = draw(model)
    model.generation_config = configuration(
        do_sample=True, temperature=0.2, top_k=2, top_p=0.3, repetition_penalty=3.0,
        no_repeat_ngram_size=1, max_new_tokens=2, min_new_tokens=2, eos_token_id=3,
        use_cache=False,
    )  # fmt: skip
    torch.manual_seed(1)
    assert draw(model) == expected


@pytest.mark.parametrize("name", ["qwen2", "codegen", "t5"])
def test_the_model_can_be_trained_afterwards(name: str) -> None:
    model = build(MODELS[name]).train()
    expected = draw(model, temperature=0)
    checkpointed(model)
    model.get_input_embeddings().eval()
    assert draw(model, temperature=0) == expected, "no dropout, and the cache is used"
    frozen: torch.nn.Module = model.get_input_embeddings()
    assert all(module.training != (module is frozen) for module in model.modules())
    ids = torch.tensor([PROMPTS[1]])
    model(input_ids=ids, labels=ids).loss.backward()
    for weight in model.parameters():
        assert weight.grad is not None
        assert not weight.is_inference()


def test_what_a_model_makes_while_it_answers_can_be_trained_with() -> None:
    # Its rotary frequencies are made anew when a text is longer than all before.
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}
    model = build(lambda: qwen2(max_position_embeddings=8, rope_parameters=rope))
    draw(model, eos_ids=NEVER)
    assert not any(buffer.is_inference() for buffer in model.buffers())
    ids = torch.tensor([PROMPTS[1]])
    model(input_ids=ids, labels=ids).loss.backward()


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # by peft
@pytest.mark.parametrize("name", ["qwen2", "t5"])
def test_adapters_count(name: str) -> None:
    peft = pytest.importorskip("peft")
    model = build(MODELS[name])
    plain = draw(model, temperature=0)
    targets = {"qwen2": ["q_proj", "v_proj"], "t5": ["q", "v"]}[name]
    adapted = peft.get_peft_model(
        model, peft.LoraConfig(target_modules=targets, init_lora_weights=False, lora_dropout=0.5)
    )
    drawn = draw(adapted.train(), temperature=0)
    assert [each.ids for each in drawn] != [each.ids for each in plain]
    assert adapted.training
    adapted.train(False)
    for prompt, each in zip(PROMPTS, drawn, strict=True):
        assert each.logprobs == pytest.approx(forced_logprobs(adapted, prompt, each.ids), abs=1e-4)


def test_scores_that_are_no_numbers() -> None:
    model = build()
    with torch.no_grad():
        model.get_output_embeddings().weight.fill_(math.nan)
    for temperature in (0.0, 1.0):
        with pytest.raises(TrainError, match="not finite"):
            draw(model, temperature=temperature)


# --- sampling ------------------------------------------------------------------------------------


def counts(scores: Tensor, temperature: float, top_p: float, draws: int = 40_000) -> Tensor:
    torch.manual_seed(0)
    token_B, logprob_B = sample(scores.expand(draws, -1), temperature, top_p)
    expected_B = scores.log_softmax(-1)[token_B]
    assert torch.allclose(logprob_B, expected_B, atol=1e-6), "unchanged by temperature and top_p"
    return torch.bincount(token_B, minlength=len(scores))


def assert_follows(counted: Tensor, probs: Tensor) -> None:
    """By chi-square, with a chance of about one in a million to fail where it should not."""
    possible = probs > 0
    assert counted[~possible].sum() == 0
    expected = probs[possible] * counted.sum()
    statistic = float(((counted[possible] - expected) ** 2 / expected).sum())
    freedom = int(possible.sum()) - 1
    assert statistic < freedom + 5 * math.sqrt(2 * freedom) + 15


SCORES = torch.tensor([2.0, 0.5, -1.0, 1.0, -30.0, 0.0])


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_sampling_follows_the_distribution(temperature: float) -> None:
    probs = (SCORES / temperature).softmax(-1)
    assert_follows(counts(SCORES, temperature, 1.0), probs.where(probs > 1e-6, 0))


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.01, [0]), (0.5, [0]), (0.6, [0, 3]), (0.75, [0, 3]), (0.85, [0, 3, 1])]
)
def test_top_p_keeps_the_fewest_likeliest(top_p: float, kept: list[int]) -> None:
    probs = SCORES.softmax(-1)  # .53 .12 .03 .20 .00 .07 of the six
    cut = torch.zeros_like(probs).index_copy(0, torch.tensor(kept), probs[kept])
    assert_follows(counts(SCORES, 1.0, top_p), cut / cut.sum())


def test_a_nucleus_may_be_large() -> None:
    scores = torch.linspace(0.2, 0, 3 * engines._NUCLEUS)
    counted = counts(scores, 1.0, 0.5, 2000)
    probs = scores.softmax(-1)
    cut = probs.where(probs.cumsum(-1) - probs < 0.5, 0)
    assert int((cut > 0).sum()) > engines._NUCLEUS
    assert_follows(counted, cut / cut.sum())


def test_what_is_impossible_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = torch.tensor([[0.0, 0.0, 0.3, 0.0, 0.7, 0.0]])
    for drawn, place in ((0.0, 2), (1 - 2**-53, 4)):
        monkeypatch.setattr(torch, "rand_like", lambda like, drawn=drawn: like * 0 + drawn)
        assert engines._draw(weights).item() == place


def test_temperature_0_takes_the_likeliest() -> None:
    assert counts(SCORES, 0, 0.9, 10).tolist() == [10, 0, 0, 0, 0, 0]


# --- the cache -----------------------------------------------------------------------------------


def layers(model: Any) -> list[str]:
    cache = new_cache(model)
    reference(model, PROMPTS[1], past_key_values=cache)
    own = getattr(cache, "self_attention_cache", cache)
    return [type(layer).__name__ for layer in own.layers]


@pytest.mark.parametrize("name", MODELS)
def test_generate_works_with_the_cache(name: str) -> None:
    model = build(MODELS[name])
    for prompt in PROMPTS[1:4]:
        expected = reference(model, prompt)
        assert reference(model, prompt, past_key_values=new_cache(model)) == expected
    kinds = ["BufferedLayer"] * 2
    if name == "qwen2-window":
        kinds = ["DynamicLayer", "DynamicSlidingWindowLayer"]
    assert layers(model) == kinds


def test_a_layer_holds_what_was_put_in() -> None:
    layer = BufferedLayer()
    whole = torch.randn(3, 2, 100, 4)
    for start, end in ((0, 5), (5, 6), (6, 40), (40, 100)):
        keys, values = layer.update(whole[:, :, start:end], -whole[:, :, start:end])
        assert torch.equal(keys, whole[:, :, :end])
        assert torch.equal(values, -keys)
        assert layer.get_seq_length() == end
    layer.reorder_cache(torch.tensor([2, 0, 2, 1]))
    more = torch.randn(4, 2, 1, 4)
    keys, values = layer.update(more, -more)
    assert torch.equal(keys, torch.cat([whole[[2, 0, 2, 1]], more], dim=2))
    assert torch.equal(values, -keys)


# --- VllmEngine ----------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """What of a vLLM server we use. An answer is the seed's digits, or (greedy) the prompt."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[tuple[int, str]] = []  # to be answered with, before all else
        self.change: Callable[[dict[str, Any]], Any] = lambda choice: None

    def handle_error(self, *arguments: Any) -> None:
        """Somebody has stopped waiting for the answer."""

    def reply(self, path: str, content: dict[str, Any]) -> tuple[int, bytes]:
        self.requests.append((path, content))
        if self.failures:
            status, words = self.failures.pop(0)
            return status, words.encode()
        if path == "/collective_rpc":
            return 200, b'{"results": [null]}'
        if path == "/reset_prefix_cache":
            return 200, b""
        # In another order than asked for: only the index counts.
        return 200, json.dumps(
            {"choices": [self.choice(content, index) for index in reversed(range(content["n"]))]}
        ).encode()

    def choice(self, content: dict[str, Any], index: int) -> dict[str, Any]:
        seeded = [int(digit) for digit in str(content["seed"] + index)]
        ids = (seeded if content["temperature"] else content["prompt"])[: content["max_tokens"]]
        choice = {
            "index": index,
            "text": "",
            "token_ids": ids,
            "logprobs": {"token_logprobs": [-0.5 * token for token in ids]},
            "finish_reason": "length" if len(ids) == content["max_tokens"] else "stop",
        }
        self.change(choice)
        return choice


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, reply = self.server.reply(self.path, content)
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *arguments: Any) -> None:
        """Not to the test's output."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(engines, "_RETRY_SECONDS", (0.01, 0.01))
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def vllm(server: Server, reload: Callable[[int], Path] | None = None) -> VllmEngine:
    # A user may well end the URL with a slash.
    url = server.url + "/"
    return VllmEngine(url, "tiny", eos_ids=EOS, reload=reload, timeout_seconds=5)


def ask(engine: VllmEngine, temperature: float = 0.7, max_tokens: int = 30) -> list[Generation]:
    return engine.generate(PROMPTS, temperature=temperature, top_p=0.9, max_tokens=max_tokens)


def test_a_server_is_asked_once_for_each_prompt(server: Server) -> None:
    torch.manual_seed(1)
    drawn = ask(vllm(server))
    by_prompt = {tuple(content["prompt"]): content for _, content in server.requests}
    assert len(by_prompt) == len(server.requests) == 6
    for prompt in map(tuple, PROMPTS):
        content = by_prompt[prompt]
        seed, count = content.pop("seed", None), content.pop("n", None)
        if seed is None:
            continue
        answers = [
            each for each, asked in zip(drawn, PROMPTS, strict=True) if tuple(asked) == prompt
        ]
        expected = [tuple(int(digit) for digit in str(seed + index)) for index in range(count)]
        assert [each.ids for each in answers] == expected
    assert by_prompt[4,] == {
        "model": "tiny", "prompt": [4], "max_tokens": 30, "temperature": 0.7, "top_p": 0.9,
        "top_k": 0, "min_p": 0, "repetition_penalty": 1, "stop_token_ids": list(EOS),
        "logprobs": 0, "return_token_ids": True,
    }  # fmt: skip
    assert {path for path, _ in server.requests} == {"/v1/completions"}
    for each in drawn:
        assert each.logprobs == tuple(-0.5 * token for token in each.ids)
        assert not each.truncated


def test_seeds_are_torchs(server: Server) -> None:
    torch.manual_seed(1)
    first, second = ask(vllm(server)), ask(vllm(server))
    torch.manual_seed(1)
    assert ask(vllm(server)) == first != second


def test_greedy_asks_for_one_answer(server: Server) -> None:
    drawn = ask(vllm(server), temperature=0, max_tokens=5)
    assert [list(each.ids) for each in drawn] == [prompt[:5] for prompt in PROMPTS]
    assert [each.truncated for each in drawn] == [len(prompt) >= 5 for prompt in PROMPTS]
    assert all(content["n"] == 1 for _, content in server.requests)


def test_an_update_has_the_server_load_the_weights(server: Server, tmp_path: Path) -> None:
    def save(version: int) -> Path:
        assert not server.requests
        return tmp_path / "there" / ".." / str(version)

    vllm(server, save).update(3)
    path = str((tmp_path / "3").resolve())
    assert server.requests == [
        ("/collective_rpc", {"method": "reload_weights", "kwargs": {"weights_path": path}}),
        ("/reset_prefix_cache", {}),
    ]


def test_a_failed_update_says_how_to_serve(server: Server, tmp_path: Path) -> None:
    server.failures = [(404, '{"detail": "Not Found"}')]
    engine = vllm(server, lambda version: tmp_path)
    with pytest.raises(TrainError, match=r"(?s)collective_rpc: 404 .*VLLM_SERVER_DEV_MODE=1"):
        engine.update(1)
    with pytest.raises(TrainError, match="no way to give this server new weights"):
        vllm(server).update(1)


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.failures = [(503, "loading")] * 2
    assert len(ask(vllm(server), temperature=0)) == len(PROMPTS)
    server.failures = [(503, "loading")] * 100
    with pytest.raises(TrainError, match=r"v1/completions: 503 .*: loading"):
        ask(vllm(server))


@pytest.mark.parametrize("status", [400, 404, 500])
def test_the_servers_words_are_handed_on(server: Server, status: int) -> None:
    server.failures = [(status, "the model `tiny` has no such thing")] * 6
    with pytest.raises(TrainError, match=f"v1/completions: {status} .*no such thing"):
        ask(vllm(server))


def test_nobody_there() -> None:
    server = Server()
    server.server_close()
    engine = vllm(server)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(TrainError, match="refused"):
        patch.setattr(engines, "_RETRY_SECONDS", (0.01,))
        patch.setenv("no_proxy", "127.0.0.1")
        ask(engine)


def test_a_server_that_does_not_answer_in_time(server: Server) -> None:
    waiting = threading.Event()
    server.change = lambda choice: waiting.wait(5)
    engine = VllmEngine(server.url, "tiny", eos_ids=EOS, reload=None, timeout_seconds=0.1)
    with pytest.raises(TrainError, match="timed out"):
        engine.generate([[4]], temperature=1, top_p=1, max_tokens=4)
    waiting.set()
    engine.close()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda choice: choice.pop("token_ids"), "no token_ids.* vLLM 0.10.2 or newer"),
        (lambda choice: choice.update(token_ids=None), "no token_ids.* vLLM 0.10.2 or newer"),
        (lambda choice: choice.update(logprobs=None), "not a completion"),
        (lambda choice: choice["token_ids"].append(3), "half an answer"),
        (lambda choice: choice.update(finish_reason="abort"), "half an answer"),
    ],
)
def test_replies_that_are_no_use(
    server: Server, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    server.change = change
    with pytest.raises(TrainError, match=words):
        ask(vllm(server))


def test_a_reply_that_is_no_json(server: Server) -> None:
    server.failures = [(200, "<html>")] * 6
    with pytest.raises(TrainError, match=r"not a completion.*<html>"):
        ask(vllm(server))
