"""The rules of docs/architecture.md that a program can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import codefeedback

ROOT = Path(codefeedback.__file__).parent
TRAINER = ROOT.parent / "rltf_train"

#: The first row that a module's dotted name starts with gives its floor.
FLOORS = {
    "codefeedback.cli": 5,
    "codefeedback.__main__": 6,
    "codefeedback.formats": 4,
    "codefeedback.evaluation": 3.5,
    "codefeedback.grading": 3,
    "codefeedback.assessment": 2.8,
    "codefeedback.loading": 2,
    "codefeedback.checking.judging": 2.5,
    "codefeedback.checking": 2,
    "codefeedback.analysis.cf_inspection": 0,
    "codefeedback.analysis": 2.5,
    "codefeedback.sandbox": 2,
    "codefeedback.scoring": 2,
    "codefeedback.problems": 1,
    "codefeedback.results": 1.5,
    "codefeedback.extraction": 1,
    "codefeedback.tokens": 1,
    "codefeedback.decoding": 0.5,
    "codefeedback.findings": 1,
    "codefeedback.traces": 1,
    "codefeedback.spans": 0,
    "codefeedback.verdicts": 0,
    "codefeedback.errors": 0,
    "codefeedback.forks": 0,
    "codefeedback.version": 0,
    "codefeedback.guest": 0,
    "rltf_train.__main__": 6,
    "rltf_train.cli": 5,
    "rltf_train.train": 4,
    "rltf_train.startup": 3.5,
    "rltf_train.collect": 3,
    "rltf_train.evaluate": 3,
    "rltf_train.report": 3,
    "rltf_train.pipeline": 2.5,
    "rltf_train.update": 2.5,
    "rltf_train.checkpoint": 2,
    "rltf_train.engines": 2,
    "rltf_train.policy": 2,
    "rltf_train.advantages": 1,
    "rltf_train.buffer": 1,
    "rltf_train.data": 1,
    "rltf_train.kv_cache": 1,
    "rltf_train.losses": 1,
    "rltf_train.metrics": 1,
    "rltf_train.progress": 1,
    "rltf_train.rewards": 1,
    "rltf_train.config": 0.5,
    "rltf_train.errors": 0,
    "rltf_train.rollouts": 0,
}
MODULES = sorted(
    path
    for package in (ROOT, TRAINER)
    for path in package.rglob("*.py")
    if path != package / "__init__.py"
)
MAX_FUNCTION_LINES = 60
#: rltf_train is to be read in an evening: files, and lines of code without comments.
MAX_FILE_LINES, MAX_TRAINER_LINES = 350, 2320


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def floor_of(name: str) -> float | None:
    matches = (key for key in FLOORS if name == key or name.startswith(key + "."))
    return next((FLOORS[key] for key in matches), None)


def imports_of(path: Path) -> Iterator[str]:
    """Dotted names of what a module imports, relative imports resolved."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield (
                    inner
                    if (ROOT.parent / inner.replace(".", "/")).with_suffix(".py").exists()
                    else module
                )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    own = floor_of(name_of(path))
    assert own is not None, "give this module a floor"
    own_package = name_of(path).split(".")[0]
    for imported in imports_of(path):
        if imported.startswith(own_package):
            if imported == "codefeedback" and name_of(path) == "codefeedback.cli":
                continue  # __version__
            floor = floor_of(imported)
            room = name_of(path).split(".")[:2]
            same_room = own_package == "codefeedback" and imported.split(".")[:2] == room
            floors = f"{name_of(path)} imports {imported}"
            assert imported == "codefeedback" or same_room or (floor is not None), floors
            if imported != "codefeedback" and not same_room:
                assert floor is not None and floor < own, floors


@pytest.mark.parametrize("path", sorted((ROOT / "guest").glob("*.py")), ids=name_of)
def test_the_guest_needs_only_the_standard_library(path: Path) -> None:
    for imported in imports_of(path):
        first = imported.split(".")[0]
        inside = imported.startswith("codefeedback.guest") or first == "guest"
        assert inside or first in sys.stdlib_module_names


def test_the_trainer_uses_public_names_only() -> None:
    for path in TRAINER.rglob("*.py"):
        for imported in imports_of(path):
            assert not imported.startswith("codefeedback."), f"{path}: {imported}"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "cf":
                assert node.attr in codefeedback.__all__, f"{path}: cf.{node.attr}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_fit_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{path}:{node.lineno} {node.name}: {lines} lines"


def test_the_trainer_is_small() -> None:
    total = 0
    for path in TRAINER.rglob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= MAX_FILE_LINES, path
        total += code_lines(text)
    assert total <= MAX_TRAINER_LINES


def code_lines(text: str) -> int:
    """Lines of code: neither blank, nor comments or docstrings alone."""
    lines = {
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(lines)


def test_public_names_are_sorted_and_exist() -> None:
    assert codefeedback.__all__ == sorted(codefeedback.__all__)
    for name in codefeedback.__all__:
        assert getattr(codefeedback, name).__doc__ or name.isupper()


def test_import_is_light() -> None:
    """Neither torch nor numpy nor rich: a trainer that grades imports little."""
    heavy = "{'torch', 'numpy', 'rich', 'click', 'docker', 'asyncio', 'libcst', 'pyflakes'}"
    program = f"import sys, codefeedback; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
