"""Virtual phones that are off, full or unwilling; validity periods; service centres; what reports say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.emulator import CentreConfig, Emulator, ModemConfig, NetworkConfig
from gateway.emulator.config import load
from gateway.emulator.network import validity
from gateway.emulator.network_config import check_network
from gateway.emulator.outcomes import ST
from gateway.errors import ConfigError, RequestError

from .bench import ONE, PHONE, TWO, eventually, run
from .client import Client, silent, submit, swapped, text_of

OTHER_CENTRE = "+491722270000"
RELATIVE, ENHANCED, ABSOLUTE = 0x10, 0x08, 0x18


def with_validity(pdu: str, vpf: int, octets: str) -> str:
    """A SUBMIT from `submit`, with a validity period put in behind TP-DCS."""
    digits = int(pdu[4:6], 16)
    at = 2 * (4 + (digits + 1) // 2 + 2)
    return f"{int(pdu[:2], 16) | vpf:02X}{pdu[2:at]}{octets}{pdu[at:]}"


def seconds(count: int) -> tuple[int, str]:
    return ENHANCED, f"02{count:02X}0000000000"


async def reporting(client: Client) -> None:
    await client.ok("ATE0")
    await client.ok("AT+CNMI=2,1,0,1,0")


async def status(client: Client) -> int:
    """TP-ST of the next report."""
    shown = await client.wait_for(rb"\+CDS: \d+\r\n[0-9A-F]+\r\n")
    return int(shown.split()[-1][-2:], 16)


def test_what_is_for_a_phone_that_is_off_waits_until_it_is_on() -> None:
    async def scenario(emulator: Emulator) -> None:
        network = emulator.network
        phone = network.phones.get(PHONE)
        phone.on = False
        with Client(emulator.port("one")) as client:
            await reporting(client)
            for text in "ab":
                assert (await client.cmgs(submit(PHONE, text, report=True)))[-1] == "OK"
            assert await silent(client)
            assert len(phone.waiting) == 2
            phone.on = True
            network.phone_changed(phone)
            assert [await status(client), await status(client)] == [0, 0]
            assert all(one.arrived is not None for one in network.submitted)

    run(scenario)


def test_a_full_phone_takes_what_fits_and_the_rest_when_it_was_cleared() -> None:
    async def scenario(emulator: Emulator) -> None:
        phone = emulator.network.phones.get(PHONE)
        phone.memory = 1
        with Client(emulator.port("one")) as client:
            for text in "ab":
                await client.cmgs(submit(PHONE, text))
            assert [one.arrived is None for one in emulator.network.submitted] == [False, True]
            phone.stored = 0
            emulator.network.phone_changed(phone)
            assert not phone.waiting

    run(scenario)


def test_what_waits_too_long_expires_at_a_phone_and_at_a_modem() -> None:
    async def scenario(emulator: Emulator) -> None:
        phone = emulator.network.phones.get(PHONE)
        phone.on = False
        emulator.fault("two", "registration-lost")
        with Client(emulator.port("one")) as client:
            await reporting(client)
            for to in (PHONE, TWO):
                assert (await client.cmgs(with_validity(submit(to, report=True), *seconds(1))))[-1] == "OK"
                assert await status(client) == 0x46
            assert not phone.waiting
            assert emulator.network.waiting(emulator.modem("two")) == 0
            emulator.modem("two").recover()
            assert not emulator.network.under_way

    run(scenario, network=NetworkConfig(validity_scale=0.05))


def test_a_text_without_a_validity_period_has_that_of_its_centre() -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.network.phones.get(PHONE).on = False
        with Client(emulator.port("one")) as client:
            await reporting(client)
            await client.cmgs(submit(PHONE, report=True))
            assert await status(client) == 0x46

    run(scenario, network=NetworkConfig(validity_s=0.05))


NOW = datetime(2026, 1, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("vpf", "octets", "expected"),
    [
        (0, "", None),
        (RELATIVE, "00", 300),
        (RELATIVE, "8F", 43_200),
        (RELATIVE, "90", 45_000),
        (RELATIVE, "A7", 86_400),
        (RELATIVE, "A8", 172_800),
        (RELATIVE, "C4", 30 * 86_400),
        (RELATIVE, "C5", 5 * 604_800),
        (RELATIVE, "FF", 63 * 604_800),
        (ABSOLUTE, "62102021000040", 3600),  # noon an hour east of Greenwich, which is in an hour
        (ABSOLUTE, "62102021000048", 3 * 3600),  # the same an hour west of it
        (ABSOLUTE, "62101021000000", 0),  # the day before
        (ABSOLUTE, "AB102021000040", None),
        (ENHANCED, "00000000000000", None),
        (ENHANCED, "01000000000000", 300),
        (ENHANCED, "022D0000000000", 45),
        (ENHANCED, "03100203000000", 3600 + 20 * 60 + 30),
        (ENHANCED, "030F0000000000", None),
    ],
)
def test_validity_periods_are_read_in_all_formats(vpf: int, octets: str, expected: float | None) -> None:
    assert validity.seconds(vpf, bytes.fromhex(octets), NOW) == expected


@pytest.mark.parametrize("outcome", [name for name in ST if name != "none"])
def test_each_outcome_has_its_reports_and_what_fails_does_not_arrive(outcome: str) -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await reporting(client)
            await client.cmgs(submit(PHONE, report=True))
            assert tuple([await status(client) for _ in ST[outcome]]) == ST[outcome]
            arrived = emulator.network.submitted[-1].arrived is not None
            assert arrived is all(st < 0x40 for st in ST[outcome])
            assert [one.st for one in emulator.network.reported] == list(ST[outcome])

    run(scenario, network=NetworkConfig(outcomes={PHONE: outcome}))


def test_a_phone_has_an_outcome_of_its_own() -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.network.phones.get(PHONE).report = "rejected"
        with Client(emulator.port("one")) as client:
            await reporting(client)
            await client.cmgs(submit(PHONE, report=True))
            assert await status(client) == 0x42

    run(scenario)


def test_the_centre_of_the_pdu_or_else_of_the_sim_takes_the_text() -> None:
    centre = CentreConfig(number=OTHER_CENTRE, utc_offset_quarters=-12, clock_offset_s=3600, refuse={PHONE: 22})

    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client, Client(emulator.port("two")) as other:
            await client.ok("ATE0")
            await other.ok("ATE0")
            await other.ok("AT+CNMI=1,2,0,0,0")
            assert (await client.cmgs(submit(PHONE)))[-1] == "OK"
            await client.ok(f'AT+CSCA="{OTHER_CENTRE}",145')
            assert (await client.cmgs(submit(PHONE)))[-1] == "+CMS ERROR: 22"
            assert (await client.cmgs(submit(TWO, "there")))[-1] == "OK"
            pdu = (await other.wait_for(rb"\+CMT: ,\d+\r\n[0-9A-F]+\r\n")).split()[-1].decode()
            assert pdu.startswith(f"0791{swapped(OTHER_CENTRE[1:])}")
            assert text_of(pdu)[0] == "there"
            scts = pdu[16 + 2 * 11 : 16 + 2 * 18]
            assert scts.endswith("29")  # -12 quarters, as 23.040 9.2.3.11 writes them
            now = datetime.now(UTC) - timedelta(hours=2)
            assert int(scts[7] + scts[6]) in {now.hour, (now - timedelta(minutes=1)).hour}
            assert await named(client, "+491710760000", submit(PHONE)) == "OK"
            assert await named(client, "+4999", submit(PHONE)) == "+CMS ERROR: 38"
            emulator.modem("one").sim.smsc = ""
            assert (await client.cmgs(submit(PHONE)))[-1] == "+CMS ERROR: 330"

    run(scenario, network=NetworkConfig(centre=[centre]))


async def named(client: Client, centre: str, pdu: str) -> str:
    """Submits with the centre's address in front; returns the final result."""
    address = f"{1 + len(centre) // 2:02X}91{swapped(centre[1:])}"
    client.write(f"AT+CMGS={len(pdu) // 2}\r".encode())
    await client.wait_for(rb"> ")
    client.write(f"{address}{pdu}\x1a".encode())
    return (await client.wait_for(rb"(OK|ERROR[^\r]*)\r\n")).decode().strip().splitlines()[-1]


