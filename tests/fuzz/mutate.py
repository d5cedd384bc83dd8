"""Mutation testing of gateway/pdu: do the tests notice small mistakes? Run by hand, from the project's folder:

    python -m tests.fuzz.mutate [--count N] [--seed S] [--only MODULE] [--workers N] [--timeout SECONDS] [--doubt]

All mutants, or a random sample, against tests/pdu without the recorded vectors, each until its first failure. What no
test notices is printed: it wants a test, or it changes nothing that anyone could see. The latter are in
equivalent.toml with the reason, and are run only with --doubt.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fuzz.forked import BROKEN, TIMED_OUT
from tests.fuzz.mutant_runs import REIMPORT, ROOT, SURVIVED, Verdict, run_functions, run_modules
from tests.fuzz.mutants import Site, sites_of

PACKAGE = Path("gateway/pdu")
OTHERWISE = (TIMED_OUT, BROKEN, SURVIVED)
"""What a mutant that no test killed can have done."""
SLOWER = 4
"""So many times longer may a mutant outside functions take: it has all tests collected anew."""
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=0, help="size of a sample (default 0: all)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (default 1)")
    parser.add_argument("--only", default="", help="mutants whose `path:line:` contains this")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=12, help="seconds of processor time for one (default 12)")
    parser.add_argument("--doubt", action="store_true", help="run those that are marked as equivalent, too")
    options = parser.parse_args()
    os.chdir(ROOT)
    sites = [site for site in every_site() if options.only in f"{site.path}:{site.line}:"]
    total = len(sites)
    marked = set() if options.doubt else {key_of(site) for site in sites} & equivalents().keys()
    if options.count:
        sites = random.Random(options.seed).sample(sites, min(options.count, total))
    chosen = [site for site in sites if key_of(site) not in marked]
    print(f"{len(sites)} of {total} mutants, {len(sites) - len(chosen)} of them marked as equivalent", flush=True)
    verdicts = run(chosen, workers=options.workers, seconds=options.timeout)
    counts = Counter(verdict if verdict in OTHERWISE else "killed" for verdict in verdicts.values())
    print(f"{counts['killed']} killed, " + ", ".join(f"{counts[word]} {word}" for word in OTHERWISE))
    for site, verdict in verdicts.items():
        if verdict == SURVIVED:
            print(f"  {site.title}\n      {site.column:3} {site.text}")
    return 1 if counts[SURVIVED] else 0


def every_site() -> list[Site]:
    """All mutants of the package that there are."""
    return [
        site
        for path in sorted((ROOT / PACKAGE).glob("*.py"))
        if path.name != "__init__.py"
        for site in sites_of(path.relative_to(ROOT), path.read_text(encoding="utf-8"))
    ]


Key = tuple[str, str, int, str, str]


def key_of(site: Site) -> Key:
    """What a mutant is known by, wherever its line may have moved."""
    return site.path.name, site.text, site.column, site.before, site.after


def equivalents() -> dict[Key, str]:
    """The mutants that change nothing, with the reason."""
    rows: list[dict[str, Any]] = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["equivalent"]
    return {
        (row["module"], row["line"], row["column"], *change): row["reason"] for row in rows for change in row["changes"]
    }


def run(sites: list[Site], *, workers: int, seconds: float) -> dict[Site, str]:
    """Every mutant's verdict. Functions come first, in a process of their own: modules need one that imported nothing."""
    verdicts: dict[Site, str] = {}
    began = time.monotonic()

    def told(verdict: Verdict) -> None:
        site, word = verdict
        if word != REIMPORT:
            print(
                f"{len(verdicts) + 1:5} {time.monotonic() - began:6.0f} s  {word}  <-  {site.title}",
                flush=True,
            )
        verdicts[site] = word

    with tempfile.TemporaryFile("w+") as results:
        pid = os.fork()
        if not pid:
            try:
                run_functions(sites, told, workers=workers, seconds=seconds)
                results.writelines(f"{sites.index(site)} {word}\n" for site, word in verdicts.items())
                results.flush()
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        results.seek(0)
        verdicts.update(
            (sites[int(number)], word) for number, _, word in (row.rstrip("\n").partition(" ") for row in results)
        )
    if len(verdicts) < len(sites):
        sys.exit("the tests could not be run; see above")
    later = [site for site in sites if verdicts[site] == REIMPORT]
    for verdict in run_modules(later, workers=workers, seconds=SLOWER * seconds):
        told(verdict)
    return verdicts


if __name__ == "__main__":
    sys.exit(main())
