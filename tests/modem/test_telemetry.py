"""Signal, access, cell, temperature and voltage of every family; and the warning of a modem that starves."""

from __future__ import annotations

import asyncio

import pytest

from gateway.at import commands
from gateway.emulator import Emulator
from gateway.modem import Line, SubmitOutcome
from gateway.modem.profiles import Query
from gateway.modem.settings import SmsSettings
from gateway.modem.signal import READERS, Signal, access_of, bars
from gateway.modem.telemetry import value_in
from tests.modem.bench import Recorder, running
from tests.modem.peer import OK, SUBMIT, SUBMIT_LENGTH, Peer, info
from tests.modem.test_on_emulator import play

EC25 = {"AT+CGMI": info("Quectel"), "AT+CGMM": info("EC25"), "ATI": info("Quectel", "EC25")}
SIM800 = {"AT+CGMI": info("SIMCOM_Ltd"), "AT+CGMM": info("SIMCOM_SIM800C"), "ATI": info("SIM800 R14.18")}
E173 = {"AT+CGMI": info("huawei"), "AT+CGMM": info("E173")}
E3372 = {"AT+CGMI": info("huawei"), "AT+CGMM": info("E3372")}
SIM7600 = {"AT+CGMI": info("SIMCOM INCORPORATED"), "AT+CGMM": info("SIMCOM_SIM7600E-H")}
ZTE = {"AT+CGMI": info("ZTE INCORPORATED"), "AT+CGMM": info("MF627")}
LE910 = {"AT+CGMI": info("Telit"), "AT+CGMM": info("LE910C1-EU")}
SILENT = {"AT+COPS?": info('+COPS: 0,0,"Netz"'), "AT+CREG?": info("+CREG: 2,1"), "AT+CGREG?": info("+CGREG: 2,1")}


@pytest.mark.parametrize(
    ("reader", "answer", "expected"),
    [
        ("csq", "20,99", Signal(rssi_dbm=-73)),
        ("csq", "0,0", Signal(rssi_dbm=-113)),
        ("csq", "31,7", Signal(rssi_dbm=-51)),
        ("csq", "99,99", Signal()),
        ("csq", "", Signal()),
        ("cesq", "99,99,255,255,20,80", Signal(access="lte", rsrp_dbm=-61, rsrq_db=-10.0)),
        ("cesq", "99,99,50,30,255,255", Signal(access="umts", rssi_dbm=-71)),
        ("cesq", "30,0,255,255,255,255", Signal(access="gsm", rssi_dbm=-80)),
        ("cesq", "99,99,255,255,255,255", Signal()),
        ("hcsq", "LTE,48,35,86,14", Signal(access="lte", rssi_dbm=-73, rsrp_dbm=-106, sinr_db=-3.0, rsrq_db=-13.0)),
        ("hcsq", "WCDMA,30,30,58", Signal(access="umts", rssi_dbm=-91)),
        ("hcsq", "GSM,36", Signal(access="gsm", rssi_dbm=-85)),
        ("hcsq", "LTE,255,255,255,255", Signal(access="lte")),
        ("hcsq", "NOSERVICE", Signal()),
        ("qcsq", "LTE,-52,-81,195,-10", Signal(access="lte", rssi_dbm=-52, rsrp_dbm=-81, sinr_db=19.0, rsrq_db=-10)),
        ("qcsq", "WCDMA,-60,-70,-5", Signal(access="umts", rssi_dbm=-60)),
        ("qcsq", "GSM,-70", Signal(access="gsm", rssi_dbm=-70)),
        ("qcsq", "NOSERVICE", Signal()),
        (
            "cpsi",
            "LTE,Online,262-01,0x1A2B,28013570,101,EUTRAN-BAND3,1300,5,5,-94,-850,-567,15",
            Signal(access="lte", rssi_dbm=-57, rsrp_dbm=-85, rsrq_db=-9.4, sinr_db=15),
        ),
        ("cpsi", "GSM,Online,460-00,0x182d,12401,27 EGSM 900,-64,2110,42-42", Signal(access="gsm")),
        (
            "cpsi",
            "LTE CAT-M1,Online,262-01,0x1A2B,28013570,101,EUTRAN-BAND3,1300,5,5,-9,-85,-56,15",
            Signal(access="lte"),
        ),
        ("cpsi", "NO SERVICE,Online", Signal()),
    ],
)
def test_what_modems_say_of_their_signal(reader: str, answer: str, expected: Signal) -> None:
    assert READERS[reader](answer.split(",")) == expected


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("answer", [[], [""], ["x"] * 14, ["LTE"], ["LTE", "", "", ""], ["LTE"] + ["99999"] * 13])
def test_nonsense_is_no_signal(reader: str, answer: list[str]) -> None:
    heard = READERS[reader](answer)
    assert (heard.rssi_dbm, heard.rsrp_dbm) == (None, None)