def test_a_phone_writes_to_a_modem() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            await client.ok("AT+CNMI=1,2,0,0,0")
            assert await emulator.text_from_phone(PHONE, ONE, "→" * 71) == 2
            assert await emulator.text_from_phone(PHONE, ONE, "←" * 71) == 2
            found = [
                text_of((await client.wait_for(rb"\+CMT: ,\d+\r\n[0-9A-F]+\r\n")).split()[-1].decode())
                for _ in range(4)
            ]
            assert [concat for _, concat in found] == [(1, 2, 1), (1, 2, 2), (2, 2, 1), (2, 2, 2)]
            with pytest.raises(RequestError, match=r"no modem has the number \+4977"):
                await emulator.text_from_phone(PHONE, "+4977", "x")

    run(scenario)


def test_a_reset_forgets_what_waits() -> None:
    async def scenario(emulator: Emulator) -> None:
        emulator.network.phones.get(PHONE).on = False
        with Client(emulator.port("one")) as client:
            await reporting(client)
            await client.cmgs(submit(PHONE, report=True))
            emulator.reset()
            await client.ok("AT+CNMI=2,1,0,1,0")
            assert await silent(client)
            assert not emulator.network.reported
            assert emulator.network.phones.all() == []
        await eventually(lambda: not emulator.network.under_way)

    run(scenario, network=NetworkConfig(validity_s=0.05))


