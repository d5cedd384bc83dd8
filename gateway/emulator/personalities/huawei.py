"""Huawei sticks with AT ports: an E173 of the old layout, and an E3372 with stick firmware. firmware-notes/huawei-stick.md"""

from __future__ import annotations

from dataclasses import replace

from gateway.emulator import dialects
from gateway.emulator.personalities.generic import GENERIC, RESET
from gateway.emulator.personalities.personality import Cnmi, Personality, Tty

_QUERIES = {
    "^CVOICE?": "^CVOICE:0,8000,16,20",
    "^CHIPTEMP?": "^CHIPTEMP:{temperature_tenths},{temperature_tenths},{temperature_tenths},65535,65535",
    "^ADCTEMP": "^ADCTEMP:{temperature}",
    "^RFSWITCH?": "^RFSWITCH:1,1",
    "^SIMST?": "^SIMST:1",
    "^CSQ": "^CSQ:{rssi},{ber}",
    "^NWTIME?": "^NWTIME: {clock}",
    "^TIME?": "^TIME: {clock_long}",
}

_POWER = {"+CFUN=1,1": RESET, "^RESET": RESET}

_REGISTERS = {
    "^CURC": (1, (0, 1)),
    "^USSDMODE": (0, (0, 1)),
    "^DSCI": (0, (0, 1)),
    "^PREFMODE": (2, (2, 4, 8)),
    "^CVOICE": (0, (0, 1)),
    "^DDSETEX": (0, (0, 1, 2)),
    "^DDTMFCFG": (1, (0, 1)),
}

_SYSINFO = {
    "lte": "^SYSINFO:2,3,0,9,1,,41",
    "umts": "^SYSINFO:2,3,0,5,1,,4",
    "gsm": "^SYSINFO:2,3,0,3,1,,3",
    "": "^SYSINFO:0,0,0,0,1",
}

_STICK = replace(
    GENERIC,
    notes="huawei-stick.md",
    manufacturer="huawei",
    of_sim={"^ICCID": "^ICCID: {iccid_swapped}"},  # huawei-stick.md#iccid
    vendor=frozenset({"^CPIN"}),  # huawei-stick.md#pin
    first_index=0,  # huawei-stick.md#storage
    unknown_command="ERROR",
    unknown_vendor="COMMAND NOT SUPPORT",  # huawei-stick.md#errors
    prompt_abort="ERROR",  # huawei-stick.md#prompt
    full_urc='^SMMEMFULL:"{memory}"',  # huawei-stick.md#storage
    cms_words={512: "MM establishment failure", 513: "lower layer failure", 514: "congestion", 515: "please wait"},
    cnma_numbers=False,  # huawei-stick.md#direct
    sim_ready_s=0.5,
    calls=dialects.HUAWEI_CALLS,
    ussd=dialects.HUAWEI_USSD,
    power=_POWER,  # huawei-stick.md#reset
    registers=_REGISTERS,
    idle_urcs_if="^CURC",  # huawei-stick.md#noise
)

