"""The run: warm start, then draw, grade, learn, look; each stage from wherever it was left."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import torch
from accelerate.utils import set_seed

from rltf_train import checkpoint, policy
from rltf_train.buffer import OnlineBuffer
from rltf_train.collect import Collector, shuffled
from rltf_train.config import Config, Optimizer
from rltf_train.data import load_tasks
from rltf_train.errors import TrainError
from rltf_train.metrics import JsonLines
from rltf_train.progress import Progress, summary
from rltf_train.rollouts import Sample
from rltf_train.startup import (
    make_accelerator,
    make_pipeline,
    make_prompts,
    measure,
    open_run,
    prepare,
    solutions,
)
from rltf_train.update import Pair, Updater, learning_rate, make_optimizer, over_processes

_LOGGED = 25  # refreshes of a run from which samples are kept to look at


class Stopped(Exception):
    """The run was asked to stop. It is saved, and can be resumed."""


class Trainer:
    """One run. Use it as a context manager: leaving it ends all that it started."""

    def __init__(self, config: Config, *, resume: bool = False) -> None:
        self.config = config
        self.run = Path(config.output)
        self._asked_to_stop = False
        self.stage, self.step, self._seconds = "sft", 0, 0.0
        self.accelerator = make_accelerator(config)
        open_run(self.accelerator, config, resume=resume)
        with ExitStack() as self._exit:
            self.progress = Progress(visible=self.accelerator.is_main_process)
            self._exit.callback(self.progress.close)
            self._prepare_parts()
            self._restore(resume)
            self._exit = self._exit.pop_all()

    def _prepare_parts(self) -> None:
        config, accelerator = self.config, self.accelerator
        torch.set_num_threads(config.threads or torch.get_num_threads())
        if config.prepare is not None:
            with accelerator.local_main_process_first():
                prepare(config.prepare)
        practice, held_out = config.data, config.eval
        self.tasks = load_tasks(practice.train, limit=practice.limit) if practice.train else []
        self.held_out = load_tasks(held_out.data, limit=held_out.limit) if held_out.data else []
        count, rank = accelerator.num_processes, accelerator.process_index
        if config.rl.steps and len(self.tasks) < count:
            raise TrainError(f"data.train: {len(self.tasks)} problems for {count} processes")
        set_seed(config.seed)
        self.policy = policy.load(config.model)
        self.pairs = solutions(config, self.policy, self.tasks, self.progress)
        self.optimizer: Any = make_optimizer(self.policy.model, config.sft.optim)
        self.model, self.optimizer = accelerator.prepare(self.policy.model, self.optimizer)
        self.updater = Updater(
            accelerator, self.policy, self.model, self.optimizer, config.loss,
            config.model.max_response_tokens,
        )  # fmt: skip
        self.pipeline = make_pipeline(config, self.policy, self._save_model)
        self._exit.callback(self.pipeline.close)
        prompts = make_prompts(config, self.policy, config.data.template)
        self.collector = Collector(config, self.pipeline, self.tasks[rank::count], prompts)
        self.buffer = OnlineBuffer(
            config.buffer.size // count, eviction=config.buffer.eviction, seed=config.seed
        )
        set_seed(config.seed + rank)

    # --- stages ----------------------------------------------------------------------------------

    def supervised(self) -> None:
        """The warm start: L_sl on the solutions, each seen once before any is seen again."""
        config = self.config.sft
        if self.stage != "sft":
            return
        self.progress.stage("sft", config.steps, self.step)
        while self.step < config.steps:
            began = perf_counter()
            rate = learning_rate(config.optim, self.step, config.steps)
            pairs = self._next_pairs(config.optim)
            numbers = self.updater.step(config.optim, rate, pairs, [])
            seconds = perf_counter() - began
            tokens = sum(len(answer) for _, answer in pairs) * self.accelerator.num_processes
            numbers |= {"time/step": seconds, "rate/trained_tokens": tokens / seconds}
            self._finish_step("sft", numbers, summary(numbers, "loss/sl"))
        if config.steps:
            self._save_model(self.run / "sft")
        self._reset_optimizer(self.config.rl.optim)
        self.stage, self.step = "rl", 0
        self._checkpoint()

    def reinforce(self) -> None:
        """Online RLTF: draw from the current policy, grade, and learn from the online buffer."""
        config = self.config
        if self.stage != "rl":
            return
        torch.set_num_threads(config.rl.threads or torch.get_num_threads())
        self.progress.stage("rl", config.rl.steps, self.step)
        while self.step < config.rl.steps:
            self._look()
            began, waited = perf_counter(), self.pipeline.waited
            numbers = self._refresh()
            drawn = perf_counter()
            rate = learning_rate(config.rl.optim, self.step, config.rl.steps)
            pairs, samples = self._next_batch()
            numbers |= self.updater.step(config.rl.optim, rate, pairs, samples, sl=config.loss.sl)
            ages = self.buffer.ages(self.step)
            done, waited = perf_counter(), self.pipeline.waited - waited
            numbers |= {
                "buffer/size": float(len(ages)),
                "buffer/age_mean": sum(ages) / max(len(ages), 1),
                "buffer/age_max": float(max(ages, default=0)),
                "time/step": done - began,
                "time/draw": drawn - began - waited,
                "time/train": done - drawn,
                "time/wait": waited,
                "time/wait_share": waited / (done - began),
            }
            note = summary(numbers, "reward/pass", "reward/coarse", "loss/total")
            self._finish_step("rl", numbers, note)
        self._look()
        if config.rl.steps or config.sft.steps:
            self._save_model(self.run / "model")
        self.stage = "done"
        self._checkpoint()

    def _refresh(self) -> dict[str, float]:
        """Draws when that is due, and takes what was drawn before into the buffer."""
        config, count = self.config, self.accelerator.num_processes
        sampling, every = config.sampling, config.buffer.refresh_every
        if self.step % every if every else self.step:
            return {}
        taken = 1
        if self.step == 0:  # learning starts with a full buffer
            taken = math.ceil(config.buffer.size / (sampling.problems * sampling.samples))
        ahead = sampling.ahead if every else 0
        self.pipeline.update(self.step)
        began = perf_counter()
        drawn = 0
        while self.collector.ahead < taken + ahead:
            self.collector.draw(self.step, sampling.problems // count)
            drawn += 1
        seconds = perf_counter() - began
        numbers: dict[str, float] = {}
        for _ in range(taken):
            refresh = self.collector.take()
            self.buffer.refill(refresh.samples)
            numbers = over_processes(self.accelerator, refresh.numbers)
            if self._is_logged(every):
                for row in refresh.shown:
                    self.samples.write(row)
        programs = drawn * sampling.problems * sampling.samples
        numbers["rate/drawn_tokens"] = programs * numbers["length/mean"] / seconds
        return numbers

    def _is_logged(self, every: int) -> bool:
        refreshes = self.config.rl.steps // every if every else 1
        number = self.step // every if every else 0
        kept = number % max(refreshes // _LOGGED, 1) == 0
        return kept and self.accelerator.is_main_process

    def _next_batch(self) -> tuple[list[Pair], list[Sample]]:
        loss, optim = self.config.loss, self.config.rl.optim
        count = max(optim.batch_size // self.accelerator.num_processes, 1)
        only_solutions = loss.mix == "alternate" and loss.sl > 0 and self.step % 2 == 0
        samples = []
        if not only_solutions:
            limit = self.config.buffer.max_staleness
            samples = self.buffer.batch(count, self.step, max_staleness=limit)
            if not samples:
                raise TrainError("buffer.max_staleness leaves no sample to learn from")
        if not loss.sl or (loss.mix == "alternate" and not only_solutions):
            return [], samples
        if loss.sl_source == "references":
            return self._next_pairs(optim), samples
        own = self.buffer.passed()[-count:]
        # Processes go through equally many; one that has none must not wait for the others.
        least = self.accelerator.gather(torch.tensor([len(own)], device=self.accelerator.device))
        own = own[len(own) - int(least.min()) :]
        return [(each.prompt_ids, each.response_ids) for each in own], samples

    def _next_pairs(self, optim: Optimizer) -> list[Pair]:
        """This process's share of the step's solutions, which the step alone decides."""
        rank, count = self.accelerator.process_index, self.accelerator.num_processes
        first = self.step * optim.batch_size
        places = range(first + rank, first + optim.batch_size, count)
        return [self.pairs[shuffled(len(self.pairs), each, self.config.seed)] for each in places]

    # --- looking ---------------------------------------------------------------------------------

    def _look(self) -> None:
        """Evaluates before the first step, every so often, and after the last one."""
        config, spec = self.config, self.config.eval
        last = self.step == config.rl.steps
        whole = self.step == 0 or last
        if not self.held_out or not (whole or (spec.every and self.step % spec.every == 0)):
            return
        tasks = self.held_out if whole else self.held_out[: spec.problems]
        self.progress.stage("eval", len(tasks) * spec.samples)
        try:
            numbers = measure(
                config, self.accelerator, self.policy, self.pipeline, tasks, self._advance_or_stop
            )
        except Stopped:
            self._checkpoint()
            raise
        after = "rl" if self.step else "sft"
        self._log({"stage": "eval", "after": after, "step": self.step, **numbers})
        shown = summary(numbers, *(f"eval/pass@{k}" for k in spec.k))
        self.progress.say(f"after {self.step} steps of RL: {shown} on {len(tasks)} problems")
        self.progress.stage("rl", config.rl.steps, self.step)

    def _advance_or_stop(self, count: int) -> None:
        self.progress.advance(count)
        if self._asked_to_stop and self.accelerator.num_processes == 1:
            raise Stopped

    def _log(self, numbers: dict[str, Any]) -> None:
        seconds = {"seconds": self._seconds + perf_counter() - self._began}
        if self.accelerator.is_main_process:
            self.metrics.write(numbers | seconds)
        plain = {key: each for key, each in numbers.items() if isinstance(each, float)}
        before = 0 if numbers["stage"] == "sft" else self.config.sft.steps  # trackers count on
        self.accelerator.log(plain, step=before + numbers["step"])

    # --- steps, saving, resuming -----------------------------------------------------------------

    def _finish_step(self, stage: str, numbers: dict[str, float], note: str) -> None:
        self.step += 1
        self._log({"stage": stage, "step": self.step, **numbers})
        self.progress.advance(1, note)
        stop = self._asked_to_stop
        if self.accelerator.num_processes > 1:
            stop = bool(over_processes(self.accelerator, {"stop": float(stop)})["stop"])
        every = self.config.checkpoint.every
        if stop or (every and self.step % every == 0):
            self._checkpoint()
        if stop:
            raise Stopped

    def _checkpoint(self) -> None:
        state = {
            "seconds": self._seconds + perf_counter() - self._began,
            "files": (self.metrics.position(), self.samples.position()),
            "buffer": self.buffer.state(),
            "collector": self.collector.state(),
        }
        keep = self.config.checkpoint.keep
        checkpoint.save(self.accelerator, self.run, self.stage, self.step, state, keep=keep)

    def _restore(self, resume: bool) -> None:
        kept = (0, 0)
        state = checkpoint.load(self.accelerator, self.run) if resume else None
        if state is not None:
            self.stage, self.step, self._seconds = state["stage"], state["step"], state["seconds"]
            self.buffer.restore(state["buffer"])
            self.collector.restore(state["collector"])
            kept = state["files"]
        main = self.accelerator.is_main_process
        names = ("metrics.jsonl", "samples.jsonl")
        self.metrics, self.samples = (
            self._exit.enter_context(
                JsonLines(self.run / name if main else Path("/dev/null"), keep=n)
            )
            for name, n in zip(names, kept, strict=True)
        )
        self._began = perf_counter()

    def _reset_optimizer(self, optim: Optimizer) -> None:
        """Forgets the moments of the warm start."""
        self.optimizer.state.clear()
        fresh = make_optimizer(self.policy.model, optim).param_groups
        for group, values in zip(self.optimizer.param_groups, fresh, strict=True):
            group.update({key: each for key, each in values.items() if key != "params"})

    def _save_model(self, folder: Path) -> None:
        self.accelerator.wait_for_everyone()
        state = self.accelerator.get_state_dict(self.model)
        if self.accelerator.is_main_process:
            self.policy.save(folder, state)
        self.accelerator.wait_for_everyone()

    def ask_to_stop(self) -> None:
        """Lets the step that is under way finish, and be saved."""
        self._asked_to_stop = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.accelerator.end_training()
        self._exit.close()
