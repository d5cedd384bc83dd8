"""Media: whole or not there, gone when they are to go, and never in the way of texts."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import RequestError, StoreError
from gateway.messaging.media import MAX_MEDIUM, checked_name, checked_type
from gateway.messaging.model import MessageFilter
from gateway.store import SqliteStore
from gateway.store.media import FOLDER, Upload
from tests.messaging.rig import Rig, deliver, rig, run, until

PICTURE = bytes(range(256)) * 300


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def files(path: Path) -> list[str]:
    folder = path / FOLDER
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


async def refused(box: Rig, stream: AsyncIterator[bytes], **more: str) -> str:
    with pytest.raises(RequestError) as told:
        await box.service.media.put(stream, **more)
    return told.value.code


def test_what_is_put_comes_back_as_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            media = box.service.media
            put = await media.put(
                chunks(PICTURE[:1000], b"", PICTURE[1000:]), content_type="Image/JPEG", name="../a b.jpg"
            )
            assert (put.content_type, put.size, put.name) == ("image/jpeg", len(PICTURE), ".._a b.jpg")
            assert put.sha256 == hashlib.sha256(PICTURE).hexdigest()
            medium, content = await media.open(put.id)
            with content:
                assert content.read() == PICTURE
            assert medium.id == put.id
            assert files(tmp_path) == [put.id]
            assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
            assert stat.S_IMODE((tmp_path / FOLDER / put.id).stat().st_mode) == 0o600
            await media.delete(put.id)
            assert files(tmp_path) == []
            for call in (media.open, media.delete):
                with pytest.raises(RequestError, match="there is no medium"):
                    await call(put.id)

    run(scenario())


def test_what_is_refused_leaves_nothing(tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"x"
        raise RequestError("the body ended before its end", code="too_slow")

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            large = [bytes(MAX_MEDIUM // 4)] * 4
            assert await refused(box, chunks(*large, b"x")) == "too_large"
            assert await refused(box, chunks()) == "bad_request"
            assert await refused(box, breaks()) == "too_slow"
            assert await refused(box, chunks(b"x"), content_type="multipart/form-data; boundary=1") == "bad_request"
            assert await box.service.media.page(None, 10) == []
            assert files(tmp_path) == []
            assert (await box.service.media.put(chunks(*large))).size == MAX_MEDIUM

    run(scenario())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_takes_no_more_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    class Full:
        def __init__(self, file: object) -> None:
            self._file = file
            self._taken = 0

        def write(self, octets: memoryview) -> int:
            if self._taken:
                raise OSError(code, "no")
            self._taken = 10
            return 10  # a raw file may take a part

        def close(self) -> None:
            self._file.close()  # type: ignore[attr-defined]

    def begin(self: Upload, folder: Path, media_id: str) -> None:
        original(self, folder, media_id)
        self._file = Full(self._file)  # type: ignore[assignment]

    original = Upload.__init__
    monkeypatch.setattr(Upload, "__init__", begin)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            wanted = StoreError if code == errno.EIO else RequestError
            with pytest.raises(wanted) as told:
                await box.service.media.put(chunks(PICTURE))
            assert told.value.code == ("store_error" if code == errno.EIO else "disk_full")
            assert files(tmp_path) == []
            assert (await box.send()).status == "accepted"

    run(scenario())


def test_room_is_left_for_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=64 * 1024 * 1024)
    monkeypatch.setattr("gateway.store.media.shutil.disk_usage", lambda _path: usage)

    async def scenario() -> None:
        async with rig(tmp_path) as box:
            assert await refused(box, chunks(b"x")) == "disk_full"
            assert files(tmp_path) == []

    run(scenario())


def test_what_a_crash_left_is_swept_and_what_is_coming_is_not(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    orphan, half = "ME" + "0" * 32, "ME" + "1" * 32
    (folder / orphan).write_bytes(b"renamed, not committed")
    (folder / f"{half}.part").write_bytes(b"half")
    (folder / "notes.txt").write_bytes(b"not ours")

    async def scenario() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"first"
            begun.set()
            await go_on.wait()
            yield b"second"

        async with rig(tmp_path) as box:
            media = box.service.media
            kept = await media.put(chunks(PICTURE))
            coming = asyncio.create_task(media.put(slow()))
            await begun.wait()
            await media.sweep()
            assert len(files(tmp_path)) == 3
            go_on.set()
            late = await coming
            await media.sweep()
            assert files(tmp_path) == sorted([kept.id, late.id, "notes.txt"])

    run(scenario())


def test_who_goes_away_in_the_middle_leaves_no_half_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        begun = asyncio.Event()

        async def never_ends() -> AsyncIterator[bytes]:
            yield PICTURE
            begun.set()
            await asyncio.Event().wait()

        async with rig(tmp_path) as box:
            task = asyncio.create_task(box.service.media.put(never_ends()))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert files(tmp_path) == []
            assert await box.service.media.page(None, 10) == []

    run(scenario())


@pytest.mark.parametrize("how", ["delete", "redact"])
def test_media_go_with_what_their_message_said(tmp_path: Path, how: str) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            await box.receive(*deliver("with a picture", at=box.clock.now()))
            (message,) = await box.service.messages(MessageFilter())
            await box.service.media.put(chunks(PICTURE), message_id=message.id)
            other = await box.service.media.put(chunks(b"other"))
            await getattr(box.service.removal, how)(message.id)
            assert await box.service.media.page(None, 10) == [await box.service.media.get(other.id)]
            await until(lambda: files(tmp_path) == [other.id], "the file to go")

    run(scenario())


def test_old_media_go_and_those_of_a_message_stay_as_long_as_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            old = await box.service.media.put(chunks(b"old"))
            bound = await box.service.media.put(chunks(b"bound"), message_id="SM1")
            await box.store.write(lambda tx: tx.old.delete_media(0, box.clock.now() + timedelta(days=1), 50))
            assert [each.id for each in await box.service.media.page(None, 10)] == [bound.id]
            await box.service.media.sweep()
            assert old.id not in files(tmp_path)
            assert bound.id in files(tmp_path)

    run(scenario())


def test_media_of_a_damaged_database_are_kept_beside_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            medium = await box.service.media.put(chunks(PICTURE))
        store = SqliteStore(tmp_path / "smsgw.db")
        await store.open(distrust=True)
        try:
            assert files(tmp_path) == []
            aside = tmp_path / f"smsgw.damaged-1-{FOLDER}"
            assert (aside / medium.id).read_bytes() == PICTURE
        finally:
            await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("", "application/octet-stream"),
        ("Text/Plain; Charset=UTF-8", "text/plain; charset=utf-8"),
        ('text/vcard; version="4.0"; charset="utf-8"', "text/vcard; charset=utf-8"),
        ("audio/amr;rate=8000", "audio/amr"),
        ("image/svg+xml", "image/svg+xml"),
    ],
)
def test_media_types(told: str, kept: str) -> None:
    assert checked_type(told) == kept


@pytest.mark.parametrize("told", ["image", "image/", "a b/c", "image/jpeg\r\nx: y", "multipart/mixed", "é/x"])
def test_what_is_no_media_type(told: str) -> None:
    with pytest.raises(RequestError, match="is not the media type"):
        checked_type(told)


def test_names_have_no_path_and_no_control_characters() -> None:
    assert checked_name('a/b\\c:d"e\r\nf\u202e.jpg') == "a_b_c_d_e__f_.jpg"
    with pytest.raises(RequestError, match="characters"):
        checked_name("x" * 201)
