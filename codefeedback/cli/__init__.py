"""The command ``codefeedback``. The only room that prints and exits.

Reports and summaries go to standard output, everything else to standard error. Exit status: 0 and
1 are said by the command, 2 is a mistake in what we were given, 3 a failure of ours, 130 Ctrl-C,
143 SIGTERM.
"""

from __future__ import annotations

from typing import NoReturn

import click

from codefeedback import __version__
from codefeedback.cli.convert import convert
from codefeedback.cli.doctor import doctor
from codefeedback.cli.evaluate import evaluate
from codefeedback.cli.failures import Commands, treat_termination_as_interrupt
from codefeedback.cli.grade import grade
from codefeedback.cli.sandbox import sandbox


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  codefeedback grade solution.py --tests tests.json
  codefeedback evaluate samples.jsonl --problems HumanEval.jsonl.gz --k 1,10 --out results.jsonl
  codefeedback convert apps/train/0001 -o tests.json
  codefeedback doctor
  codefeedback sandbox build --from-host

'codefeedback COMMAND --help' tells all about a command.""",
)
@click.version_option(__version__, prog_name="codefeedback")
def cli() -> None:
    """Run programs against their tests and say where they went wrong.

    Tests are read in every public format (APPS, HumanEval, MBPP, LiveCodeBench, ...), which is
    recognised by itself. A program is judged case by case: AC accepted, WA wrong answer, CE does
    not compile, RE run-time error, TLE, MLE and OLE over the time, memory or output limit.
    """


for _command in (grade, evaluate, convert, doctor, sandbox):
    cli.add_command(_command)


def main() -> NoReturn:
    """The entry point of the command."""
    treat_termination_as_interrupt()
    cli.main(prog_name="codefeedback")
