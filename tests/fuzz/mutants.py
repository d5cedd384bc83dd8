"""Every small mistake that a module could have: one changed node of its syntax tree each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

# What each operator is mistaken for.
SWAPS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change to one module. `source` is the whole module with it."""

    path: Path
    line: int
    before: str
    after: str
    source: str

    @property
    def title(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  ->  {self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a mutant can be made: which node, and which of its changes."""

    path: Path
    line: int
    node: int
    change: int


def sites_of(path: Path, text: str) -> Iterator[Site]:
    """Every site of a module. Annotations, decorators, prose and the texts of errors are left alone."""
    for number, node in enumerate(_code(ast.parse(text))):
        for change, _ in enumerate(_changes(node)):
            yield Site(path=path, line=getattr(node, "lineno", 0), node=number, change=change)


def mutant_at(site: Site, text: str) -> Mutant:
    """The mutant of a site, made from the same text."""
    tree = ast.parse(text)
    node = list(_code(tree))[site.node]
    change = list(_changes(node))[site.change]
    before = ast.unparse(node)
    after = _put(tree, node, change)
    source = ast.unparse(ast.fix_missing_locations(tree))
    return Mutant(path=site.path, line=site.line, before=_short(before), after=_short(after), source=source)


def _short(code: str) -> str:
    first, _, more = code.partition("\n")
    return first + (" ..." if more else "")


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that can be changed, always in the same order."""
    skipped: list[ast.AST | None] = []
    match node:
        case ast.FunctionDef():
            skipped = [*node.decorator_list, node.returns]
        case ast.ClassDef():
            skipped = [*node.decorator_list]
        case ast.AnnAssign() | ast.arg():
            skipped = [node.annotation]
        case ast.JoinedStr() | ast.ImportFrom():
            return
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.BinOp(op=ast.BitOr())) if name[:1].isupper():
            if not name.isupper():
                return  # a type alias
        case ast.Expr(value=ast.Constant()):
            return
    yield node
    for child in ast.iter_child_nodes(node):
        if not any(child is other for other in skipped):
            yield from _code(child)


Change = tuple[str, ast.AST]
"""Which field of the node (or "" for the node itself), and what comes in its place."""


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[op]):
            yield from (("ops", other()) for other in SWAPS.get(type(op), ()))
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op):
            yield from (("op", other()) for other in SWAPS.get(type(op), ()))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "", operand
        case ast.UnaryOp(op=ast.Invert() | ast.USub(), operand=operand):
            yield "", operand
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare):  # turned round already
                yield "test", ast.UnaryOp(op=ast.Not(), operand=test)
        case ast.Return(value=ast.expr() as value):
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield "value", ast.Constant(value=None)
        case ast.Constant(value=bool(value)):
            yield "", ast.Constant(value=not value)
        case ast.Constant(value=int(value)):
            yield "", ast.Constant(value=value + 1)
            yield "", ast.Constant(value=value - 1)
        case ast.Constant(value=bytes(value)):
            yield "", ast.Constant(value=value + b"\0")


def _put(tree: ast.AST, node: ast.AST, change: Change) -> str:
    """Make the change in the tree; gives the code that the node is now."""
    name, new = change
    new = deepcopy(new)
    if name:
        setattr(node, name, [new] if isinstance(getattr(node, name), list) else new)
        return ast.unparse(node)
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, new)
            elif isinstance(value, list):
                value[:] = [new if item is node else item for item in value]
    return ast.unparse(new)
