"""The report of a run: right numbers, inert whatever was sampled, one file, whole or not at all."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rltf_train import report
from rltf_train.errors import TrainError

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)><!-- <b>&amp;&lt;"
    "\x00\x1b[31m\x7f\u202e\u2028\u2029\ud800 ]]> --> @DATA@ ${data} \\u003c"
)
Line = dict[str, Any]


def rl(step: int, **values: float | None) -> Line:
    return {"stage": "rl", "step": step, "seconds": 10.0 * step, "reward/pass": 0.5, **values}


def sample(step: int, verdict: str = "RE", **changes: Any) -> Line:
    return {
        "step": step,
        "problem": "apps/17",
        "prompt": "Print the sum.",
        "pieces": ["print", "(", "1", ")", "\n"],
        "weights": [-0.5, 0.25, 0.0, 1.0, None],
        "fine": [-0.3, 0.0, 0.0, 0.0, 0.0],
        "verdict": verdict,
        "coarse": -0.6,
        "adaptive": 0.1,
        "passed": 3,
        "total": 5,
        "findings": [{"scope": "U_line", "kind": "IndexError", "message": "out of range"}],
        "truncated": False,
        "policy_version": 12,
        **changes,
    }


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


class Page(HTMLParser):
    """The elements of a page and the data in it, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.scripts: list[str] = []
        self.inside = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, attrs))
        self.inside = tag == "script"
        if self.inside:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "first try"
    folder.mkdir()
    (folder / "metrics.jsonl").write_text(
        lines(
            {"stage": "sft", "step": 1, "seconds": 2.5, "loss/sl": 2.0, "lr": 1e-5},
            {"stage": "sft", "step": 2, "seconds": 5.0, "loss/sl": 1.0, "lr": None},
            {"stage": "eval", "after": "sft", "step": 2, "seconds": 6.0, "eval/pass@1": 0.25},
            rl(1, **{"time/wait_share": 0.1, "verdict/ungraded": 0.0}),
            rl(2, **{"time/wait_share": 0.3, "reward/coarse": float("nan"), "lr": float("inf")}),
            {"stage": "eval", "after": "rl", "step": 2, "seconds": 21.0, "eval/pass@1": 0.5},
        )
    )
    (folder / "samples.jsonl").write_text(lines(sample(1), sample(2, "AC")))
    (folder / "config.yaml").write_text("model: tiny\n")
    return folder


def data_of(run: Path) -> Any:
    return json.loads(Page(report.write_report(run).read_text("utf-8")).scripts[0])


def test_the_numbers_arrive(run: Path) -> None:
    data = data_of(run)
    assert (data["run"], data["config"]) == ("first try", "model: tiny\n")
    sft, rl_stage = data["stages"]["sft"], data["stages"]["rl"]
    assert (sft["first"], sft["last"], sft["lines"]) == ([1, 2], [1, 2], 2)
    assert sft["curves"]["loss/sl"]["mean"] == [2.0, 1.0]
    assert sft["curves"]["lr"]["mean"] == [1e-5, None]
    assert rl_stage["curves"]["time/wait_share"]["totals"] == {
        "last": 0.3, "mean": 0.2, "low": 0.1, "high": 0.3
    }  # fmt: skip
    assert rl_stage["curves"]["verdict/ungraded"]["mean"] == [0.0, None]
    assert not {"reward/coarse", "lr"} & set(rl_stage["curves"])  # NaN and Infinity only
    assert data["evaluations"] == [
        {"after": "sft", "step": 2, "values": {"eval/pass@1": 0.25}},
        {"after": "rl", "step": 2, "values": {"eval/pass@1": 0.5}},
    ]
    assert [one["verdict"] for one in data["samples"]] == ["RE", "AC"]
    assert data["samples"][0]["weights"] == [-0.5, 0.25, 0.0, 1.0, None]
    assert data["samples"][0]["findings"][0]["kind"] == "IndexError"


def test_a_resumed_run_counts_its_later_lines_and_all_its_time(run: Path) -> None:
    again = {"stage": "rl", "step": 2, "seconds": 4.0, "reward/pass": 0.75}
    (run / "metrics.jsonl").write_text(lines(rl(1), rl(2), rl(3), again))
    data = data_of(run)
    assert data["seconds"] == 34.0
    assert data["stages"]["rl"]["curves"]["reward/pass"]["mean"] == [0.5, 0.75, 0.5]


