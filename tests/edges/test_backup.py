"""Backups over HTTP and on the command line."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import httpx
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from gateway.lock import only_one
from tests.edges.gateway_thread import TOKEN, GatewayThread, config_for
from tests.support.processes import write_config


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, ["db", *map(str, args)])


def test_a_backup_is_a_file_to_download_and_is_in_the_audit_log(tmp_path: Path) -> None:
    with GatewayThread(config_for(tmp_path, "")) as gateway:
        assert gateway.web.url is not None
        headers = {"authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=f"{gateway.web.url}/api/v1", headers=headers) as api:
            api.post("/messages", json={"to": "+491701234567", "text": "hello"})
            answer = api.get("/backup")
            (entry,) = api.get("/audit").json()["entries"]
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="smsgw-box-2')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert (entry["action"], entry["who"]) == ("backup", "token:bootstrap")
    copy = tmp_path / "copy.db"
    copy.write_bytes(answer.content)
    with sqlite3.connect(copy) as db:
        assert db.execute("SELECT text FROM messages").fetchall() == [("hello",)]
    assert not (tmp_path / "backup.part").exists()


def test_backup_restore_and_migrate_on_the_command_line(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    data = _data_dir(config)
    assert "there is no database" in run("backup", tmp_path / "b.db", "-c", config).output
    assert json.loads(run("migrate", "-c", config, "--json").output)["applied"] == []
    data.mkdir(parents=True, exist_ok=True)
    sqlite3.connect(data / "smsgw.db").close()
    applied = json.loads(run("migrate", "-c", config, "--json").output)["applied"]
    assert applied[0] == "m001_message_path"
    assert "up to date" in run("migrate", "-c", config).output
    made = run("backup", tmp_path / "b.db", "-c", config)
    assert (made.exit_code, (tmp_path / "b.db").exists()) == (0, True)
    again = run("backup", tmp_path / "b.db", "-c", config)
    assert (again.exit_code, "exists already" in again.output) == (1, True)
    done = json.loads(run("restore", tmp_path / "b.db", "-c", config, "--json").output)
    assert (done["ended"], done["kept"]) == (0, 0)
    assert Path(done["aside"]).exists()
    told = run("restore", tmp_path / "b.db", "-c", config)
    assert "0 messages that waited in the backup were ended" in told.output
    with only_one(data):
        for command in (("restore", tmp_path / "b.db"), ("migrate",)):
            refused = run(*command, "-c", config)
            assert refused.exit_code == 2
            assert "another gateway runs" in refused.output


def _data_dir(config: Path) -> Path:
    from gateway.config import load_config

    return load_config(config).gateway.data_dir
