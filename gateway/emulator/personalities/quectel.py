"""Quectel: EC25 and EG25-G (Qualcomm), EC200U (Unisoc), M66 (GSM on a UART). firmware-notes/quectel.md, quectel-m66.md"""

from __future__ import annotations

from dataclasses import replace

from gateway.emulator import dialects
from gateway.emulator.personalities.generic import GENERIC, RESET
from gateway.emulator.personalities.personality import Cnmi, Personality, Power, Tty

_CMS_WORDS = {512: "SIM not ready", 513: "message length exceeds", 515: "ME storage failure"}  # quectel.md#errors
_OFF = Power(then="off", says="POWERED DOWN")

_QCSQ = {
    "lte": '+QCSQ: "LTE",{rssi_dbm},{rsrp},{sinr_quectel},{rsrq}',
    "umts": '+QCSQ: "WCDMA",{rssi_dbm},{rscp},{ecio}',
    "gsm": '+QCSQ: "GSM",{rssi_dbm}',
    "": '+QCSQ: "NOSERVICE"',
}

_SERVING = {
    "lte": '+QENG: "servingcell","NOCONN","LTE","FDD",{mcc},{mnc},{cell_hex},101,1300,3,5,5,{area_hex},{rsrp},{rsrq},'
    "{rssi_dbm},{sinr},10",
    "umts": '+QENG: "servingcell","NOCONN","WCDMA",{mcc},{mnc},{area_hex},{cell_hex},10638,65,1,{rscp},{ecio},-,-,-,-,-',
    "gsm": '+QENG: "servingcell","NOCONN","GSM",{mcc},{mnc},{area_hex},{cell_hex},12,55,0,{rssi_dbm},0,-,-,-,-,-,-,-,-,-',
    "": '+QENG: "servingcell","SEARCH"',
}

_NETWORK = {
    "lte": '+QNWINFO: "FDD LTE","{plmn}","LTE BAND 3",1300',
    "umts": '+QNWINFO: "HSPA+","{plmn}","WCDMA 2100",10638',
    "gsm": '+QNWINFO: "EDGE","{plmn}","GSM 900",55',
    "": "+QNWINFO: No Service",
}

EC25: Personality = replace(
    GENERIC,
    name="ec25",
    notes="quectel.md",
    manufacturer="Quectel",
    model="EC25",
    revision="EC25EFAR06A03M4G",
    ati=("Quectel", "EC25", "Revision: EC25EFAR06A03M4G"),
    usb="2c7c:0125",
    ttys=(  # quectel.md#wiring
        Tty(interface=0, role="diag"),
        Tty(interface=1, role="nmea"),
        Tty(interface=2, role="at"),
        Tty(interface=3, role="modem"),
    ),
    memories={"SM": 50, "ME": 255, "SR": 50},
    memory_choice=(("SM", "ME", "MT", "SR"), ("SM", "ME", "MT"), ("SM", "ME", "MT")),
    memory_default="ME",
    first_index=0,
    unknown_command="ERROR",
    calls=dialects.QUECTEL_CALLS,
    registers={
        "+QSIMSTAT": (0, (0, 1)),
        "+QTONEDET": (0, (0, 1)),
        "+QJDR": (0, (0, 1)),
        "^DSCI": (0, (0, 1)),
        "+CTZU": (0, (0, 1, 3)),
    },
    options={
        "+QURCCFG": {"urcport": "usbat"},
        "+QINDCFG": {
            "all": "1",
            "csq": "0",
            "smsfull": "0",
            "ring": "1",
            "smsincoming": "1",
            "act": "0",
            "ccinfo": "0",
        },
        "+QCFG": {
            "nwscanmode": "0",
            "ims": "0,0",
            "usbcfg": "0x2C7C,0x0125,1,1,1,1,1,0,0",
            "band": "0xbfff,0x1ffff,0x1",
        },
    },
    choices={"+QURCCFG/urcport": ("usbat", "usbmodem", "uart1", "all")},
    of_sim={"+QCCID": "+QCCID: {iccid}F"},  # quectel.md#iccid
    fixed={
        "+QTEMP": "+QTEMP: {temperature},255,255",
        "+QPINC?": '+QPINC: "SC",{pin_tries},{puk_tries}\r\n+QPINC: "P2",3,10',
        "+QLTS": '+QLTS: "20{clock},0"',
        "+QLTS=1": '+QLTS: "20{clock},0"',
        "+QSPN": '+QSPN: "{operator}","{operator_short}","",0,"{plmn}"',
        "+QSIMSTAT?": "+QSIMSTAT: 0,1",
        "+QSIMDET?": "+QSIMDET: 0,0",
        "+QPCMV?": "+QPCMV: 0,0",
        "+QENG=neighbourcell": "",
    },
    by_access={"+QCSQ": _QCSQ, "+QENG=servingcell": _SERVING, "+QNWINFO": _NETWORK},
    vendor=frozenset(),
    cms_words=_CMS_WORDS,
    remembers=("cnmi", "memories", "csms", "options"),  # quectel.md#storage
    full_urc='+QIND: "smsfull","{memory}"',  # quectel.md#noise
    full_urc_if="+QINDCFG/smsfull",
    power={"+CFUN=1,1": RESET, "+QPOWD=1": _OFF, "+QPOWD": _OFF, "+QPOWD=0": _OFF},  # quectel.md#reset
    boot=(
        (0.5, "RDY"),
        (0.8, "+CFUN: 1"),
        (1.0, "+CPIN: {sim}"),
        (1.2, "+QUSIM: 1"),
        (3.0, "+QIND: SMS DONE"),
        (5.0, "+QIND: PB DONE"),
    ),
    radio_urcs=(("+QINDCFG/csq", '+QIND: "csq",{rssi},{ber}'), ("+QINDCFG/act", '+QIND: "act","{act_name}"')),
    sms_ready_s=3.0,
    reboot_s=12.0,
)

