"""Refreshes: which problems come, what known programs are worth, and what is kept of them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytest.importorskip("pydantic")
pytest.importorskip("yaml")
pytest.importorskip("tokenizers")

import torch
from tiny import (
    BROKEN,
    HALF,
    PLAIN,
    RAISES,
    RIGHT,
    SETTINGS,
    SHORT_OF,
    TEMPLATE,
    Script,
    problem,
    ungradable,
    write_lines,
)
from transformers import AutoTokenizer

import codefeedback as cf
from rltf_train.collect import Collector, Refresh, shuffled
from rltf_train.config import Config, load
from rltf_train.data import Prompts, Template, load_tasks
from rltf_train.errors import TrainError
from rltf_train.pipeline import Pipeline, make_grader
from rltf_train.rollouts import Sample

ALL = (RIGHT, HALF, RAISES, BROKEN)
COARSE = [1.0, -0.3, -0.6, -1.0]
ADAPTIVE = [1.0, 0.35, -0.3, -0.3]  # -0.3 + 1.3 times the share of passed cases


class Bench:
    """A collector over a script in place of a model."""

    def __init__(self, home: Path, folder: Path, grader: cf.Grader) -> None:
        self._grader = grader
        self.tokenizer = AutoTokenizer.from_pretrained(home / "causal")
        self._folder = folder
        self._open: list[Pipeline] = []
        (folder / "plain.yaml").write_text(SETTINGS + PLAIN)
        self.rows = [problem(number) for number in range(1, 4)]

    def config(self, *changes: str) -> Config:
        return load(self._folder / "plain.yaml", changes)

    def collector(
        self,
        programs: Sequence[str] | Mapping[str, Sequence[str]],
        *changes: str,
        greedy: str = "",
        grader: Any = None,
    ) -> Collector:
        config = self.config(*changes)
        write_lines(self._folder / "rows.jsonl", self.rows)
        tasks = load_tasks(str(self._folder / "rows.jsonl"))
        if grader is None and config.loss.mask == "executed":
            grader = make_grader(config.grading, config.loss.fine_terms, weight=0, executed=True)
        grader = grader or Kept(self._grader)
        script = Script(self.tokenizer, programs, greedy)
        pipeline = Pipeline(script, grader, self.tokenizer, chunk=5, longest=40)
        self._open.append(pipeline)
        return Collector(
            config, pipeline, tasks, Prompts(self.tokenizer, Template(TEMPLATE), longest=40)
        )

    def one(self, programs: Sequence[str], *changes: str, greedy: str = "") -> Refresh:
        """The refresh of one problem."""
        collector = self.collector(
            programs, f"sampling.samples={len(programs)}", *changes, greedy=greedy
        )
        collector.draw(0, 1)
        return collector.take()

    def close(self) -> None:
        for pipeline in self._open:
            pipeline.close()


class Kept:
    """A grader that outlives the pipeline."""

    def __init__(self, grader: cf.Grader) -> None:
        self.grade_many = grader.grade_many
        self.sandbox = SimpleNamespace(close=lambda: None)

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def grader() -> Iterator[cf.Grader]:
    with cf.Grader(reuse=True, allow_weak_sandbox=True) as grader:
        yield grader


@pytest.fixture
def bench(home: Path, tmp_path: Path, grader: cf.Grader) -> Iterator[Bench]:
    bench = Bench(home, tmp_path, grader)
    yield bench
    bench.close()


def values(samples: Sequence[Sample], name: str) -> list[float]:
    """The one advantage of all tokens of each program."""
    found = []
    for sample in samples:
        row = getattr(sample, f"{name}_T")
        assert len(row) == len(sample.response_ids)
        assert (row == row[0]).all()
        found.append(float(row[0]))
    return found


# --- what programs are worth ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("baseline", "coarse", "adaptive"),
    [
        ("none", [0.0] * 4, [0.0] * 4),
        ("group-mean", [-0.225] * 4, [0.1875] * 4),
        ("best", [-0.225] * 4, [0.1875] * 4),  # there is none yet
        ("greedy", [-0.3] * 4, [0.35] * 4),
        ("rloo", [-1.9 / 3, -0.2, -0.1, 0.1 / 3], [-0.25 / 3, 0.4 / 3, 1.05 / 3, 1.05 / 3]),
    ],
)
def test_advantages_over(
    baseline: str, coarse: list[float], adaptive: list[float], bench: Bench
) -> None:
    refresh = bench.one(ALL, f"loss.baseline={baseline}", greedy=HALF)
    assert len(refresh.samples) == 4  # the greedy program is none of them
    for name, rewards, bases in (
        ("coarse", COARSE, coarse),
        ("adaptive", ADAPTIVE, adaptive),
    ):
        expected = [one - other for one, other in zip(rewards, bases, strict=True)]
        assert values(refresh.samples, name) == pytest.approx(expected, abs=1e-6)
    assert [sample.passed for sample in refresh.samples] == [True, False, False, False]
    assert all(sample.graded for sample in refresh.samples)


def test_the_best_program_so_far(bench: Bench) -> None:
    """It is that of the problem, of earlier refreshes, and never gets worse."""
    bench.rows = [problem(1), problem(2)]
    script = {
        "twice 1": [RAISES, HALF, RIGHT, BROKEN, HALF, HALF],
        "twice 2": [BROKEN, BROKEN, RAISES, BROKEN, RAISES, BROKEN],
    }
    collector = bench.collector(script, "loss.baseline=best", "sampling.samples=2")
    found: dict[str, list[float]] = {"twice-1": [], "twice-2": []}
    for version in range(3):
        collector.draw(version, 2)
        for sample in collector.take().samples:
            found[sample.problem] += values([sample], "coarse")
    assert found["twice-1"] == pytest.approx([-0.15, 0.15, 1.3, -0.7, -1.3, -1.3])
    assert found["twice-2"] == pytest.approx([0.0, 0.0, 0.4, 0.0, 0.0, -0.4])


def test_a_share_of_passed_cases_in_place_of_coarse(bench: Bench) -> None:
    refresh = bench.one(ALL, "loss.baseline=none", "loss.adaptive_mode=replace")
    assert values(refresh.samples, "coarse") == pytest.approx([1.0, 0.35, -0.6, -1.0])


def test_groups_by_their_deviation(bench: Bench) -> None:
    refresh = bench.one(ALL, "loss.scale=group-std")
    rewards = torch.tensor(COARSE)
    expected = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
    assert values(refresh.samples, "coarse") == pytest.approx(expected.tolist(), abs=1e-5)


def test_only_tokens_that_ran(bench: Bench) -> None:
    (sample, _) = bench.one((SHORT_OF, BROKEN), "loss.mask=executed").samples
    pieces = [str(bench.tokenizer.decode(each)) for each in sample.response_ids]
    hidden = [bool(value == 0) for value in sample.coarse_T]
    text = "".join(piece for piece, flag in zip(pieces, hidden, strict=True) if flag)
    assert text == "    print(0)\n"
    assert torch.equal(sample.coarse_T != 0, sample.adaptive_T != 0)


def test_blamed_tokens(bench: Bench) -> None:
    refresh = bench.one((RAISES, RIGHT), "loss.fine=1.0", "loss.fine_terms.alpha=none")
    sample, passed = refresh.samples
    first = len(bench.tokenizer("n = int(input())\n").input_ids)
    line = len(bench.tokenizer("print(m * 2)").input_ids)
    weights = [0.0] * first + [-0.3] * line + [0.0, 0.0]  # the line's end, and the program's
    assert sample.fine_T.tolist() == pytest.approx(weights)
    assert not passed.fine_T.any()
    total = len(sample.response_ids) + len(passed.response_ids)
    assert refresh.numbers["span/tokens"] == pytest.approx(line / total)
    assert refresh.shown[0]["fine"] == sample.fine_T.tolist()


def test_what_is_switched_off_is_not_blamed(bench: Bench) -> None:
    assert not any(sample.fine_T.any() for sample in bench.one(ALL, "loss.fine=0.0").samples)


def test_a_program_without_an_end(bench: Bench) -> None:
    """Where the limit of tokens broke it, all of it is blamed; the same text with an end is
    another case."""
    changes = ("loss.fine=1.0", "loss.fine_terms.alpha=none")
    cut, whole = bench.one((BROKEN.strip() + "...", BROKEN.strip()), *changes).samples
    assert (cut.truncated, whole.truncated) == (True, False)
    assert cut.response_ids == whole.response_ids[:-1]
    assert cut.fine_T.all()
    refresh = bench.one((BROKEN.strip() + "...", RIGHT))
    assert refresh.numbers["length/truncated"] == 0.5


# --- what cannot be graded -----------------------------------------------------------------------


def test_ungraded_programs_are_compared_with_nothing(bench: Bench) -> None:
    bench.rows = [ungradable(1)]
    refresh = bench.one((RIGHT, RAISES, BROKEN), "loss.fine=1.0")
    assert [sample.graded for sample in refresh.samples] == [False, True, True]
    assert values(refresh.samples, "coarse") == pytest.approx([0.0, 0.2, -0.2])
    ungraded = refresh.samples[0]
    assert not ungraded.passed
    assert not any(row.any() for row in (ungraded.fine_T, ungraded.adaptive_T))
    assert refresh.numbers["verdict/ungraded"] == pytest.approx(1 / 3)
    assert refresh.numbers["reward/coarse"] == pytest.approx(-0.8)
    assert refresh.shown[0]["verdict"] == "ungraded"


@pytest.mark.parametrize("baseline", ["best", "greedy", "group-mean", "rloo", "none"])
def test_a_problem_of_which_nothing_was_graded(baseline: str, bench: Bench) -> None:
    bench.rows = [problem(1), ungradable(2)]
    collector = bench.collector(
        {"twice 1": ALL, "twice 2": [RIGHT]}, f"loss.baseline={baseline}", "sampling.samples=4"
    )
    for version in range(2):
        collector.draw(version, 2)
        samples = collector.take().samples
        ungraded = [sample for sample in samples if sample.problem == "ungradable-2"]
        assert len(ungraded) == 4
        assert values(ungraded, "coarse") == [0.0] * 4
        assert values(ungraded, "adaptive") == [0.0] * 4
        assert any(value for value in values(samples, "coarse"))


def test_nothing_was_graded(bench: Bench) -> None:
    bench.rows = [ungradable(1)]
    with pytest.raises(TrainError, match="not one of 2 programs could be graded: CheckerError"):
        bench.one((RIGHT, RIGHT))


def test_a_grader_in_the_sandbox_that_was_asked_for(image: str) -> None:
    grading, loss = Config.model_fields["grading"].default, Config.model_fields["loss"].default
    docker = grading.model_copy(update={"sandbox": "docker", "image": image})
    with make_grader(docker, loss.fine_terms, weight=0, executed=False) as grader:
        assert grader.sandbox.tier == "container"
    with pytest.raises(TrainError, match="only the docker sandbox"):
        local = grading.model_copy(update={"image": image})
        make_grader(local, loss.fine_terms, weight=0, executed=False)


def test_a_grader_for_what_the_loss_uses() -> None:
    grading, fine = Config.model_fields["grading"].default, Config.model_fields["loss"].default
    with pytest.raises(TrainError, match="grading: "):
        make_grader(
            grading.model_copy(update={"workers": 0}), fine.fine_terms, weight=0, executed=False
        )


# --- which problems come -------------------------------------------------------------------------


def test_every_problem_comes_once_in_a_pass() -> None:
    orders = [tuple(shuffled(7, place, 1) for place in range(7 * turn, 7 * turn + 7))
              for turn in range(6)]  # fmt: skip
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert len(set(orders)) > 3
    assert orders[0] != tuple(shuffled(7, place, 2) for place in range(7))
    assert [shuffled(1, place, 0) for place in range(3)] == [0, 0, 0]


def test_refreshes_go_on_where_the_last_one_ended(bench: Bench) -> None:
    collector = bench.collector([BROKEN], "sampling.samples=2")
    drawn = []
    for version in range(3):
        collector.draw(version, 2)  # of three problems
        samples = collector.take().samples
        assert [sample.policy_version for sample in samples] == [version] * 4
        assert samples[0].problem == samples[1].problem
        drawn += [sample.problem for sample in samples[::2]]
    assert Counter(drawn) == {f"twice-{number}": 2 for number in (1, 2, 3)}


def test_more_problems_than_there_are(bench: Bench) -> None:
    collector = bench.collector([BROKEN], "sampling.samples=2")
    collector.draw(0, 5)
    assert len(collector.take().samples) == 10


# --- what is kept --------------------------------------------------------------------------------


def test_the_state_is_all_that_is_to_come(bench: Bench) -> None:
    changes = ("loss.baseline=best", "sampling.samples=2", "loss.fine=1.0")
    one = bench.collector(ALL, *changes)
    one.draw(0, 3)
    one.take()
    one.draw(1, 2)
    one.draw(2, 2)
    file = io.BytesIO()
    torch.save(one.state(), file)
    file.seek(0)
    other = bench.collector(ALL, *changes)
    other.restore(torch.load(file, weights_only=True))
    assert one.ahead == other.ahead == 2
    for version in (3, 4):
        refreshes = []
        for collector in (one, other):
            # The script is not part of it: from here on both are to write the same.
            collector.draw(version, 2)
            refreshes.append(collector.take())
        assert refreshes[0].numbers == refreshes[1].numbers
        assert refreshes[0].shown == refreshes[1].shown
        for ours, theirs in zip(*(each.samples for each in refreshes), strict=True):
            assert _plain(ours) == _plain(theirs)


def _plain(sample: Sample) -> dict[str, Any]:
    return {
        key: value.tolist() if isinstance(value, torch.Tensor) else value
        for key, value in sample.state().items()
    }


def test_what_is_shown(bench: Bench) -> None:
    refresh = bench.one((RAISES, RIGHT), "loss.fine=0.5", "loss.coarse=2.0", "loss.adaptive=1.0")
    (row,) = refresh.shown
    sample = refresh.samples[0]
    assert "".join(row["pieces"]) == RAISES
    assert len(row["pieces"]) == len(sample.response_ids)
    total = 2 * sample.coarse_T + 0.5 * sample.fine_T + sample.adaptive_T
    assert row["weights"] == pytest.approx(total.tolist())
    assert row["verdict"] == "RE"
    assert (row["coarse"], row["passed"], row["total"]) == (-0.6, 0, 2)
    assert [each["kind"] for each in row["findings"]] == ["NameError"]
    collector = bench.collector([BROKEN], "sampling.samples=2")
    collector.draw(0, 6)
    assert len(collector.take().shown) == 4


def test_numbers(bench: Bench) -> None:
    numbers = bench.one((*ALL, RIGHT)).numbers
    assert numbers["reward/coarse"] == pytest.approx((sum(COARSE) + 1) / 5)
    assert numbers["reward/adaptive"] == pytest.approx((sum(ADAPTIVE) + 1) / 5)
    assert numbers["reward/pass"] == numbers["verdict/AC"] == 0.4
    assert [numbers[f"verdict/{name}"] for name in ("WA", "RE", "CE", "ungraded")] == [
        0.2, 0.2, 0.2, 0.0,
    ]  # fmt: skip
    assert numbers["advantage/zero"] == 0
    lengths = [len(bench.tokenizer(text).input_ids) + 1 for text in (*ALL, RIGHT)]
    assert numbers["length/mean"] == pytest.approx(sum(lengths) / 5)


# --- grading beside drawing ----------------------------------------------------------------------


class SlowGrader:
    """Grades when it may, and notes what."""

    def __init__(self) -> None:
        self.may = Event()
        self.seen: list[str] = []
        self._grader = cf.Grader(reuse=True, allow_weak_sandbox=True)
        self.sandbox = self._grader.sandbox

    def grade_many(self, items: Any) -> Iterator[cf.Report | cf.Ungraded]:
        items = list(items)
        assert self.may.wait(20)
        self.seen += [completion.text for completion, _ in items]
        return self._grader.grade_many(items)

    def close(self) -> None:
        self._grader.close()


def test_grading_does_not_hold_up_drawing(bench: Bench) -> None:
    grader = SlowGrader()
    collector = bench.collector([BROKEN], "sampling.samples=4", grader=grader)
    collector.draw(0, 3)
    collector.draw(1, 3)
    assert collector.ahead == 2
    assert grader.seen == []
    grader.may.set()
    assert [sample.policy_version for sample in collector.take().samples] == [0] * 12
    assert [sample.policy_version for sample in collector.take().samples] == [1] * 12


def test_equal_programs_are_graded_once(bench: Bench) -> None:
    grader = SlowGrader()
    grader.may.set()
    programs = (RIGHT, BROKEN, RIGHT, RIGHT, BROKEN)
    collector = bench.collector(programs, "sampling.samples=5", grader=grader)
    collector.draw(0, 1)
    samples = collector.take().samples
    assert [sample.passed for sample in samples] == [True, False, True, True, False]
    assert sorted(grader.seen) == sorted((RIGHT, BROKEN))
