"""Sizes that keep a module readable, and names that a package gives out on purpose."""

from __future__ import annotations

import ast

from tests.architecture.sources import ROOT, module_of, modules

MAX_MODULE_LINES = 450
MAX_FUNCTION_LINES = 60
MAX_WAIT_IN_TESTS = 0.2
"""Seconds. A longer sleep in a test waits for something that has an event."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_modules_stay_readable() -> None:
    sizes = {module.name: len(module.text.splitlines()) for module in modules()}
    assert {name: size for name, size in sizes.items() if size > MAX_MODULE_LINES} == {}


def test_functions_stay_readable() -> None:
    sizes = {
        f"{module.path}:{node.lineno}: {node.name}": _lines(node)
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, Function)
    }
    assert {name: size for name, size in sizes.items() if size > MAX_FUNCTION_LINES} == {}


def test_modules_say_what_they_are_for() -> None:
    assert [module.name for module in modules() if not ast.get_docstring(module.tree)] == []


def test_layers_say_what_is_public() -> None:
    """`__all__` in each layer that gives out names. A package inside a layer is the layer's own business."""
    layers = [module for module in modules() if module.path.name == "__init__.py" and module.name.count(".") == 1]
    silent = [layer.name for layer in layers if _public_names(layer.tree) and _all(layer.tree) is None]
    assert silent == []
    absent = {layer.name: set(_all(layer.tree) or ()) - _public_names(layer.tree) for layer in layers}
    assert {name: names for name, names in absent.items() if names} == {}


def test_nothing_is_caught_without_a_name() -> None:
    bare = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert bare == []


def test_tests_wait_for_events_not_for_time() -> None:
    """A constant sleep of some length is a guess about the machine's speed."""
    naps = [
        f"{path}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(module_of(path).tree)
        if isinstance(node, ast.Call) and _nap(node) >= MAX_WAIT_IN_TESTS
    ]
    assert naps == []


def _nap(call: ast.Call) -> float:
    match call:
        case ast.Call(func=ast.Attribute(attr="sleep"), args=[ast.Constant(value=int() | float() as seconds), *_]):
            return seconds
    return 0


def _lines(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _public_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.ImportFrom(module=source) if source != "__future__":
                names |= {alias.asname or alias.name for alias in node.names}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("_")}


def _all(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            value = ast.literal_eval(node.value)
            return list(value)
    return None