HUAWEI_E3372: Personality = replace(
    _STICK,
    name="huawei-e3372",
    model="E3372",
    revision="21.180.01.00.00",
    ati=("Manufacturer: huawei", "Model: E3372", "Revision: 21.180.01.00.00", "IMEI: {imei}", "+GCAP: +CGSM,+DS,+ES"),
    usb="12d1:1506",
    ttys=(Tty(interface=0, role="at"), Tty(interface=1, role="modem")),
    memories={"SM": 40, "ME": 100, "SR": 20},
    fixed=_QUERIES
    | {
        "^SETPORT?": "^SETPORT:A1,A2;12,16",
        "^SYSCFGEX?": '^SYSCFGEX:"00",3FFFFFFF,1,2,7FFFFFFFFFFFFFFF',
    },
    by_access={
        "^SYSINFO": _SYSINFO,
        "^SYSINFOEX": {
            "lte": '^SYSINFOEX:2,3,0,1,,6,"LTE",101,"LTE"',
            "umts": '^SYSINFOEX:2,3,0,1,,3,"WCDMA",41,"WCDMA"',
            "gsm": '^SYSINFOEX:2,3,0,1,,1,"GSM",3,"EDGE"',
            "": '^SYSINFOEX:0,0,0,1,,0,"NO SERVICE",0,"NO SERVICE"',
        },
        "^HCSQ?": {
            "lte": '^HCSQ:"LTE",{rssi_121},{rsrp_141},{sinr_huawei},{rsrq_index}',
            "umts": '^HCSQ:"WCDMA",{rssi_121},{rscp_index},{ecio_huawei}',
            "gsm": '^HCSQ:"GSM",{rssi_121}',
            "": '^HCSQ:"NOSERVICE"',
        },
        "^MONSC": {
            "lte": "^MONSC: LTE,{mcc},{mnc},1300,{cell_hex},65,{area_hex},{rsrp},{rsrq},{rssi_dbm}",
            "umts": "^MONSC: WCDMA,{mcc},{mnc},10638,65,{cell_hex},{area_hex},{rscp},{ecio},{rssi_dbm}",
            "gsm": "^MONSC: GSM,{mcc},{mnc},0,55,12,{cell_hex},{area_hex},{rssi_dbm},0,0",
            "": "^MONSC: NONE",
        },
    },
    boot=((0.5, "^SIMST:1"), (1.5, "^SRVST:2"), (2.0, "^MODE:5,4"), (2.5, "^RSSI:{rssi}")),
    idle_urcs=(
        (5.0, "^RSSI:{rssi}"),
        (20.0, "^BOOT:27710117,0,0,0,75"),
        (7.0, "^HCSQ?"),
    ),
    radio_urcs=(("^CURC", "^RSSI:{rssi}"),),
)

HUAWEI_E3372H: Personality = replace(
    HUAWEI_E3372,
    name="huawei-e3372h-320",
    model="E3372h-320",
    revision="11.0.1.1(H697SP2C983)",
    ati=(
        "Huawei Technologies Co.,Ltd.",
        "Model: E3372h-320",
        "Revision: 11.0.1.1(H697SP2C983)",
        "IMEI: {imei}",
        "+GCAP: +CGSM,+DS,+ES",
    ),
    manufacturer="Huawei Technologies Co.,Ltd.",
    refused=frozenset({"Q0"}),  # huawei-stick.md#identity
    usb="12d1:155e",
    ttys=(Tty(interface=0, role="modem"), Tty(interface=1, role="diag"), Tty(interface=2, role="at")),
)

HUAWEI_E173: Personality = replace(
    _STICK,
    name="huawei-e173",
    model="E173",
    revision="11.126.16.00.715",
    ati=("Manufacturer: huawei", "Model: E173", "Revision: 11.126.16.00.715", "IMEI: {imei}", "+GCAP: +CGSM,+DS,+ES"),
    usb="12d1:1001",
    ttys=(Tty(interface=0, role="modem"), Tty(interface=1, role="audio"), Tty(interface=2, role="at")),
    cnmi=Cnmi(refused_modes=(2,)),  # huawei-stick.md#indications
    memories={"SM": 40, "ME": 20},
    memory_choice=(("ME", "MT", "SM"), ("ME", "MT", "SM"), ("ME", "MT", "SM")),
    report_memory="SM",  # huawei-stick.md#storage
    full_silences=True,  # huawei-stick.md#storage
    sms_busy=515,  # huawei-stick.md#errors
    tells_access=False,  # huawei-stick.md#radio
    ussd=dialects.PACKED_USSD,
    accesses=("umts", "gsm"),
    fixed=_QUERIES
    | {
        "^GETPORTMODE": "^GETPORTMODE: TYPE: WCDMA: huawei,MDM:0,VOICE:1,PCUI:2",
        "^SYSCFG?": "^SYSCFG:2,0,3FFFFFFF,1,2",
        "^U2DIAG?": "^U2DIAG: 1",
    },
    by_access={"^SYSINFO": _SYSINFO},
    absent=frozenset({"+CEREG", "+CESQ"}),
    boot=((0.5, "^SIMST:1"), (1.5, "^SRVST:2"), (2.0, "^MODE:5,4"), (2.5, "^RSSI:{rssi}")),
    idle_urcs=((5.0, "^RSSI:{rssi}"), (20.0, "^BOOT:27710117,0,0,0,75"), (2.0, "^DSFLOWRPT:0,0,0,0,0,0,0")),
    radio_urcs=(("^CURC", "^RSSI:{rssi}"),),
)
