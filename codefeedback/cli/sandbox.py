"""``codefeedback sandbox``: the images that containers are started from."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from codefeedback.cli.failures import ACCEPTED, tell
from codefeedback.errors import UsageError
from codefeedback.sandbox.engine import DEFAULT_IMAGE, KINDS, image_of
from codefeedback.sandbox.leftovers import prune as remove_leftovers
from codefeedback.sandbox.lookup import find_engine

if TYPE_CHECKING:
    from codefeedback.sandbox.images import Built


@click.group()
def sandbox() -> None:
    """Make the images of the docker sandbox, and remove its containers."""


@sandbox.command(
    epilog="""\b
Examples:
  codefeedback sandbox build
  codefeedback sandbox build --from-host
  codefeedback sandbox build --from-host --python python3.12 --package sympy --tag judge:sympy

\b
Exit status:
  0  the image is there
  2  bad usage, an interpreter that does not run, a package that is not installed, no docker extra
  3  no container engine, or it could not build the image"""
)
@click.option(
    "--from-host",
    is_flag=True,
    help="Make the image of an interpreter of this machine: needs no registry and no network.",
)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="python",
    show_default=True,
    help="What programs can import: python's standard library alone, or numpy as well.",
)
@click.option(
    "--python",
    metavar="PATH",
    help="With --from-host: the interpreter.  [default: the one that runs codefeedback]",
)
@click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="NAME",
    help="With --from-host: an installed package that programs can import, with all that it "
    "requires. Can be given several times.",
)
@click.option(
    "--base", metavar="IMAGE", help="Without --from-host: the image whose Python is taken."
)
@click.option(
    "--network", metavar="MODE", help="Without --from-host: the network of the build, such as host."
)
@click.option(
    "--build-arg",
    "build_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="Without --from-host: a setting of the Dockerfile, such as PIP_INDEX_URL=... Can be given "
    "several times.",
)
@click.option(
    "--tag",
    metavar="NAME",
    help=f"The name of the image; needed with --python and --package.  "
    f"[default: {DEFAULT_IMAGE}, or -numpy]",
)
def build(
    from_host: bool,
    kind: str,
    python: str | None,
    packages: tuple[str, ...],
    base: str | None,
    network: str | None,
    build_args: tuple[str, ...],
    tag: str | None,
) -> int:
    """Make the image that programs run in.

    It has a Python, some small tools (sh, cat, grep, ...) and no more. Build it again after
    codefeedback was upgraded.
    """
    _check_use(
        from_host,
        {"--python": python, "--package": packages},
        {"--base": base, "--network": network, "--build-arg": build_args},
    )
    # Takes as long to import as all the rest of the command line.
    from codefeedback.sandbox.images import PACKAGES, build_from_dockerfile, build_from_host

    arguments = _assignments(build_args)
    if (packages or python) and not tag:
        raise UsageError("--tag: name this image, so that the standard one stays what it is")
    with contextlib.closing(find_engine()) as engine:
        if from_host:
            wanted = list(dict.fromkeys([*PACKAGES[kind], *packages]))
            built = build_from_host(
                engine, python=python, packages=wanted, tag=tag or image_of(kind), progress=tell
            )
        else:
            built = build_from_dockerfile(
                engine,
                kind,
                base=base,
                tag=tag,
                buildargs=arguments,
                network=network,
                progress=tell,
            )
    click.echo(_summary(built))
    return ACCEPTED


@sandbox.command(
    epilog="""\b
Exit status:
  0  nothing is left
  3  no container engine, or it could not remove a container"""
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Remove containers that are in use, too: their programs are graded again.",
)
def prune(everything: bool) -> int:
    """Remove containers whose grader is gone.

    Containers end and are removed with their grader, also when that is killed. This finds those of
    which the engine or a crash of the machine kept that from happening.
    """
    with contextlib.closing(find_engine()) as engine:
        removed = remove_leftovers(engine, everything)
    for name in removed:
        click.echo(f"removed {name}")
    if not removed:
        click.echo("nothing to remove")
    return ACCEPTED


def _check_use(from_host: bool, of_host: dict[str, object], of_build: dict[str, object]) -> None:
    """Raises UsageError for an option that would do nothing."""
    idle, rule = (of_build, "cannot be used with") if from_host else (of_host, "needs")
    for option, value in idle.items():
        if value:
            raise UsageError(f"{option} {rule} --from-host")


def _assignments(build_args: Sequence[str]) -> dict[str, str]:
    arguments = {}
    for text in build_args:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--build-arg {text}: NAME=VALUE is wanted")
        arguments[name] = value
    return arguments


def _summary(built: Built) -> str:
    has = [f"Python {built.python}", *(f"{name} {built.packages[name]}" for name in built.packages)]
    image = "" if built.tag == DEFAULT_IMAGE else f" --image {built.tag}"
    return (
        f"{built.tag} ({built.bytes / 1e6:.0f} MB, {', '.join(has)}) is ready: "
        f"codefeedback grade solution.py --tests tests.json --sandbox docker{image}"
    )
