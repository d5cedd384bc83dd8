"""Mutation testing of gateway/pdu: do the tests notice small mistakes? Run by hand, from the project's folder:

    python -m tests.fuzz.mutate [--count N] [--seed S] [--only MODULE] [--workers N] [--timeout SECONDS]

A random sample of the mutants, each in a copy of the tree under a temporary directory, against tests/pdu without the
recorded vectors. What no test notices is printed: it wants a test, or changes nothing that anyone could see.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.fuzz.mutants import Mutant, Site, mutant_at, sites_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path("gateway/pdu")
TESTS = Path("tests/pdu")

# The tests that concern a module come first, since the first failure ends the run.
FIRST = {
    "address": "fields",
    "alphabet": "alphabet",
    "cbs": "broadcast",
    "cbs_dcs": "broadcast",
    "dcs": "fields",
    "elements": "fields",
    "fold": "national",
    "graphemes": "segment",
    "join": "segment",
    "mail": "broadcast",
    "national": "national",
    "national_tables": "national",
    "protocol": "fields",
    "segment": "segment",
    "septets": "alphabet",
    "status": "fields",
    "timestamp": "fields",
    "udh": "fields",
    "ussd": "broadcast",
}

# A failing example need not be made small here.
PROFILE = """
from hypothesis import Phase
settings.register_profile("mutants", parent=settings.get_profile("tier"), phases=(Phase.explicit, Phase.generate))
settings.load_profile("mutants")
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="size of the sample (default 200; 0: all)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (default 1)")
    parser.add_argument("--only", default="", help="mutants whose `path:line:` contains this")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=90, help="seconds for one mutant (default 90)")
    options = parser.parse_args()

    sites = [site for site in every_site() if options.only in f"{site.path}:{site.line}:"]
    total = len(sites)
    random.Random(options.seed).shuffle(sites)
    mutants = [mutant_at(site, (ROOT / site.path).read_text()) for site in sites[: options.count or None]]
    print(f"{len(mutants)} of {total} mutants, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="smsgw-mutants-") as directory:
        survivors = run_all(mutants, Path(directory), options.workers, options.timeout)
    print(f"{len(mutants) - len(survivors)} killed, {len(survivors)} survived")
    for title in sorted(survivors):
        print(f"  {title}")
    return 1 if survivors else 0


def every_site() -> list[Site]:
    return [
        site
        for path in sorted((ROOT / PACKAGE).glob("*.py"))
        if path.name != "__init__.py"
        for site in sites_of(path.relative_to(ROOT), path.read_text())
    ]


def run_all(mutants: Iterable[Mutant], directory: Path, workers: int, timeout: float) -> list[str]:
    """The titles of those that survive. Each worker has a copy of its own."""
    trees: SimpleQueue[Path] = SimpleQueue()
    for number in range(workers):
        trees.put(copy_of_tree(directory / str(number)))
    if output := failure(trees.get_nowait(), Path("none.py"), timeout, trees):
        sys.exit(f"the tests fail without a mutant:\n{output}")
    survivors = []

    def run(mutant: Mutant) -> None:
        tree = trees.get()
        target = tree / mutant.path
        target.write_text(mutant.source)
        started = time.monotonic()
        output = failure(tree, mutant.path, timeout, trees, original=(ROOT / mutant.path).read_text())
        verdict = "killed  " if output else "SURVIVED"
        print(f"{verdict} {time.monotonic() - started:4.1f} s  {mutant.title}", flush=True)
        if not output:
            survivors.append(mutant.title)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, mutants))
    return survivors


def copy_of_tree(tree: Path) -> Path:
    tree.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "gateway", tree / "gateway", ignore=ignored)
    shutil.copytree(ROOT / "tests", tree / "tests", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tree)
    (tree / "tests/conftest.py").write_text((ROOT / "tests/conftest.py").read_text() + PROFILE)
    return tree


def failure(tree: Path, module: Path, timeout: float, trees: SimpleQueue[Path], *, original: str | None = None) -> str:
    """What the tests in the tree say against it; "" when they pass. The tree goes back among the others."""
    first = tree / TESTS / f"test_{FIRST.get(module.stem, 'frame')}.py"
    others = sorted(set((tree / TESTS).glob("test_*.py")) - {first})
    command = [sys.executable, "-B", "-m", "pytest", "-x", "--tb=line", first, *others]
    process = subprocess.Popen(
        command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "time-out"
    finally:
        if original is not None:
            (tree / module).write_text(original)
        trees.put(tree)
    return output if process.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
