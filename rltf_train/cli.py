"""The command `rltf-train`. The only place that prints results and exits."""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from rltf_train.errors import TrainError

if TYPE_CHECKING:
    from rltf_train.config import Config

_NEEDED = {"torch": "torch", "transformers": "transformers", "accelerate": "accelerate",
           "pydantic": "pydantic", "yaml": "PyYAML"}  # fmt: skip
STOPPED = 130

_config = click.argument("config", type=click.Path(path_type=Path))
_set = click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE",
                    help="Replace one setting; can be given again.")  # fmt: skip
_resume = click.option("--resume", is_flag=True, help="Go on with the run that is in its folder.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="rltf-codefeedback")
def main() -> None:
    """Train a model of code on what its programs do: online RLTF on codefeedback's spans."""


@main.command()
@_config
@_set
@_resume
def run(config: Path, overrides: tuple[str, ...], resume: bool) -> None:
    """Train as CONFIG (YAML) says: warm start, RL, evaluation, report.

    Ctrl-C finishes the step and saves; --resume goes on from there, and after a crash.
    """
    _train(_load(config, overrides), resume=resume)


@main.command()
@_config
@_set
@_resume
def sft(config: Path, overrides: tuple[str, ...], resume: bool) -> None:
    """Only the warm start of CONFIG, and an evaluation of it."""
    _train(_load(config, (*overrides, "rl.steps=0")), resume=resume)


@main.command("eval")
@_config
@_set
@click.option("--out", type=click.Path(path_type=Path), help="Write the numbers as JSON.")
def evaluate(config: Path, overrides: tuple[str, ...], out: Path | None) -> None:
    """pass@k of CONFIG's model on its eval.data.

    For a trained model: --set model.name=RUN/model --set model.init=pretrained
    """
    settings = _load(config, overrides)
    if out is not None and not out.parent.is_dir():
        _fail(TrainError(f"--out: there is no folder {out.parent}"))
    from rltf_train.progress import Progress
    from rltf_train.startup import score

    progress = Progress(visible=True)
    try:
        numbers = score(settings, progress)
    except TrainError as error:
        _fail(error)
    finally:
        progress.close()
    for key, value in numbers.items():
        click.echo(f"{key:<20} {value:.4f}")
    if out is not None:
        import json

        told = {key: None if value != value else value for key, value in numbers.items()}
        out.write_text(json.dumps(told, indent=1) + "\n")


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Write RUN/report.html: curves and sample programs on one page."""
    from rltf_train.report import write_report

    try:
        click.echo(write_report(folder))
    except TrainError as error:
        _fail(error)


def _load(path: Path, overrides: tuple[str, ...]) -> Config:
    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if missing:
        _fail(TrainError(f"{', '.join(missing)} not installed: "
                         "pip install 'rltf-codefeedback[train]'"))  # fmt: skip
    from rltf_train.config import load

    try:
        return load(path, overrides)
    except TrainError as error:
        _fail(error)


def _train(config: Config, *, resume: bool) -> None:
    from rltf_train.report import write_report
    from rltf_train.train import Stopped, Trainer

    try:
        with Trainer(config, resume=resume) as trainer:
            _listen(trainer)
            try:
                trainer.supervised()
                trainer.reinforce()
            except Stopped:
                trainer.progress.say(f"stopped and saved; go on with --resume ({config.output})")
                sys.exit(STOPPED)
            if trainer.accelerator.is_main_process:
                trainer.progress.say(f"report: {write_report(trainer.run)}")
    except TrainError as error:
        _fail(error)


def _listen(trainer: Any) -> None:
    """The first Ctrl-C (or SIGTERM) asks, the second one ends the program at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        trainer.progress.say("stopping after this step; once more to stop at once, unsaved")
        trainer.ask_to_stop()

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)


def _fail(error: TrainError) -> NoReturn:
    click.echo(f"rltf-train: {error}", err=True)
    sys.exit(2)
