"""What the README promises is there: commands, files, configuration keys."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from gateway.config import Config
from tests.architecture.sources import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```console\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines() if line.strip()]
SCRIPTS = sorted({command[0] for command in COMMANDS if command[0].startswith("scripts/")})
PROGRAM = [command for command in COMMANDS if command[0] == "smsgw"]
LINKS = sorted(set(re.findall(r"\]\(([^)#:\s]+)\)", README)))


def test_the_first_commands_are_to_see_it_and_to_test_it() -> None:
    assert [" ".join(command) for command in COMMANDS[:3]] == ["scripts/demo", "scripts/test", "scripts/test --system"]


@pytest.mark.parametrize("script", [*SCRIPTS, "scripts/check", "scripts/lock", ".ci/run"])
def test_scripts_can_be_run_from_a_clone(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")


def test_continuous_integration_runs_what_a_person_runs() -> None:
    ran = [line for line in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines() if line.startswith("scripts/")]
    assert ran == [" ".join(command) for command in COMMANDS if command[0] == "scripts/test"]


@pytest.mark.parametrize("command", PROGRAM, ids=" ".join)
def test_commands_of_the_program_exist(command: list[str]) -> None:
    words = [word for word in command[1:] if re.fullmatch(r"[a-z]+", word)]
    run = subprocess.run(
        [sys.executable, "-m", "gateway", *words, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert "Usage:" in run.stdout


@pytest.mark.parametrize("link", LINKS)
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_every_configuration_key_is_explained() -> None:
    table = README.partition("\n## Configuration\n")[2].partition("\n## ")[0]
    named = set(
        re.findall(r"`([a-z_]+)`", "".join(line.split("|", 3)[2] for line in table.splitlines() if "|" in line))
    )
    keys: set[str] = set()
    for section in Config.model_json_schema()["$defs"].values():
        keys |= set(section["properties"])
    missing = keys - named - {"mms", "calls"}  # [modem.mms] and [modem.calls] have rows of their own
    assert not missing, f"not in the README's table: {sorted(missing)}"
    assert not named - keys, f"in the README's table, but no such key: {sorted(named - keys)}"
