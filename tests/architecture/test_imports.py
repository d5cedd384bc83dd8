"""Imports point one way. The directions are a table; whoever wants another one changes the table and says why."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

import pytest

from tests.architecture.sources import PACKAGE, Module, modules, unit_of

ALL = frozenset({"*"})
EDGE = frozenset({"messaging", "wire", "config", "errors", "clock"})
"""What stands at the rim and talks to people or programs. `wire` is the JSON that they share."""

ALLOWED: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "clock": frozenset(),
    "crashpoints": frozenset(),
    "pdu": frozenset({"errors"}),
    "mms": frozenset({"errors"}),
    "at": frozenset({"errors"}),  # never pdu: a PDU is opaque hex there
    "modem": frozenset({"at", "pdu", "mms", "errors", "clock"}),
    "accounts": frozenset({"errors", "clock"}),
    # never modem, store, edges: those are its own Protocols
    "messaging": frozenset({"pdu", "mms", "accounts", "errors", "clock"}),
    "sections": frozenset(),
    "compliance_section": frozenset({"sections"}),
    "places": frozenset({"errors"}),
    "config": frozenset({"errors", "places", "sections", "compliance_section"}),
    "settings": frozenset({"config", "sections", "messaging"}),  # the one's words into the other's
    "secret_files": frozenset({"config", "sections", "errors"}),
    "lock": frozenset({"errors"}),
    "store": frozenset({"messaging", "accounts", "errors", "clock"}),
    "wire": frozenset({"messaging", "errors", "clock"}),
    "mqtt": EDGE,
    # what Twilio code is told goes out as webhooks do; the page shows PDUs and counts the segments of a draft
    "web": EDGE | {"accounts", "webhooks", "pdu"},
    "webhooks": EDGE,
    # a command starts what it is named after; `doctor` asks modems and broker as the daemon would
    "cli": EDGE | {"places", "app", "mqtt", "emulator", "modem", "pdu", "mms", "store", "secret_files", "lock"},
    "emulator": frozenset({"pdu", "mms", "errors", "clock"}),  # never at, modem: a shared parser hides shared bugs
    "app": ALL,
    "__main__": frozenset({"cli"}),
    "": frozenset(),
}

EVERYONE = frozenset({"", "crashpoints"})
"""The package itself: its version. And the places where a test kills the process, which do nothing."""

STDLIB_ONLY = ("errors", "clock", "crashpoints", "places", "pdu", "mms", "at")
"""Layers that run on a bare Python."""

PURE = ("gateway.pdu", "gateway.mms", "gateway.at", "gateway.messaging.reassembly")
RIM = frozenset({"asyncio", "serial", "sqlite3", "time", "socket", "threading", "subprocess", "sqlite_utils"})
"""Input and output, which pure modules leave to their callers."""

TIME_READERS = {
    "gateway.clock": "it is the one that everybody else is handed",
    "gateway.cli": "a command in the foreground waits for a process or an answer; no rule of the gateway hangs on it",
}
TIME_CALLS = frozenset(
    {
        *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep")),
        *(f"time.{name}" for name in ("localtime", "gmtime", "strftime", "ctime")),
        *(f"datetime.{name}" for name in ("now", "utcnow", "today")),
        *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
        "date.today",
        "datetime.date.today",
    }
)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def units_of(module: Module) -> set[str]:
    """The layers that a module imports, its own apart."""
    return {unit_of(name) for name in module.imports if is_within(name, PACKAGE)} - {module.unit}


def test_every_layer_has_its_row() -> None:
    assert {module.unit for module in modules()} <= ALLOWED.keys()


def test_imports_point_one_way() -> None:
    wrong = {
        module.name: found
        for module in modules()
        if ALLOWED[module.unit] != ALL and (found := units_of(module) - ALLOWED[module.unit] - EVERYONE)
    }
    assert not wrong


def test_only_the_composition_root_knows_all_layers() -> None:
    assert [unit for unit, allowed in ALLOWED.items() if allowed == ALL] == ["app"]


@pytest.mark.parametrize(
    ("unit", "never"),
    [("at", "pdu"), ("emulator", "at"), ("emulator", "modem"), ("messaging", "modem"), ("messaging", "store")],
)
def test_what_would_defeat_the_design_is_no_matter_of_the_table(unit: str, never: str) -> None:
    assert never not in ALLOWED[unit]
    assert [module.name for module in modules() if module.unit == unit and never in units_of(module)] == []


def test_the_codecs_and_the_at_engine_need_the_standard_library_alone() -> None:
    foreign = {
        (module.name, name)
        for module in modules()
        for name in module.imports
        if module.unit in STDLIB_ONLY
        and not is_within(name, PACKAGE)
        and name.split(".")[0] not in sys.stdlib_module_names
    }
    assert not foreign


def test_input_and_output_stay_at_the_rim() -> None:
    impure = {
        (module.name, name)
        for module in modules()
        for name in module.imports
        if any(is_within(module.name, pure) for pure in PURE) and name.split(".")[0] in RIM
    }
    assert not impure


def test_only_the_clock_reads_time() -> None:
    """Everybody else takes a Clock; `loop.time()` and time-outs of asyncio are no matter of this."""
    found = [
        f"{module.path}:{line}: {what}"
        for module in modules()
        if not any(is_within(module.name, reader) for reader in TIME_READERS)
        for line, what in _readings(module.tree)
    ]
    assert not found


def _readings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every use of a clock, called or handed on; and `from time import …`, which would hide one."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute() if (name := ast.unparse(node)) in TIME_CALLS:
                yield node.lineno, name
            case ast.ImportFrom(module="time", level=0):
                yield node.lineno, ast.unparse(node)