def test_hostile_text_is_inert(run: Path) -> None:
    (run / "metrics.jsonl").write_text(lines(rl(1, **{HOSTILE: 1.0})))
    (run / "config.yaml").write_bytes(HOSTILE.encode("utf-8", "surrogatepass") + b"\xff")
    finding = {"scope": HOSTILE, "kind": HOSTILE, "message": HOSTILE}
    evil = sample(1, HOSTILE, pieces=[HOSTILE, *HOSTILE], prompt=HOSTILE, problem=HOSTILE)
    (run / "samples.jsonl").write_text(lines({**evil, "findings": [finding]}))
    target = run.rename(run.with_name("<script>alert(3)<"))
    text = report.write_report(target).read_text("utf-8")
    page, template = Page(text), Page(report.TEMPLATE.read_text("utf-8"))
    assert page.elements == template.elements
    assert page.scripts[1:] == template.scripts[1:]
    assert len(page.scripts) == 2
    assert page.scripts[0].isascii() and not set(page.scripts[0]) & set("<>&\n")
    data = json.loads(page.scripts[0])
    assert data["run"] == "<script>alert(3)<"
    assert data["samples"][0]["pieces"] == [HOSTILE, *HOSTILE]
    assert HOSTILE in data["stages"]["rl"]["curves"]


def test_the_script_never_writes_markup_and_loads_nothing() -> None:
    template = report.TEMPLATE.read_text("utf-8")
    assert template.count(report.SLOT) == 1
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                 "Function(", "import(", "fetch(", "url(h", "@import"):  # fmt: skip
        assert name not in template, name
    assert set(re.findall(r"https?://[\w.]+", template)) == {"http://www.w3.org"}
    assert "default-src 'none'" in template


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ({}, {"pieces": [], "weights": [], "fine": [], "findings": [], "coarse": None}),
        ({"pieces": "no list", "weights": 3, "findings": ["x"]}, {"pieces": [], "findings": []}),
        ({"weights": [float("nan"), True, 10**400, 1e300]}, {"weights": []}),
        ({"pieces": ["a", 7], "weights": [float("-inf"), 2, 3]}, {"weights": [None, 2]}),
        ({"pieces": ["a"] * 5000}, {"more": 5000 - report.TOKENS}),
        ({"pieces": ["a" * 6000] * 3}, {"pieces": ["a" * 6000], "more": 2}),
        ({"prompt": "p" * 4001}, {"prompt": "p" * 4000 + " … (1 more)"}),
    ],
)
def test_odd_samples(run: Path, record: Line, kept: Line) -> None:
    (run / "samples.jsonl").write_text(lines({"step": 1, **record}))
    (shown,) = data_of(run)["samples"]
    assert {key: shown[key] for key in kept} == kept


def test_samples_are_chosen_from_all_of_the_run(run: Path) -> None:
    verdicts = ["WA"] * 9 + ["AC"]
    records = [sample(step, verdicts[step % 10]) for step in range(1000)]
    random.Random(1).shuffle(records)
    (run / "samples.jsonl").write_text(lines(*records))
    chosen = data_of(run)["samples"]
    steps = [one["step"] for one in chosen]
    assert len(steps) == report.SAMPLES and steps == sorted(steps)
    assert steps[0] == 0 and steps[-1] == 999
    assert sum(400 < step < 600 for step in steps) == 8
    assert sum(one["verdict"] == "AC" for one in chosen) == 12


@pytest.mark.parametrize("count", [0, 1, 2, 23, 24])
def test_few_samples_are_all_shown(run: Path, count: int) -> None:
    (run / "samples.jsonl").write_text(lines(*(sample(step) for step in range(count))))
    assert [one["step"] for one in data_of(run)["samples"]] == list(range(count))


def test_only_the_metrics_are_needed(run: Path) -> None:
    (run / "samples.jsonl").unlink()
    (run / "config.yaml").unlink()
    data = data_of(run)
    assert (data["config"], data["samples"]) == ("", [])
    (run / "metrics.jsonl").write_text("")
    assert data_of(run)["stages"] == {}


