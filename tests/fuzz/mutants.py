"""Every small mistake that a module could have: one changed node of its syntax tree each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy, deepcopy
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
class Site:
    """Where a mutant can be made: which node of a module, and which of its changes.

    `text` is the source line, `column` counts in it from its first letter: together they name the place for as long as
    the line is not changed.
    """

    path: Path
    line: int
    column: int
    last_line: int
    text: str
    before: str
    after: str
    node: int
    change: int

    @property
    def title(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  ->  {self.after}"


def sites_of(path: Path, text: str) -> Iterator[Site]:
    """Every site of a module. Annotations, decorators, prose and the texts of errors are left alone."""
    lines = text.splitlines()
    for number, node in enumerate(_code(ast.parse(text))):
        for change, (name, new) in enumerate(_changes(node)):
            line = getattr(node, "lineno", 1)
            bare = lines[line - 1].lstrip()
            yield Site(
                path=path,
                line=line,
                column=getattr(node, "col_offset", 0) - (len(lines[line - 1]) - len(bare)),
                last_line=getattr(node, "end_lineno", line),
                text=bare,
                before=_short(ast.unparse(node)),
                after=_short(ast.unparse(_changed(node, name, new) if name else new)),
                node=number,
                change=change,
            )


def mutant_at(site: Site, text: str) -> ast.Module:
    """The module with the mutant of a site, made from the same text. What was not changed keeps its lines."""
    tree = ast.parse(text)
    node = list(_code(tree))[site.node]
    name, new = list(_changes(node))[site.change]
    _replace(tree, node, _changed(node, name, new) if name else deepcopy(new))
    return ast.fix_missing_locations(tree)


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


def _changed(node: ast.AST, name: str, new: ast.AST) -> ast.AST:
    """The node with another value in one of its fields."""
    other = copy(node)
    setattr(other, name, [new] if isinstance(getattr(node, name), list) else new)
    return other


def _replace(tree: ast.AST, node: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, new)
            elif isinstance(value, list):
                value[:] = [new if item is node else item for item in value]
