"""What comes in while something goes wrong: the port vanishes, the modem restarts, an acknowledgement comes late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.modem import Line, SimNames, Unstored, driver
from tests.modem.bench import Recorder, running
from tests.modem.peer import DELIVER, OK, SUBMIT, SUBMIT_LENGTH, Peer, info, length

OTHER = DELIVER.replace("91731408", "92731408")
OTHER_SIM = "89492000000000000026"
THIRD = DELIVER.replace("91731408", "93731408")


def cmt(pdu: str, header: str = "") -> str:
    return f"\r\n+CMT: {header or f',{length(pdu)}'}\r\n{pdu}\r\n"


def _direct_only(peer: Peer) -> None:
    peer.replies["AT+CNMI=?"] = info("+CNMI: (0-2),(0,2),(0,2),(0,1),(0,1)")


def _direct_without_acknowledgement(peer: Peer) -> None:
    _direct_only(peer)
    peer.replies["AT+CSMS="] = "\r\nERROR\r\n"


def play(
    script: Callable[[Peer, Line, Recorder], Awaitable[None]], prepare: Callable[[Peer], object] = lambda peer: None
) -> None:
    async def main() -> None:
        peer = Peer()
        prepare(peer)
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            await listener.shows("ready")
            await script(peer, line, listener)
        peer.unplug()

    asyncio.run(main())


def replugged(
    script: Callable[[Peer, Recorder], Awaitable[None]],
    after: Callable[[Peer, Recorder], Awaitable[None]],
    tmp_path: Path,
    *,
    ready: bool = True,
    other_iccid: str = "",
) -> None:
    """`script`, then the device vanishes and comes back, then `after`. It delivers directly and keeps no copy."""

    async def main() -> None:
        link = tmp_path / "modem"
        peer, other = Peer(), Peer()
        _direct_without_acknowledgement(peer)
        _direct_without_acknowledgement(other)
        if other_iccid:
            other.replies["AT+CCID"] = info(f"+CCID: {other_iccid}")
        link.symlink_to(peer.path)
        async with running(str(link)) as (_, listener):
            if ready:
                await listener.hears("ready")
                await listener.shows("ready")
            await script(peer, listener)
            link.unlink()
            peer.unplug()
            await listener.shows("lost")
            link.symlink_to(other.path)
            await after(other, listener)
        other.unplug()

    asyncio.run(main())


def test_the_only_copy_outlives_the_connection(tmp_path: Path) -> None:
    """The disk is full, then the port goes: the modem has acknowledged the text and keeps nothing."""

    async def script(peer: Peer, listener: Recorder) -> None:
        listener.fail_received = 2  # at once, and when the connection ends
        peer.say(cmt(DELIVER))
        await listener.hears("refused")

    async def after(peer: Peer, listener: Recorder) -> None:
        await listener.hears("released")
        assert [item.pdu for item in listener.items()] == [DELIVER]
        assert not any(line.startswith("AT+CNMA") for line in peer.heard)

    replugged(script, after, tmp_path)


def test_the_only_copy_outlives_a_database_that_is_begun_anew() -> None:
    """It is damaged: nothing is stored in it, and the lines are begun anew with the next one."""

    async def main() -> None:
        peer, unstored = Peer(), Unstored()
        _direct_without_acknowledgement(peer)
        async with running(peer.path, unstored=unstored) as (_, listener):
            await listener.hears("ready")
            listener.fail_received = 2
            peer.say(cmt(DELIVER))
            await listener.hears("refused")
        async with running(peer.path, unstored=unstored) as (_, listener):
            await listener.hears("released")
            assert [item.pdu for item in listener.items()] == [DELIVER]
        peer.unplug()

    asyncio.run(main())


def test_the_only_copy_is_that_of_the_sim_that_was_in_when_it_came(tmp_path: Path) -> None:
    async def script(peer: Peer, listener: Recorder) -> None:
        listener.fail_received = 2
        peer.say(cmt(DELIVER))
        await listener.hears("refused")

    async def after(peer: Peer, listener: Recorder) -> None:
        await listener.hears("released")
        peer.say(cmt(OTHER))
        await listener.until(lambda: len(listener.items("released")) == 2)
        assert [item.pdu for item in listener.items()] == [DELIVER, OTHER]
        assert listener.sims == ["89492000000000000018", OTHER_SIM]

    replugged(script, after, tmp_path, other_iccid=OTHER_SIM)


def test_a_text_delivered_in_text_mode_keeps_its_sender() -> None:
    """A modem that has started anew without a word is in text mode until the next sweep."""

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.say('\r\n+CMT: "+491718888888",,"26/03/01,12:00:00+04"\r\nthe pump has stopped\r\n')
        await listener.hears("released")
        (item,) = listener.items()
        assert "+491718888888" in item.pdu
        assert "the pump has stopped" in item.pdu

    play(script, _direct_without_acknowledgement)


@pytest.mark.parametrize("refused", ["AT+CMGL=", "AT+CPMS=", "AT+CMGD="])
def test_a_storage_that_refuses_for_ever_is_told(monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    monkeypatch.setattr(driver, "SWEEP_S", 0.05)

    def prepare(peer: Peer) -> None:
        peer.storages["SM"] = {3: DELIVER}

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        await listener.hears("received")
        peer.storages["SM"][4] = OTHER
        before = peer.replies[refused]
        peer.replies[refused] = "\r\n+CMS ERROR: 500\r\n"
        await listener.until(lambda: listener.states[-1].warnings == ("storage_refused",))
        peer.replies[refused] = before
        await listener.until(lambda: listener.states[-1].warnings == ())

    play(script, prepare)


def test_what_came_with_the_last_octets_of_a_connection_is_stored(tmp_path: Path) -> None:
    async def script(peer: Peer, listener: Recorder) -> None:
        listener.hold = asyncio.Event()
        peer.say(cmt(DELIVER))
        await listener.hears("holding")
        peer.say(cmt(OTHER))  # waits for its turn
        for _ in range(20):
            await asyncio.sleep(0.001)
        asyncio.get_running_loop().call_later(0.05, listener.hold.set)

    async def after(peer: Peer, listener: Recorder) -> None:
        await listener.until(lambda: len(listener.items("released")) == 2)
        assert [item.pdu for item in listener.items()] == [DELIVER, OTHER]

    replugged(script, after, tmp_path)


def test_what_came_before_the_modem_was_set_up_is_kept_however_much_noise_follows(tmp_path: Path) -> None:
    async def script(peer: Peer, listener: Recorder) -> None:
        peer.replies["AT+CPIN?"] = None  # set-up gets no further
        await peer.hears("AT+CPIN?")
        peer.say(cmt(DELIVER))
        for n in range(100):
            peer.say(f"\r\n^RSSI: {n % 30}\r\n")
        for _ in range(50):
            await asyncio.sleep(0.001)

    async def after(peer: Peer, listener: Recorder) -> None:
        await listener.hears("released")
        assert [item.pdu for item in listener.items()] == [DELIVER]

    replugged(script, after, tmp_path, ready=False)


@pytest.mark.parametrize("prepare", [_direct_only, _direct_without_acknowledgement])
def test_a_direct_delivery_with_a_header_that_tells_no_length_is_handed_over_raw(
    prepare: Callable[[Peer], object],
) -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.say(cmt(DELIVER, header=',"x"'))
        await listener.hears("released")
        assert [item.pdu for item in listener.items()] == [DELIVER]

    play(script, prepare)


def test_an_acknowledgement_goes_only_when_everything_that_came_is_stored() -> None:
    """During a long submit the modem gives one delivery up and brings another: the acknowledgement is for that one."""

    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        peer.submit_reply = None
        sending = asyncio.create_task(line.submit(SUBMIT, SUBMIT_LENGTH))
        await peer.hears("CTRL-Z")
        peer.say(cmt(DELIVER) + cmt(OTHER))
        answers = [OK, "\r\n+CMS ERROR: 340\r\n"]
        stored_before: list[int] = []

        def cnma(_peer: Peer, _line: str) -> str:
            stored_before.append(len(listener.items()))
            return answers.pop(0)

        peer.replies["AT+CNMA"] = cnma
        peer.say("\r\n+CMGS: 7\r\n" + OK)
        await sending
        await listener.hears("released")
        assert stored_before == [2, 2]
        assert [item.pdu for item in listener.items("released")] == [OTHER]

    play(script, _direct_only)


def test_an_acknowledgement_that_did_not_count_releases_nothing() -> None:
    """The network sends the text again; it must be known as the copy that is still on its way."""

    async def script(peer: Peer, line: Line, listener: Recorder) -> None:
        peer.replies["AT+CNMA"] = "\r\n+CMS ERROR: 340\r\n"
        peer.say(cmt(DELIVER))
        await peer.hears("AT+CNMA")
        assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).mr == 7
        assert len(listener.items()) == 1
        assert not listener.items("released")

    play(script, _direct_only)


def test_the_indications_are_looked_at_soon_after_a_delivery_was_not_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Quectel modules set +CNMI to 0 by themselves then, and say nothing any more."""
    monkeypatch.setattr("gateway.modem.inbound.ACKNOWLEDGE_S", 0.05)
    monkeypatch.setattr("gateway.modem.driver.SWEEP_BLIND_S", 0.05)

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        listener.hold = asyncio.Event()
        wanted = peer.cnmi
        peer.say(cmt(DELIVER))
        await listener.hears("holding")
        peer.cnmi = "2,0,0,0,0"
        mark = len(peer.heard)
        await peer.hears("AT+CNMI=" + wanted, since=mark)
        assert peer.cnmi == wanted

    play(script, _direct_only)