def test_a_line_that_is_still_being_written_is_left_out(run: Path) -> None:
    for name, line in (("metrics.jsonl", lines(rl(3))), ("samples.jsonl", lines(sample(3)))):
        with (run / name).open("ab") as file:
            file.write(line.replace("0.5", "0.5é").encode()[: len(line) // 2])
    data = data_of(run)
    assert data["stages"]["rl"]["last"] == [1, 2]
    assert len(data["samples"]) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"stage": "rl", "st', "not valid JSON"),
        (b"\xff{}", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[1]", "expected an object with an integer 'step'"),
        (b'{"stage": "rl"}', "expected an object with an integer 'step'"),
        (b'{"stage": "rl", "step": true}', "expected an object with an integer 'step'"),
        (b'{"stage": ["rl"], "step": 1}', "'stage' is not one of sft, rl, eval"),
    ],
)
def test_a_malformed_line_is_named(run: Path, line: bytes, reason: str) -> None:
    metrics = run / "metrics.jsonl"
    metrics.write_bytes(lines(rl(1)).encode() + line + b"\n" + lines(rl(2)).encode())
    with pytest.raises(TrainError) as caught:
        report.write_report(run)
    assert str(caught.value) == f"{metrics}:2: {reason}"
    assert not (run / "report.html").exists()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"/none: no such run$"):
        report.write_report(tmp_path / "none")
    with pytest.raises(TrainError, match=r"metrics\.jsonl: no such file"):
        report.write_report(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("")
    (tmp_path / "report.html").mkdir()
    with pytest.raises(TrainError, match=r"report\.html.*: Is a directory$"):
        report.write_report(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "report.html"]


def test_the_page_is_replaced_whole_or_not_at_all(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = report.write_report(run)
    before, inode = page.read_bytes(), page.stat().st_ino
    names = sorted(path.name for path in run.iterdir())

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(TrainError, match="No space left on device"):
            report.write_report(run)
    assert page.read_bytes() == before
    assert report.write_report(run) == page
    assert page.stat().st_ino != inode
    assert sorted(path.name for path in run.iterdir()) == names


def test_long_runs_give_small_pages(run: Path) -> None:
    """50,000 lines of 40 numbers, and the largest samples that are shown."""
    numbers = random.Random(2)
    rows = [
        json.dumps({f"group/{name}": numbers.random() for name in range(40)})[1:]
        for _ in range(100)
    ]
    with (run / "metrics.jsonl").open("w") as file:
        for step in range(50_000):
            stage = "sft" if step < 10_000 else "rl"
            file.write(f'{{"stage": "{stage}", "step": {step}, {rows[step % 100]}\n')
    huge: Line = {
        "pieces": ["<" * 10] * 2000,
        "weights": [-0.123456789] * 2000,
        "prompt": "&" * 9000,
    }
    (run / "samples.jsonl").write_text(lines(*(sample(step, **huge) for step in range(30))))
    stage = data_of(run)["stages"]["rl"]
    assert (run / "report.html").stat().st_size < 3_000_000
    assert stage["lines"] == 40_000
    assert (stage["first"][0], stage["last"][-1]) == (10_000, 49_999)
    for curve in stage["curves"].values():
        assert len(stage["first"]) == len(curve["mean"]) <= report.POINTS
        pairs = zip(curve["low"], curve["mean"], curve["high"], strict=True)
        assert all(low <= mean <= high for low, mean, high in pairs)


# --- in a browser --------------------------------------------------------------------------------

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


Browser = Callable[[str], str]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """From an address to what a browser makes of it, as markup."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no Chromium or Chrome to draw the page with")
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", profile]

    def drawn(address: str) -> str:
        done = subprocess.run([*command, address], capture_output=True, timeout=60, check=True)
        return done.stdout.decode("utf-8")

    try:
        assert "<body>" in drawn("about:blank")
    except (OSError, AssertionError, subprocess.SubprocessError) as error:
        pytest.skip(f"{program} does not work here: {error}")
    return drawn


def test_a_browser_draws_it(run: Path, browser: Browser) -> None:
    many = (rl(step, **{"verdict/AC": 0.5, "verdict/WA": 0.5, "lr": 0.0}) for step in range(3, 900))
    with (run / "metrics.jsonl").open("a") as file:
        file.write(lines(*many))
    evil = sample(3, HOSTILE, pieces=[HOSTILE, "x"], weights=[-1.0, 0.5], prompt=HOSTILE)
    (run / "samples.jsonl").write_text(lines(sample(1), evil))
    text = browser(report.write_report(run).as_uri())
    page = Page(text)
    assert 'id="problem" role="alert" hidden' in text
    assert re.search(r'<html [^>]*data-drawn="\d+"', text)
    curves = [dict(attrs) for tag, attrs in page.elements if tag == "path" and dict(attrs).get("d")]
    assert len([curve for curve in curves if (curve["d"] or "").count("L") > 100]) > 5
    assert not any("NaN" in (curve["d"] or "") for curve in curves)
    assert len(page.scripts) == 2
    assert not {"img", "iframe"} & {tag for tag, _ in page.elements}
    titles = [value for tag, attrs in page.elements for key, value in attrs if key == "title"]
    assert "⟨D800⟩" in text and "⟨202E⟩" in text and "⟨0000⟩" in text
    assert "weight −0.5" in titles and "weight −1" in titles and "no weight" in titles


def test_a_browser_draws_an_empty_run(run: Path, browser: Browser) -> None:
    (run / "metrics.jsonl").write_text("")
    (run / "samples.jsonl").write_text(lines({"step": 1}))
    text = browser(report.write_report(run).as_uri())
    assert 'id="problem" role="alert" hidden' in text
    assert "nothing was trained yet" in text
