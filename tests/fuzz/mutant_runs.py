"""The two ways to run the tests against a mutant, both from processes that have everything imported already.

Inside a function: the tests are collected once, and run once to see which of them reach which line. A child then puts
the function's new code into the function that is there and runs the tests that reach it, until one fails.

Where a module is made (tables, constants, defaults, decorators), and in functions that ran while that was done: a child
imports the changed module in the place of the other one, and collects the tests anew.
"""

from __future__ import annotations

import ast
import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.fuzz.forked import forked
from tests.fuzz.mutants import Site, mutant_at

ROOT = Path(__file__).resolve().parents[2]
TESTS = Path("tests/pdu")
LEFT_OUT = ("test_conformance.py", "test_work.py")
"""The recorded vectors are not part of the project: its own tests have to do. How much work it is tells no mistake."""
SURVIVED = "survived"
REIMPORT = "reimport"
PYTEST = ["-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider", "-s", "-x", "--rootdir", str(ROOT)]

Place = tuple[str, str, int]
"""File, qualified name and first line of a function."""
Verdict = tuple[Site, str]


def place_of(code: CodeType) -> Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno


class QuickExamples:
    """A pytest plugin: a failing example need not be made small here. After tests/conftest.py, before the tests."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", parent=settings.get_profile("tier"), phases=phases)
        settings.load_profile("mutants")


# Functions ------------------------------------------------------------------------------------------------------------


class FunctionRuns(QuickExamples):
    """A pytest plugin that runs mutants inside functions in the place of the tests' own run.

    `told` is called with each verdict: `SURVIVED`, a time-out, `REIMPORT`, or the test that killed it.
    """

    def __init__(self, sites: Sequence[Site], told: Callable[[Verdict], None], *, workers: int, seconds: float) -> None:
        self._sites = sites
        self._told = told
        self._workers = workers
        self._seconds = seconds
        self._ran_early: set[Place] = set()
        self._reach: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._cost: list[float] = []
        self._kills: Counter[int] = Counter()
        self._live: dict[Place, list[FunctionType]] = defaultdict(list)
        self._items: list[pytest.Item] = []

    def pytest_collection(self) -> None:
        sys.setprofile(self._early)

    def pytest_collection_finish(self) -> None:
        sys.setprofile(None)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = session.items
        self._watch()
        for obj in gc.get_objects():
            if isinstance(obj, FunctionType):
                self._live[place_of(obj.__code__)].append(obj)
        caches = [obj for obj in gc.get_objects() if isinstance(obj, functools._lru_cache_wrapper)]
        self._caches = [cache for cache in caches if (cache.__module__ or "").startswith("gateway.")]
        for site, verdict in forked(self._sites, self._run, workers=self._workers, seconds=self._seconds):
            killer = next((n for n, item in enumerate(self._items) if item.nodeid == verdict), None)
            if killer is not None:
                self._kills[killer] += 1
            self._told((site, verdict))
        return True

    def _early(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self._ran_early.add(place_of(frame.f_code))

    def _watch(self) -> None:
        """Run every test once, and note the lines of the package that it runs."""
        package = f"{ROOT}/gateway/pdu/"
        seen: set[tuple[str, int]] = set()

        def enter(frame: FrameType, _: str, __: Any) -> Callable[..., Any] | None:
            if not frame.f_code.co_filename.startswith(package):
                return None
            seen.add((frame.f_code.co_filename, frame.f_lineno))
            return line

        def line(frame: FrameType, _: str, __: Any) -> Callable[..., Any]:
            seen.add((frame.f_code.co_filename, frame.f_lineno))
            return line

        for number, item in enumerate(self._items):
            seen.clear()
            began = time.process_time()
            sys.settrace(enter)
            reports = runtestprotocol(item, log=False, nextitem=None)
            sys.settrace(None)
            self._cost.append(time.process_time() - began)
            if failed := [report for report in reports if report.failed]:
                sys.exit(f"a test fails without a mutant: {failed[0].nodeid}\n{failed[0].longreprtext}")
            for place in seen:
                self._reach[place].append(number)

    def _run(self, site: Site) -> str:
        changed = self._changed(site)
        if changed is None:
            return REIMPORT
        for function, code in changed:
            function.__code__ = code
        for cache in self._caches:
            cache.cache_clear()
        for number in self._order(site):
            item = self._items[number]
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=None)):
                return item.nodeid
        return SURVIVED

    def _order(self, site: Site) -> list[int]:
        """The tests that reach the mutant: those that killed most, then the cheap ones, of each kind one at first."""
        file = str(ROOT / site.path)
        reached = {number for line in range(site.line, site.last_line + 1) for number in self._reach[file, line]}
        by_kind: dict[str, int] = Counter()
        keys = {}
        for number in sorted(reached, key=lambda number: (-self._kills[number], self._cost[number])):
            kind = self._items[number].nodeid.partition("[")[0]
            keys[number] = (by_kind[kind], -self._kills[number], self._cost[number])
            by_kind[kind] += 1
        return sorted(reached, key=keys.__getitem__)

    def _changed(self, site: Site) -> list[tuple[FunctionType, CodeType]] | None:
        """Each function that is another one in the mutant, with its new code; None where that is not all."""
        file = str(ROOT / site.path)
        text = Path(file).read_text(encoding="utf-8")
        pairs = _different_functions(compile(text, file, "exec"), compile(mutant_at(site, text), file, "exec"))
        if pairs is None or any(
            place_of(old) in self._ran_early or old.co_freevars != new.co_freevars for old, new in pairs
        ):
            return None
        return [(function, new) for old, new in pairs for function in self._live[place_of(old)]]


def _different_functions(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """The outermost functions that differ; None where more than functions does."""
    if old.co_flags & inspect.CO_OPTIMIZED:
        return [] if _same(old, new) else [(old, new)]
    if not _same(old, new, shallow=True):
        return None
    found = []
    for one, other in zip(_inner(old), _inner(new), strict=True):
        inside = _different_functions(one, other)
        if inside is None:
            return None
        found += inside
    return found


def _inner(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def _same(old: CodeType, new: CodeType, *, shallow: bool = False) -> bool:
    # By their repr: 1, True and 1.0 are equal, but not the same constants.
    plain_old = [repr(const) for const in old.co_consts if not isinstance(const, CodeType)]
    plain_new = [repr(const) for const in new.co_consts if not isinstance(const, CodeType)]
    if (old.co_code, old.co_names, plain_old) != (new.co_code, new.co_names, plain_new):
        return False
    pairs = list(zip(_inner(old), _inner(new), strict=False))
    return len(_inner(old)) == len(_inner(new)) and (shallow or all(_same(*pair) for pair in pairs))


def run_functions(sites: Sequence[Site], told: Callable[[Verdict], None], *, workers: int, seconds: float) -> None:
    """Mutants inside functions, in this process, which has the package imported after that."""
    ignored = [f"--ignore={TESTS / name}" for name in LEFT_OUT]
    plugin = FunctionRuns(sites, told, workers=workers, seconds=seconds)
    pytest.main([*PYTEST, *ignored, str(TESTS)], plugins=[plugin])


# Modules --------------------------------------------------------------------------------------------------------------


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module's changed code to whoever imports it."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self._name = ".".join(path.with_suffix("").parts)
        self._code = compile(tree, str(ROOT / path), "exec")

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


class _FirstFailure(QuickExamples):
    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid


def run_modules(sites: Sequence[Site], *, workers: int, seconds: float) -> Iterator[Verdict]:
    """Mutants outside functions. The process must not have imported the package; the rest it imports here, once."""
    import hypothesis
    import hypothesis.strategies  # noqa: F401

    assert not any(name.startswith("gateway") for name in sys.modules)
    files = sorted(path.name for path in (ROOT / TESTS).glob("test_*.py") if path.name not in LEFT_OUT)
    # Cheap ones first, until it is seen which kill.
    kills: dict[str, Counter[str]] = defaultdict(lambda: Counter({"test_vectors.py": 2, "test_mutants.py": 1}))

    def work(site: Site) -> str:
        sys.meta_path.insert(0, _Changed(site.path, mutant_at(site, (ROOT / site.path).read_text(encoding="utf-8"))))
        for name in sorted(files, key=lambda name: -kills[site.path.name][name]):
            found = _FirstFailure()
            if pytest.main([*PYTEST, str(TESTS / name)], plugins=[found]):
                return found.failed or f"{TESTS / name} cannot be collected"
        return SURVIVED

    for site, verdict in forked(sites, work, workers=workers, seconds=seconds):
        if verdict.startswith(str(TESTS)):
            kills[site.path.name][verdict.partition("::")[0].removeprefix(f"{TESTS}/")] += 1
        yield site, verdict