def test_bars_and_words() -> None:
    assert [bars(Signal(rssi_dbm=dbm)) for dbm in (-51, -75, -90, -100, -110, -113)] == [5, 4, 3, 2, 1, 0]
    assert bars(Signal(rssi_dbm=-60, rsrp_dbm=-118)) == 1  # a strong receiver, a weak cell
    assert bars(Signal()) == 0
    words = {"FDD LTE": "lte", "CAT-M1": "lte", "WCDMA": "umts", "HSPA+": "umts", "EDGE": "gsm", "NR5G-SA": "nr"}
    assert {word: access_of(word) for word in words} == words
    assert access_of("NO SERVICE") == ""


@pytest.mark.parametrize(
    ("values", "query", "expected"),
    [
        (["34", "255", "255"], Query(command="AT+QTEMP", prefixes=("+QTEMP:",)), 34),
        (["cpu0-a7-usr", "38"], Query(command="AT+QTEMP", prefixes=("+QTEMP:",)), 38),
        (["410", "650"], Query(command="AT^CHIPTEMP?", prefixes=("^CHIPTEMP:",), scale=0.1), 41),
        (["3.9V"], Query(command="AT+CBC", prefixes=("+CBC:",)), 3.9),
        (["0", "95", "4100"], Query(command="AT+CBC", prefixes=("+CBC:",), field=2, scale=0.001), 4.1),
        (["0", "95"], Query(command="AT+CBC", prefixes=("+CBC:",), field=2), None),
        ([], Query(command="AT+CBC", prefixes=("+CBC:",)), None),
    ],
)
def test_a_value_with_or_without_its_unit(values: list[str], query: Query, expected: float | None) -> None:
    found = value_in(query, values)
    assert found == expected if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (
            EC25
            | {
                "AT+QCCID": info("+QCCID: 89492000000000000018F"),
                "AT+QCSQ": info('+QCSQ: "LTE",-52,-81,195,-10'),
                "AT+QTEMP": info('+QTEMP:"pa-usr","31"'),
                "AT+CBC": info("+CBC: 0,85,3876"),
            },
            {"access": "lte", "rssi_dbm": -52, "bars": 5, "temperature_c": 31.0, "voltage_mv": 3876},
        ),
        (
            SIM800
            | SILENT
            | {
                "AT+CSQ": info("+CSQ: 15,0"),
                "AT+CREG?": info('+CREG: 2,1,"00A1","0BCD"'),
                "AT+CMTE?": info("+CMTE: 0,29.8"),
                "AT+CBC": info("+CBC: 0,95,4111"),
            },
            {
                "access": "gsm",
                "rssi_dbm": -83,
                "bars": 4,
                "temperature_c": 29.8,
                "voltage_mv": 4111,
                "cell": "00A1/BCD",
            },
        ),
        (
            E3372
            | SILENT
            | {"AT^HCSQ?": info('^HCSQ:"LTE",48,35,86,14'), "AT^CHIPTEMP?": info("^CHIPTEMP:410,650,65535")},
            {"access": "lte", "rssi_dbm": -73, "bars": 2, "temperature_c": 41.0, "voltage_mv": None},
        ),
        (
            E173 | SILENT | {"AT^SYSINFO": info("^SYSINFO:2,1,0,5,1,,4"), "AT^CHIPTEMP?": info("^CHIPTEMP:65535")},
            {"access": "umts", "rssi_dbm": -73, "temperature_c": None},
        ),
        (
            SIM7600
            | {
                "AT+CPSI?": info("+CPSI: LTE,Online,262-01,0x1A2B,28013570,101,EUTRAN-BAND3,1300,5,5,-94,-850,-567,15"),
                "AT+CPMUTEMP": info("+CPMUTEMP: 34"),
                "AT+CBC": info("+CBC: 3.9V"),
                "AT+CEREG?": info('+CEREG: 2,1,"1A2B","1AB3C4",7'),
            },
            {"rssi_dbm": -57, "bars": 5, "temperature_c": 34.0, "voltage_mv": 3900, "cell": "1A2B/1AB3C4"},
        ),
        (ZTE | SILENT | {"AT+ZPAS?": info('+ZPAS: "HSDPA","CS_PS"')}, {"access": "umts"}),
        (
            LE910 | SILENT | {"AT#PSNT?": info("#PSNT: 0,4"), "AT#CBC": info("#CBC: 0,379")},
            {"access": "lte", "voltage_mv": 3790},
        ),
        ({"AT+COPS?": info('+COPS: 0,0,"004F00320020002D0020006400650020",0')}, {"operator": "O2 - de "}),
        ({"AT+COPS?": info('+COPS: 0,2,"26201",7')}, {"operator": "26201"}),
        ({}, {"access": "lte", "rssi_dbm": -73, "cell": "1A2B/1A2B3C4", "voltage_mv": None, "warnings": ()}),
    ],
)
def test_what_a_line_shows_of_each_family(replies: dict[str, str], expected: dict[str, object]) -> None:
    async def main() -> None:
        peer = Peer()
        peer.replies |= replies
        async with running(peer.path) as (_, listener):
            await listener.shows("ready")
            await listener.until(lambda: {name: getattr(listener.states[-1], name) for name in expected} == expected)
        peer.unplug()

    asyncio.run(main())


