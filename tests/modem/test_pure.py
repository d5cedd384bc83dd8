"""The parts without a port: readers of answers, tables, the turn, the PIN guard, the choice of settings."""

from __future__ import annotations

import asyncio

import pytest

from gateway import at
from gateway.errors import CODES, GatewayError
from gateway.modem import answers, profiles, sim
from gateway.modem import errors as modem_errors
from gateway.modem.errors import PortLost
from gateway.modem.lifecycle import NEXT, Happening, State, after
from gateway.modem.settings import cnmi_candidates, is_direct, sweep_order
from gateway.modem.sim import PinGuard
from gateway.modem.turns import Priority, Turns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('+CMTI: "SM",3', ["SM", "3"]),
        ('+CMTI: "SM",3,"MMS PUSH",1', ["SM", "3", "MMS PUSH", "1"]),
        ("+CMTI: ,-1", ["", "-1"]),
        ("+CMGL: 1,1,,26", ["1", "1", "", "26"]),
        ('+COPS: 0,0,"Netz, das",7', ["0", "0", "Netz, das", "7"]),
        ("89490000", ["89490000"]),
        ("+CPIN:READY", ["READY"]),
    ],
)
def test_fields_of_an_information_line(text: str, expected: list[str]) -> None:
    assert answers.fields(text) == expected


def test_groups_and_ranges_of_an_offer() -> None:
    assert answers.groups('+CPMS: ("SM","ME"),("SM"),("ME")') == [["SM", "ME"], ["SM"], ["ME"]]
    offer = answers.groups("+CNMI: (0-2),(0,1,3),(0),2,(1-0)")
    assert [answers.numbers(group) for group in offer] == [{0, 1, 2}, {0, 1, 3}, {0}, {2}, set()]
    assert answers.numbers(["0-99999999"]) == set()  # no modem makes us count to that


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("89492000000000000018", "89492000000000000018"),
        ("98942000000000000081", "89490200000000000018"),
        ("8949020000000000001F", "8949020000000000001"),
        ("98942000000000000FF1", ""),
        ("ERROR", ""),
        ("", ""),
    ],
)
def test_iccid_as_printed_on_the_card(text: str, expected: str) -> None:
    assert answers.iccid(text) == expected


def test_length_of_a_tpdu() -> None:
    assert answers.tpdu_length("0011000B") == 3
    assert answers.tpdu_length("0791") is None
    assert answers.tpdu_length("00") is None
    assert answers.tpdu_length("0") is None
    assert answers.tpdu_length("") is None


SIM800 = [frozenset(range(4)), frozenset(range(4)), frozenset({0, 2}), frozenset({0, 1}), frozenset({0, 1})]


def test_stored_comes_before_direct() -> None:
    generic = profiles()["generic"]
    everything = list(cnmi_candidates([], generic))
    assert everything[:4] == [(2, 1, 0, 2, 0), (1, 1, 0, 2, 0), (2, 1, 0, 1, 0), (1, 1, 0, 1, 0)]
    first_direct_message = next(n for n, one in enumerate(everything) if one[1] == 2)
    assert all(one[1] == 1 for one in everything[:first_direct_message])
    assert next(iter(cnmi_candidates(SIM800, generic))) == (2, 1, 0, 1, 0)
    assert next(iter(cnmi_candidates([*SIM800[:4]], generic))) == (2, 1, 0, 1)  # four values offered, four given
    only_bfr_1 = [*SIM800[:3], frozenset({0, 1, 2}), frozenset({1})]
    assert next(iter(cnmi_candidates(only_bfr_1, generic))) == (2, 1, 0, 2, 1)
    assert not is_direct((2, 1, 0, 2, 0))
    assert is_direct((2, 1, 0, 1, 0))
    assert is_direct((2, 2, 0, 2, 0))


def test_the_receiving_storage_is_swept_last() -> None:
    assert sweep_order(["SM", "ME", "SR", "MT", "BM"], "ME") == ("SM", "SR", "ME")
    assert sweep_order(["MT", "BM"], "MT") == ("MT",)
    assert sweep_order(["SM"], "ME") == ("SM", "ME")


