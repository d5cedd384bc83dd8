"""The project's source files, parsed once."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module of the package. `name`: dotted, e.g. `gateway.at.engine`."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def unit(self) -> str:
        """The layer it belongs to: the part after `gateway.`; "" for the package's own `__init__`."""
        return unit_of(self.name)

    @property
    def imports(self) -> frozenset[str]:
        """Dotted names of everything that it imports, at any depth, functions and type-checking blocks too."""
        return frozenset(_imports(self))


def unit_of(name: str) -> str:
    """`gateway.at.engine` → `at`, `gateway` → ``."""
    return [*name.split("."), ""][1]


@cache
def modules() -> tuple[Module, ...]:
    """All modules of the package, in path order."""
    return tuple(module_of(path) for path in sorted((ROOT / PACKAGE).rglob("*.py")))


def module_of(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    text = path.read_text(encoding="utf-8")
    return Module(name=name, path=path, text=text, tree=ast.parse(text, str(path)))


def tracked_files() -> list[Path]:
    """Every file that belongs to the project: what git has, or would take, without what it ignores."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def _imports(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=source, level=level, names=names):
                yield from _from(_base(module, source, level), [alias.name for alias in names])


def _from(base: str, names: list[str]) -> Iterator[str]:
    """`from gateway import clock` imports gateway.clock; `from gateway.clock import Clock` stays gateway.clock."""
    if base == PACKAGE:
        yield from (f"{base}.{name}" if _is_module(name) else base for name in names)
    else:
        yield base


def _is_module(name: str) -> bool:
    return (ROOT / PACKAGE / name).is_dir() or (ROOT / PACKAGE / f"{name}.py").is_file()


def _base(module: Module, source: str | None, level: int) -> str:
    if level == 0:
        return source or ""
    parts = module.name.split(".")
    package = parts if module.path.name == "__init__.py" else parts[:-1]
    kept = package[: len(package) - level + 1]
    return ".".join(kept + ([source] if source else []))