def test_what_a_family_adds_never_keeps_a_line_from_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firmware that ignores such questions: the line is ready before they are asked, and they are soon given up."""
    monkeypatch.setattr("gateway.modem.telemetry.TIMEOUT_S", 0.05)
    monkeypatch.setattr("gateway.modem.telemetry.PERIOD_S", 0.05)

    async def main() -> None:
        peer = Peer()
        peer.replies |= EC25 | {"AT+CBC": None, "AT+QTEMP": None, "AT+QCSQ": None}  # as many as end a connection
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            assert "AT+CBC" not in peer.heard
            await peer.until(lambda: peer.heard.count("AT+CSQ") >= 6)
            assert [peer.heard.count(text) for text in ("AT+CBC", "AT+QTEMP", "AT+QCSQ")] == [2, 2, 2]
            assert listener.states[-1].state == "ready"
            assert len(listener.of("ready")) == 1
            assert (await line.submit(SUBMIT, SUBMIT_LENGTH)).outcome is SubmitOutcome.SENT
        peer.unplug()

    asyncio.run(main())


def test_a_starving_modem_warns_also_when_it_restarts_over_it() -> None:
    async def main() -> None:
        peer = Peer()
        peer.replies |= SIM800
        async with running(peer.path) as (_, listener):
            assert (await listener.shows("ready")).warnings == ()
            peer.say("\r\nUNDER-VOLTAGE WARNNING\r\n")
            await listener.until(lambda: listener.states[-1].warnings == ("low_voltage",))
            peer.say("\r\nRDY\r\n")
            await listener.hears("ready", 2)
            assert (await listener.shows("ready")).warnings == ("low_voltage",)
        peer.unplug()

    asyncio.run(main())


def test_the_warning_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.modem.supervisor.WARNED_S", 0.05)
    monkeypatch.setattr("gateway.modem.telemetry.PERIOD_S", 0.05)

    async def main() -> None:
        peer = Peer()
        async with running(peer.path) as (_, listener):
            await listener.shows("ready")
            peer.say("\r\nUNDER-VOLTAGE WARNNING\r\n")
            await listener.until(lambda: listener.states[-1].warnings == ("low_voltage",))
            await listener.until(lambda: listener.states[-1].warnings == ())
            assert listener.states[-1].state == "ready"
        peer.unplug()

    asyncio.run(main())


@pytest.mark.parametrize("personality", ["sim800", "m66"])
def test_a_supply_that_gives_way(personality: str) -> None:
    async def script(emulator: Emulator, line: Line, listener: Recorder) -> None:
        assert listener.states[-1].warnings == ()
        emulator.modem("one").surround(voltage_mv=3290 if personality == "sim800" else 3400)
        await listener.until(lambda: listener.states[-1].warnings == ("low_voltage",))
        assert listener.states[-1].state == "ready"

    play(script, personality)


# --- storages that are chosen in their own way


def negotiated(line: object) -> SmsSettings:
    settings = line._driver._settings  # type: ignore[attr-defined]
    assert isinstance(settings, SmsSettings)
    return settings


@pytest.mark.parametrize("arguments", [1, 2, 3])
def test_a_modem_that_takes_fewer_arguments(arguments: int) -> None:
    async def main() -> None:
        peer = Peer()
        select = peer.replies["AT+CPMS="]
        assert callable(select)
        taken: list[str] = []

        def cpms(modem: Peer, line: str) -> str | None:
            if line.count(",") >= arguments:
                return "\r\n+CMS ERROR: 304\r\n"
            taken.append(line)
            return select(modem, line)

        peer.replies |= {"AT+CPMS=": cpms, "AT+CPMS?": info('+CPMS: "ME",0,10,"SM",0,10,"SM",0,10')}
        async with running(peer.path) as (line, listener):
            await listener.hears("ready")
            assert taken[0].count(",") == arguments - 1
            assert negotiated(line).receive_memory == ("ME" if arguments == 3 else "SM")
            swept = [memory for memory, _ in listener.of("swept")]
            assert set(swept) == {"SM", "ME", "SR"}
            assert swept[-1] == negotiated(line).receive_memory
        peer.unplug()

    asyncio.run(main())


def test_a_modem_that_forgets_the_ok_after_cpms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its information line is answer enough: the line comes up, and each choice counts as made."""
    quick = commands.Shape(timeout=30, ok_grace=0.05)
    monkeypatch.setitem(commands.SHAPES, "+CPMS", quick)

    async def main() -> None:
        peer = Peer()
        select = peer.replies["AT+CPMS="]
        assert callable(select)
        peer.replies["AT+CPMS="] = lambda modem, line: (select(modem, line) or "").removesuffix(OK)
        async with running(peer.path) as (_, listener):
            await listener.hears("ready")
            assert {memory for memory, _ in listener.of("swept")} == {"SM", "ME", "SR"}
            assert peer.selected == "ME"
        peer.unplug()

    asyncio.run(main())