EG25: Personality = replace(
    EC25,
    name="eg25",
    model="EG25",
    revision="EG25GGBR07A08M2G",
    ati=("Quectel", "EG25", "Revision: EG25GGBR07A08M2G"),
)

EC200: Personality = replace(
    EC25,
    name="ec200",
    model="EC200U",
    revision="EC200UCNAAR02A09M08",
    ati=("Quectel", "EC200U", "Revision: EC200UCNAAR02A09M08"),
    usb="2c7c:0901",
    ttys=(  # quectel.md#ec200
        Tty(interface=2, role="at"),
        Tty(interface=3, role="diag"),
        Tty(interface=4, role="log"),
        Tty(interface=6, role="at2", urcs=True),
    ),
    memories={"SM": 30, "ME": 100},
    memory_choice=(("SM", "ME", "MT"), ("SM", "ME", "MT"), ("SM", "ME", "MT")),
    report_memory="SM",  # quectel.md#ec200
    memory_default="SM",
    fixed={key: text for key, text in EC25.fixed.items() if key != "+QPCMV?"},
    accesses=("lte", "gsm"),
)

M66: Personality = replace(
    GENERIC,
    name="m66",
    notes="quectel-m66.md",
    manufacturer="Quectel_Ltd",
    model="Quectel_M66",
    revision="M66FBR03A09",
    ati=("Quectel_Ltd", "Quectel_M66", "Revision: M66FBR03A09"),
    uart=True,
    cms_words=_CMS_WORDS,
    cnmi=Cnmi(modes=(0, 1, 2, 3), dss=(0, 1)),  # quectel-m66.md#indications
    memories={"SM": 30, "ME": 40},
    memory_choice=(("SM", "ME", "MT"), ("SM", "ME", "MT"), ("SM", "ME", "MT")),
    sms_busy=512,  # quectel-m66.md#storage
    unknown_command="ERROR",
    calls=dialects.QUECTEL_CALLS,
    registers={"+QTONEDET": (0, (0, 1)), "^DSCI": (0, (0, 1))},
    of_sim={"+QCCID": "+QCCID: {iccid}"},
    fixed={
        "+QLTS": '+QLTS: "20{clock},0"',
        "+QSPN": '+QSPN: "{operator}","{operator_short}","",0,"{plmn}"',
    },
    vendor=frozenset(),
    absent=frozenset({"+CEREG", "+CESQ", "+CVHU"}),
    accesses=("gsm",),
    tells_access=False,  # quectel-m66.md#radio
    power={
        "+CFUN=1,1": RESET,
        "+QPOWD=1": Power(then="off", final="", says="NORMAL POWER DOWN"),
    },  # quectel-m66.md#reset
    boot=((0.2, "RDY"), (0.4, "+CFUN: 1"), (1.0, "+CPIN: {sim}"), (3.0, "Call Ready"), (4.0, "SMS Ready")),
    boot_noise=b"\x00",
    undervoltage="UNDER_VOLTAGE POWER DOWN",
    low_voltage=((3500, "UNDER_VOLTAGE WARNING", False), (3300, "UNDER_VOLTAGE POWER DOWN", True)),
    command_delay=(0.02, 0.12),
    submit_delay=(2.0, 6.0),
    sms_ready_s=4.0,
    reboot_s=5.0,
)
