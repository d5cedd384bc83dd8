"""Nothing is deleted before the listener has it, and everything is found. Against the scripted peer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.modem import Line, SubmitOutcome
from tests.modem.bench import Recorder, running
from tests.modem.peer import DELIVER, OK, REPLACE, REPORT, SUBMIT, SUBMIT_LENGTH, Peer, info, length

Script = Callable[[Peer, Line, Recorder], Awaitable[None]]


def play(script: Script, prepare: Callable[[Peer], object] = lambda peer: None) -> None:
    async def main() -> None:
        peer = Peer()
        prepare(peer)
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            await listener.shows("ready")
            await script(peer, line, listener)
        peer.unplug()

    asyncio.run(main())


def test_an_indicated_message_is_read_committed_and_then_deleted() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.storages["ME"][3] = DELIVER
        mark = len(peer.heard)
        peer.say('\r\n+CMTI: "ME",3\r\n')
        await listener.hears("released")
        assert peer.heard_since(mark) == ["AT+CMGR=3", "AT+CMGD=3"]  # ME is selected already
        (item,) = listener.items()
        assert (item.memory, item.index, item.kind, item.pdu, item.length) == (
            "ME",
            3,
            "deliver",
            DELIVER,
            length(DELIVER),
        )
        assert listener.items("released") == [item]

    play(script)


def test_a_storage_named_in_the_indication_is_selected_first() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.storages["SM"][1] = DELIVER
        peer.storages["SR"][2] = REPORT
        mark = len(peer.heard)
        peer.say('\r\n+CMTI: "SM",1,"MMS PUSH"\r\n\r\n+CDSI: "SR",2\r\n')
        await listener.hears("received", 2)
        await listener.until(lambda: len(listener.items("released")) == 2)
        assert peer.heard_since(mark) == [
            'AT+CPMS="SM"',
            "AT+CMGR=1",
            "AT+CMGD=1",
            'AT+CPMS="SR"',
            "AT+CMGR=2",
            "AT+CMGD=2",
        ]
        assert [item.kind for item in listener.items()] == ["deliver", "status-report"]

    play(script)


def test_all_storages_are_swept_at_the_start() -> None:
    def prepare(peer: Peer) -> None:
        peer.storages["SM"] = {1: DELIVER, 2: DELIVER}
        peer.storages["ME"] = {0: DELIVER}
        peer.storages["SR"] = {1: REPORT}

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        assert [memory for memory, _ in listener.of("swept")] == ["SM", "SR", "ME"]
        assert len(listener.items()) == len(listener.items("released")) == 4
        assert not any(peer.storages.values())
        names = [name for name, _ in listener.calls]
        assert names.index("ready") > max(n for n, name in enumerate(names) if name == "swept")
        by_listing: dict[int, set[str]] = {}
        for item in listener.items():
            by_listing.setdefault(item.listing, set()).add(item.memory)
        assert all(len(memories) == 1 for memories in by_listing.values())

    play(script, prepare)


def test_messages_stored_for_sending_are_left_alone() -> None:
    def prepare(peer: Peer) -> None:
        peer.storages["ME"] = {0: DELIVER}
        mine = f"\r\n+CMGL: 1,2,,{SUBMIT_LENGTH}\r\n{SUBMIT}\r\n"
        theirs = f"\r\n+CMGL: 0,1,,{length(DELIVER)}\r\n{DELIVER}\r\n"
        peer.replies["AT+CMGL="] = lambda peer, _: (mine + theirs if peer.selected == "ME" else "") + OK

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        assert [item.index for item in listener.items()] == [0]
        assert "AT+CMGD=1" not in peer.heard

    play(script, prepare)


def test_nothing_is_deleted_when_the_listener_cannot_store() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        listener.fail_received = 1
        peer.storages["ME"][3] = DELIVER
        peer.say('\r\n+CMTI: "ME",3\r\n')
        await listener.hears("refused")
        peer.say("\r\nSMS Ready\r\n")  # brings the next sweep forward
        await listener.hears("released")
        deleted = peer.heard.index("AT+CMGD=3")
        assert peer.heard[:deleted].count("AT+CMGL=4") > 3  # found again by a sweep
        assert len(listener.items("received")) == 1

    play(script)


def test_an_empty_slot_is_no_error() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        peer.say('\r\n+CMTI: "ME",9\r\n')
        await peer.hears("AT+CMGR=9")
        assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
        assert not listener.items()

    play(script)


@pytest.mark.parametrize("pdu", ["00", "ABCDEF", "0791ZZ12", "07911326040000F003"])
def test_what_cannot_be_decoded_is_handed_over_raw_and_then_deleted(pdu: str) -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.storages["ME"][3] = pdu
        peer.say('\r\n+CMTI: "ME",3\r\n')
        await listener.hears("released")
        (item,) = listener.items()
        assert (item.pdu, item.kind) == (pdu, "unknown")
        assert not peer.storages["ME"]

    play(script)


def test_a_header_without_its_pdu_is_never_deleted() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        peer.replies["AT+CMGR="] = info("+CMGR: 0,,30")
        peer.storages["ME"][3] = DELIVER
        peer.say('\r\n+CMTI: "ME",3\r\n')
        await peer.until(lambda: peer.heard.count("AT+CMGR=3") == 2)
        assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
        assert not listener.items()
        assert peer.storages["ME"]

    play(script)


def test_a_replaced_message_is_read_again_before_it_is_deleted() -> None:
    newer = REPLACE.replace("C8F71D", "C9F71D")

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        listener.hold = asyncio.Event()
        peer.storages["ME"][3] = REPLACE
        peer.say('\r\n+CMTI: "ME",3\r\n')
        await listener.hears("holding")
        peer.storages["ME"][3] = newer  # the network replaces it while the old one is being stored
        listener.hold.set()
        await listener.hears("released")
        assert [item.pdu for item in listener.items()] == [REPLACE, newer]
        assert [item.pdu for item in listener.items("released")] == [newer]

    play(script)


def test_no_send_gets_between_reading_and_deleting() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        listener.hold = asyncio.Event()
        peer.storages["ME"][3] = DELIVER
        mark = len(peer.heard)
        peer.say('\r\n+CMTI: "ME",3\r\n')
        await listener.hears("holding")
        task = asyncio.create_task(line.submit(SUBMIT, SUBMIT_LENGTH))
        for _ in range(20):
            await asyncio.sleep(0)
        assert peer.heard_since(mark) == ["AT+CMGR=3"]
        listener.hold.set()
        assert (await task).outcome is SubmitOutcome.SENT
        assert peer.heard_since(mark)[:3] == ["AT+CMGR=3", "AT+CMGD=3", f"AT+CMGS={SUBMIT_LENGTH}"]

    play(script)


def test_a_burst_is_committed_in_batches_and_all_of_it_arrives() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.storages["ME"] = dict.fromkeys(range(40), DELIVER)
        peer.say("".join(f'\r\n+CMTI: "ME",{index}\r\n' for index in range(40)))
        await listener.until(lambda: len(listener.items("released")) == 40)
        assert sorted(item.index or 0 for item in listener.items()) == list(range(40))
        assert len(listener.of("received")) < 20
        assert not peer.storages["ME"]

    play(script)


def _direct_only(peer: Peer) -> None:
    peer.replies["AT+CNMI=?"] = info("+CNMI: (0-2),(0,2),(0,2),(0,1),(0,1)")


def test_direct_delivery_is_acknowledged_after_the_commit() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        assert "AT+CSMS=1" in peer.heard
        assert "AT+CNMA" not in peer.heard  # never blindly
        listener.hold = asyncio.Event()
        mark = len(peer.heard)
        peer.say(f"\r\n+CMT: ,{length(DELIVER)}\r\n{DELIVER}\r\n")
        await listener.hears("holding")
        assert peer.heard_since(mark) == []
        listener.hold.set()
        await listener.hears("released")
        assert peer.heard_since(mark) == ["AT+CNMA"]
        (item,) = listener.items()
        assert (item.memory, item.index, item.kind, item.length) == ("", None, "deliver", length(DELIVER))

    play(script, _direct_only)


def test_no_send_starts_while_an_acknowledgement_is_owed() -> None:
    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        listener.hold = asyncio.Event()
        mark = len(peer.heard)
        peer.say(f"\r\n+CDS: {length(REPORT)}\r\n{REPORT}\r\n")
        await listener.hears("holding")
        task = asyncio.create_task(line.submit(SUBMIT, SUBMIT_LENGTH))
        listener.hold.set()
        await task
        assert peer.heard_since(mark)[:2] == ["AT+CNMA", f"AT+CMGS={SUBMIT_LENGTH}"]
        assert [item.kind for item in listener.items()] == ["status-report"]

    play(script, _direct_only)


def test_a_direct_message_that_is_not_stored_gets_a_negative_acknowledgement() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        listener.fail_received = 1
        peer.say(f"\r\n+CMT: ,{length(DELIVER)}\r\n{DELIVER}\r\n")
        await peer.hears("AT+CNMA=2")
        assert "AT+CNMA" not in peer.heard

    play(script, _direct_only)


def test_without_acknowledgements_what_was_not_stored_is_tried_again() -> None:
    def prepare(peer: Peer) -> None:
        _direct_only(peer)
        peer.replies["AT+CSMS="] = "\r\nERROR\r\n"

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        listener.fail_received = 1
        peer.say(f"\r\n+CMT: ,{length(DELIVER)}\r\n{DELIVER}\r\n")
        await listener.hears("refused")
        peer.say("\r\nSMS Ready\r\n")
        await listener.hears("released")
        assert [item.pdu for item in listener.items()] == [DELIVER]
        assert not any(line.startswith("AT+CNMA") for line in peer.heard)

    play(script, prepare)


def test_indications_that_the_modem_forgot_are_set_again_at_a_sweep() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.cnmi = "0,0,0,0,0"
        mark = len(peer.heard)
        peer.say("\r\nSMS Ready\r\n")
        await peer.hears("AT+CNMI=2,1,0,2,0", since=mark)
        await listener.hears("swept", 6)
        assert peer.cnmi == "2,1,0,2,0"

    play(script)


def test_a_full_storage_is_swept() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.storages["SM"] = dict.fromkeys(range(1, 4), DELIVER)
        peer.say('\r\n^SMMEMFULL:"SM"\r\n')
        await listener.until(lambda: len(listener.items("released")) == 3)
        assert not peer.storages["SM"]

    play(script)


def test_a_commit_that_takes_too_long_is_not_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.modem.inbound.ACKNOWLEDGE_S", 0.05)

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        listener.hold = asyncio.Event()
        peer.say(f"\r\n+CMT: ,{length(DELIVER)}\r\n{DELIVER}\r\n")
        await peer.hears("AT+CNMA=2")
        assert "AT+CNMA" not in peer.heard
        assert not listener.items("released")

    play(script, _direct_only)


def test_what_was_released_is_told_before_anything_new_is_handed_over() -> None:
    """The same text can come again into the same slot; it must not look like a copy that is still there."""

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        for times in range(1, 4):
            peer.storages["ME"][3] = DELIVER
            peer.say('\r\n+CMTI: "ME",3\r\n')
            await peer.until(lambda count=times: peer.heard.count("AT+CMGD=3") == count)
        await listener.until(lambda: len(listener.items("released")) == 3)
        told = [name for name, _ in listener.calls if name in ("received", "released")]
        assert told == ["received", "released"] * 3

    play(script)


def test_a_listing_that_fails_is_no_completed_listing() -> None:
    def prepare(peer: Peer) -> None:
        peer.replies["AT+CMGL="] = lambda peer, _: "\r\n+CMS ERROR: 500\r\n" if peer.selected == "SM" else OK

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        assert [memory for memory, _ in listener.of("swept")] == ["SR", "ME"]

    play(script, prepare)


def test_a_damaged_listing_line_is_read_again() -> None:
    def prepare(peer: Peer) -> None:
        peer.storages["ME"] = {5: DELIVER}
        peer.replies["AT+CMGL="] = lambda peer, _: (
            (f"\r\n+CMGL: 5,0,,{length(DELIVER)}\r\n{DELIVER[:-6]}\r\n" if peer.selected == "ME" else "") + OK
        )

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        assert "AT+CMGR=5" in peer.heard
        assert [item.pdu for item in listener.items()] == [DELIVER]
        assert not peer.storages["ME"]

    play(script, prepare)