def test_a_modem_that_restarts_while_a_message_is_stored_deletes_nothing() -> None:
    """It reads from another storage afterwards: the slot that is to be deleted holds another message there."""

    async def main() -> None:
        peer = Peer()
        async with running(peer.path) as (_, listener):
            await listener.hears("ready")
            await listener.shows("ready")
            listener.hold = asyncio.Event()
            peer.storages["ME"][3] = DELIVER
            peer.say('\r\n+CMTI: "ME",3\r\n')
            await listener.hears("holding")
            peer.storages["SM"][3] = OTHER
            peer.selected = "SM"
            mark = len(peer.heard)
            peer.say("\r\nRDY\r\n")
            for _ in range(20):
                await asyncio.sleep(0.001)
            listener.hold.set()
            await listener.hears("ready", 2)
            since = peer.heard_since(mark)
            assert since.index("AT+CGMI") < since.index("AT+CMGD=3")  # not before it was set up again
            assert OTHER in [item.pdu for item in listener.items()]
        peer.unplug()

    asyncio.run(main())


def test_a_storage_is_selected_again_after_a_commit_that_took_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for a restart that the modem told nobody of."""
    monkeypatch.setattr("gateway.modem.inbound.RESTART_S", 0.02)

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        listener.hold = asyncio.Event()
        peer.storages["ME"][3] = DELIVER
        peer.say('\r\n+CMTI: "ME",3\r\n')
        await listener.hears("holding")
        peer.storages["SM"][3] = OTHER
        peer.selected = "SM"
        asyncio.get_running_loop().call_later(0.05, listener.hold.set)
        await listener.hears("released")
        assert peer.storages["SM"] == {3: OTHER}
        assert peer.storages["ME"] == {}

    play(script)


def test_another_sim_is_noticed_though_it_is_ready_at_once() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        peer.replies["AT+CCID"] = info("+CCID: 89492000000000000026")
        peer.say("\r\n+CPIN: READY\r\n")
        identity, _ = await listener.hears("ready", 2)
        assert identity.iccid == "89492000000000000026"

    play(script)


def test_sims_that_do_not_tell_their_iccid_are_not_taken_for_one() -> None:
    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        identity, _ = listener.of("ready")[0]
        assert identity.iccid == "imsi-262010000000001"

    def prepare(peer: Peer) -> None:
        peer.replies["AT+CCID"] = "\r\nERROR\r\n"

    play(script, prepare)


def test_a_sim_whose_iccid_can_be_read_only_later_stays_the_same_sim(tmp_path: Path) -> None:
    """Under another name it would get its texts again, and no report on what it has sent."""
    names = SimNames(tmp_path / "sim-names.json")

    async def once(ccid: str) -> tuple[Peer, str]:
        peer = Peer()
        peer.replies["AT+CCID"] = ccid
        async with running(peer.path, names=names) as (_, listener):
            identity, _ = await listener.hears("ready")
            peer.replies["AT+CCID"] = info("+CCID: 89492000000000000018")
            peer.say("\r\n+CPIN: READY\r\n")
            await listener.shows("ready")
            before = peer.heard.count("AT+CCID")
            await listener.until(lambda: True)
            while peer.heard.count("AT+CCID") == before:  # noqa: ASYNC110 - the peer tells nobody
                await asyncio.sleep(0.01)
            peer.storages["ME"][5] = DELIVER
            peer.say('\r\n+CMTI: "ME",5\r\n')
            await listener.hears("received")
            assert listener.of("down") == []
        peer.unplug()
        return peer, str(identity.iccid)

    async def main() -> None:
        _, first = await once("\r\nERROR\r\n")
        _, second = await once(info("+CCID: 89492000000000000018"))
        assert first == second == "imsi-262010000000001"

    asyncio.run(main())
    assert SimNames(tmp_path / "sim-names.json").name("", "262010000000001", "x") == "imsi-262010000000001"


def test_the_names_of_sims(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = tmp_path / "sim-names.json"
    names = SimNames(record)
    assert names.name("89492000000000000018", "1", "one") == "89492000000000000018"
    assert names.name("", "1", "one") == "89492000000000000018"
    assert names.name("8949200000000000001", "1", "one") == "89492000000000000018"  # without its last digit
    assert names.name("89492000000000000026", "1", "one") == "89492000000000000026"  # another card of that subscriber
    assert names.name("89492000000000000034", "", "one") == "89492000000000000034"
    assert names.name("", "", "one") == "line-one"
    assert record.stat().st_mode & 0o777 == 0o600
    assert '"1"' not in record.read_text()
    record.write_text("[]")
    assert SimNames(record).name("", "1", "one") == "imsi-1"
    assert SimNames(tmp_path / "no such folder" / "names").name("", "1", "one") == "imsi-1"
    assert "cannot be written" in caplog.text


def test_a_message_shown_in_text_mode_is_not_taken_for_a_pdu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender would be lost, and all lines of the text but the first."""
    monkeypatch.setattr("gateway.modem.driver.SWEEP_BLIND_S", 0.05)

    async def script(peer: Peer, _: Line, listener: Recorder) -> None:
        shown = peer.replies["AT+CMGR="]

        def pdu_mode(_peer: Peer, _line: str) -> str:
            peer.replies["AT+CMGF?"], peer.replies["AT+CMGR="] = info("+CMGF: 0"), shown
            return OK

        peer.replies["AT+CMGF?"] = info("+CMGF: 1")
        peer.replies["AT+CMGF=0"] = pdu_mode
        peer.replies["AT+CMGR="] = info('+CMGR: "REC UNREAD","+491700000002",,"26/03/01,12:00:00+04"', "hello", "you")
        peer.storages["ME"][3] = DELIVER
        peer.say('\r\n+CMTI: "ME",3\r\n')
        await listener.hears("released")
        assert [item.pdu for item in listener.items()] == [DELIVER]

    play(script)