def test_the_life_of_a_line_is_a_closed_table() -> None:
    assert set(NEXT) == set(State)
    assert after(State.READY, Happening.PORT_LOST) is State.LOST
    assert after(State.SIM_PIN, Happening.OPENED) is State.SIM_PIN  # a new try does not show before it succeeds
    with pytest.raises(GatewayError, match="cannot see"):
        after(State.LOST, Happening.REGISTERED)


def test_error_codes_are_in_the_table() -> None:
    for cls in (modem_errors.PortLost, modem_errors.CommandTimeout):
        assert cls("why").code in CODES
    for wants in ("pin", "puk", "missing", "unknown"):
        assert sim._unusable(wants).code in CODES


def test_the_pin_guard() -> None:
    guard = PinGuard()
    assert not guard.refusal("iccid", "1234", 3)
    assert guard.refusal("iccid", "1234", 1)
    guard.trying("iccid", "1234", 3)
    guard.refused("iccid")
    assert guard.refusal("iccid", "1234", 2)
    assert not guard.refusal("iccid", "5678", 2)  # another PIN in the file
    assert not guard.refusal("other", "1234", 3)  # another SIM
    assert guard.refusal("iccid", "5678", None)  # the count cannot be seen and one was refused
    assert not guard.refusal("iccid", "1234", 3)  # somebody reset the counter: the SIM was unlocked elsewhere
    guard.trying("third", "1234", None)
    assert guard.refusal("third", "1234", None)
    guard.accepted("third", "1234")
    assert not guard.refusal("third", "1234", None)


def test_turns_go_to_the_more_urgent_one() -> None:
    async def main() -> None:
        turns = Turns()
        order: list[str] = []

        async def send(name: str) -> None:
            await turns.take_for_send()
            order.append(name)
            await asyncio.sleep(0)
            turns.release()

        async def keep(priority: Priority) -> None:
            await turns.take_for_keeper(priority)
            order.append(priority.name)
            turns.release()

        await turns.take_for_send()
        senders = [asyncio.create_task(send(f"send{n}")) for n in range(2)]
        keeper = asyncio.create_task(keep(Priority.TELEMETRY))
        await asyncio.sleep(0)
        turns.release()  # telemetry waits for the senders
        await asyncio.gather(*senders, keeper)
        assert order == ["send0", "send1", "TELEMETRY"]

        order.clear()
        await turns.take_for_send()
        waiting = asyncio.create_task(send("send"))
        keeper = asyncio.create_task(keep(Priority.TELEMETRY))
        await asyncio.sleep(0)
        turns.claim(Priority.INBOUND)  # a message came: the keeper's turn is more urgent now
        turns.release()
        await asyncio.gather(waiting, keeper)
        assert order == ["TELEMETRY", "send"]  # asked for as telemetry, served first

        order.clear()
        turns.claim(Priority.INBOUND)  # told in a read callback, before the keeper runs
        waiting = asyncio.create_task(send("send"))
        await asyncio.sleep(0)
        assert order == []
        await keep(Priority.INBOUND)
        await waiting
        assert order == ["INBOUND", "send"]

        turns.claim(Priority.INBOUND)
        waiting = asyncio.create_task(send("after"))
        await asyncio.sleep(0)
        turns.unclaim()  # there was nothing to do after all
        await waiting
        assert order[-1] == "after"

    asyncio.run(main())


def test_a_cancelled_waiter_does_not_keep_the_turn() -> None:
    async def main() -> None:
        turns = Turns()
        await turns.take_for_send()
        waiter = asyncio.create_task(turns.take_for_send())
        await asyncio.sleep(0)
        turns.release()  # granted …
        waiter.cancel()  # … and cancelled in the same moment
        await asyncio.gather(waiter, return_exceptions=True)
        async with asyncio.timeout(1):
            await turns.take_for_send()
        waiter = asyncio.create_task(turns.take_for_send())
        await asyncio.sleep(0)
        turns.close("gone")
        with pytest.raises(PortLost, match="gone"):
            await waiter
        with pytest.raises(PortLost):
            await turns.take_for_keeper(Priority.INBOUND)

    asyncio.run(main())


def test_no_command_can_smuggle_another_one_in() -> None:
    for text in ("AT+CMGR=1\rAT+CMGD=1", "AT\x1a", "AT\x1b"):
        with pytest.raises(at.ProtocolMisuse):
            at.Command(text=text)