def test_a_sim_may_come_with_another_centre() -> None:
    async def scenario(emulator: Emulator) -> None:
        with Client(emulator.port("one")) as client:
            assert f'+CSCA: "{OTHER_CENTRE}",145' in await client.ok("AT+CSCA?")
            assert (await client.cmgs(submit(PHONE)))[-1] == "+CMS ERROR: 42"

    other = CentreConfig(number=OTHER_CENTRE, refuse={"*": 42})
    run(scenario, ModemConfig(name="one", smsc=OTHER_CENTRE), network=NetworkConfig(centre=[other]))


def test_centres_are_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "emulator.toml"
    path.write_text(
        f'[network]\nvalidity_s = 60\n[[network.centre]]\nnumber = "{OTHER_CENTRE}"\nrefuse = {{ "*" = 38 }}\n',
        encoding="utf-8",
    )
    network = load(path).network
    assert network.validity_s == 60
    assert network.centre == (CentreConfig(number=OTHER_CENTRE, refuse={"*": 38}),)
    path.write_text("[[network.centre]]\nnumber = 5\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"network.centre\[0\]: number: must be str"):
        load(path)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            NetworkConfig(centre=[CentreConfig(number="x")]),
            "centre[0]: number: must be 1 to 20 digits, with or without +",
        ),
        (
            NetworkConfig(centre=[CentreConfig(number="1", refuse={"*": -1})]),
            "centre[0]: refuse: must be CMS error codes by recipient",
        ),
        (NetworkConfig(centre=[CentreConfig(number="1", validity_s=0)]), "centre[0]: validity_s: must be positive"),
        (NetworkConfig(validity_scale=0), "validity_s and validity_scale: must be positive"),
        (NetworkConfig(outcomes={PHONE: "gone"}), f"outcomes: must be one of {', '.join(ST)} by recipient"),
    ],
)
def test_mistakes_are_named(network: NetworkConfig, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_network(network)
    assert str(raised.value).removeprefix("network: ") == message
