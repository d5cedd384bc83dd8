"""The repository names no machine that it was written on and no index that it was installed from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, tracked_files

# Written in pieces, so that this file does not find itself.
HOSTS = ("py" + "pi.org", "python" + "hosted", "npm" + "js.", "npmjs" + ".org", "crates" + ".io", "deb.debian" + ".org")
PATHS = ("/wo" + "rk/", "/ro" + "ot/", "/opt/" + "py", "/opt/" + "wheels", ".py" + "env", "/tmp/" + "spec")
FORBIDDEN = re.compile("|".join(re.escape(word) for word in (*HOSTS, *PATHS)))

LOCKS = ("requirements.txt", "requirements-build.txt", "requirements-dev.txt")
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def test_no_file_names_a_registry_or_a_developers_machine() -> None:
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in FORBIDDEN.finditer(text)]
    assert not found


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_release_has_hashes_and_nothing_else(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if not line.startswith(" ")]
    hashes = [line for line in lines if line.startswith(" ")]
    assert all(PINNED.match(line) and line.endswith(" \\") for line in entries)
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)
    assert len(hashes) >= len(entries) > 0


def test_the_locks_agree() -> None:
    """Installing one after the other never moves a package, and the large one holds the others."""
    run, build, dev = (dict(PINNED.findall((ROOT / name).read_text(encoding="utf-8"))) for name in LOCKS)
    assert run.items() <= dev.items()
    assert build.items() <= dev.items()


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "CHANGELOG.md", "systemd/smsgw.service"])
def test_what_a_project_has(name: str) -> None:
    assert Path(ROOT, name).stat().st_size > 0
