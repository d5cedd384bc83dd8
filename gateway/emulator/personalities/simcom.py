"""SIMCom: the GSM module on a UART, the LTE module on USB, the LTE-M one without voice, the later LTE Cat 1 one."""

from __future__ import annotations

from dataclasses import replace

from gateway.emulator import dialects
from gateway.emulator.personalities.generic import GENERIC, RESET
from gateway.emulator.personalities.personality import Cnmi, Personality, Power, Tty

_QUALCOMM_CNMI = Cnmi(needs_mode={("mt", 3): (1,), ("ds", 1): (1,), ("mt", 2): (1, 2)})

_CMS_WORDS = {  # simcom.md#errors
    513: "message too long",
    514: "invalid request parameters",
    515: "ME storage failure",
    520: "too many concatenated messages",
    521: "SMSAL not ready",
    529: "MO SMS not allowed",
    531: "ME storage full",
    532: "SIM SMS refresh",
}

_CPSI = {
    "lte": "+CPSI: LTE,Online,{mcc}-{mnc},0x{area_hex},{cell},101,EUTRAN-BAND3,1300,5,5,{rsrq_tenths},{rsrp_tenths},"
    "{rssi_tenths},{sinr}",
    "umts": "+CPSI: WCDMA,Online,{mcc}-{mnc},0x{area_hex},{cell},WCDMA IMT 2000,65,10638,0,{ecio},{rscp},0,0,0,0",
    "gsm": "+CPSI: GSM,Online,{mcc}-{mnc},0x{area_hex},{cell},55 EGSM 900,{rssi_dbm},0,40-40",
    "": "+CPSI: NO SERVICE,Online",
}

SIM800: Personality = replace(
    GENERIC,
    name="sim800",
    notes="sim800.md",
    push_indication=',"MMS PUSH"',  # sim800.md
    manufacturer="SIMCOM_Ltd",
    model="SIMCOM_SIM800C",
    revision="Revision:1418B05SIM800C24",
    ati=("SIM800 R14.18",),
    uart=True,  # sim800.md#wiring
    cms_words=_CMS_WORDS,
    cnmi=Cnmi(modes=(0, 1, 2, 3), bms=(0, 2), dss=(0, 1)),  # sim800.md#indications
    charsets=("IRA", "GSM", "UCS2", "HEX", "PCCP", "PCDN", "8859-1"),
    memories={"SM": 30, "ME": 50},
    memory_choice=(("SM", "ME", "MT"), ("SM", "ME", "MT"), ("SM", "ME", "MT")),
    unknown_command="ERROR",
    calls=dialects.SIM800_CALLS,
    registers={
        "+CLTS": (0, (0, 1)),
        "+CSMINS": (0, (0, 1)),
        "+MORING": (0, (0, 1)),
        "+DDET": (0, (0, 1)),
        "+SJDR": (0, (0, 1)),
        "+CENG": (0, (0, 1, 2, 3)),
        "+CMTE": (0, (0, 1)),
    },
    of_sim={"+CCID": "{iccid}"},  # sim800.md#identity
    fixed={
        "+SPIC": "+SPIC: {pin_tries},3,{puk_tries},10",
        "+CMTE?": "+CMTE: 0,{temperature}",
        "+CSMINS?": "+CSMINS: 0,1",
        "+CENG?": '+CENG: 1,0\r\n+CENG: 0,"0055,{rssi_63},00,{mcc},{mnc},12,{cell_hex},05,05,{area_hex},255"',
    },
    vendor=frozenset(),
    absent=frozenset({"+CEREG", "+CESQ", "+CVHU"}),  # sim800.md#radio
    accesses=("gsm",),
    tells_access=False,  # sim800.md#radio
    power={"+CFUN=1,1": RESET, "+CPOWD=1": Power(then="off", final="", says="NORMAL POWER DOWN")},
    boot=((0.2, "RDY"), (0.4, "+CFUN: 1"), (1.0, "+CPIN: {sim}"), (3.0, "Call Ready"), (4.0, "SMS Ready")),
    boot_noise=b"\x00\xff",  # sim800.md#wiring
    undervoltage="UNDER-VOLTAGE POWER DOWN",  # sim800.md#voltage
    low_voltage=((3300, "UNDER-VOLTAGE WARNNING", False), (3200, "UNDER-VOLTAGE POWER DOWN", True)),
    command_delay=(0.02, 0.12),
    submit_delay=(2.0, 6.0),
    sms_ready_s=4.0,
    reboot_s=5.0,
)

SIM7600: Personality = replace(
    GENERIC,
    name="sim7600",
    notes="sim7600.md",
    manufacturer="SIMCOM INCORPORATED",
    model="SIMCOM_SIM7600E-H",
    revision="LE20B04SIM7600M22",
    ati=(
        "Manufacturer: SIMCOM INCORPORATED",
        "Model: SIMCOM_SIM7600E-H",
        "Revision: SIM7600M22_V2.0.1",
        "IMEI: {imei}",
        "+GCAP: +CGSM",
    ),
    identity_prefix={"+CGMR": "+CGMR: "},  # sim7600.md#identity
    capabilities="+CGSM",
    usb="1e0e:9001",
    ttys=(  # sim7600.md#wiring
        Tty(interface=0, role="diag"),
        Tty(interface=1, role="nmea"),
        Tty(interface=2, role="at"),
        Tty(interface=3, role="at2", urcs=True),
        Tty(interface=4, role="audio"),
    ),
    cms_words=_CMS_WORDS,
    cnmi=_QUALCOMM_CNMI,  # sim7600.md#indications
    memories={"SM": 50, "ME": 23, "SR": 20},
    memory_choice=(("ME", "MT", "SM", "SR"), ("ME", "MT", "SM"), ("ME", "SM")),
    memory_default="ME",
    first_index=0,
    empty_slot=None,  # sim7600.md#storage
    sms_busy=314,  # sim7600.md#storage
    unknown_command="ERROR",
    calls=dialects.SIM7600_CALLS,
    registers={
        "+AUTOCSQ": (0, (0, 1)),
        "+CNSMOD": (0, (0, 1)),
        "+DDET": (0, (0, 1)),
        "+CPCMFRM": (0, (0, 1)),
        "+CNMP": (2, (2, 13, 14, 38)),
        "+UIMHOTSWAPON": (0, (0, 1)),
    },
    of_sim={"+CICCID": "+ICCID: {iccid}"},  # sim7600.md#iccid
    fixed={
        "+CNSMOD?": "+CNSMOD: 0,{cnsmod}",
        "+CPMUTEMP": "+CPMUTEMP: {temperature}",
        "+CBC": "+CBC: {volts}V",
        "+SPIC": "+SPIC: {pin_tries},{puk_tries},3,10",
    },
    by_access={"+CPSI?": _CPSI},
    vendor=frozenset(),
    power={
        "+CFUN=1,1": RESET,
        "+CRESET": RESET,
        "+CFUN=6": RESET,
        "+CPOF": Power(then="off"),
    },
    boot=((1.0, "+CPIN: {sim}"), (4.0, "SMS DONE"), (6.0, "PB DONE")),
    radio_urcs=(("+AUTOCSQ", "+CSQ: {rssi},{ber}"), ("+CNSMOD", "+CNSMOD: {cnsmod}")),
    submit_delay=(1.0, 3.0),
    sms_ready_s=4.0,
    reboot_s=15.0,
)

SIM7070: Personality = replace(
    SIM7600,
    name="sim7070",
    notes="sim7070.md",
    manufacturer="SIMCOM_Ltd",
    model="SIMCOM_SIM7070G",
    revision="1951B08SIM7070",
    identity_prefix={},
    ati=("SIM7070G R1951.08",),
    usb="1e0e:9205",
    ttys=(
        Tty(interface=0, role="diag"),
        Tty(interface=1, role="nmea"),
        Tty(interface=2, role="at"),
        Tty(interface=3, role="modem"),
    ),
    memories={"SM": 20, "ME": 23},
    memory_choice=(("ME", "MT", "SM"), ("ME", "MT", "SM"), ("ME", "SM")),
    memory_default="SM",
    report_memory="ME",  # sim7070.md#indications
    full_urc="+CMTI: ,-1",  # sim7070.md#storage
    registers={"+CNMP": (38, (2, 13, 38, 51)), "+CNSMOD": (0, (0, 1)), "+CMNB": (1, (1, 2, 3))},
    of_sim={"+CCID": "{iccid}"},
    fixed={
        "+CNSMOD?": "+CNSMOD: 0,9",
        "+SPIC": "+SPIC: {pin_tries},{puk_tries},3,10",
    },
    by_access={
        "+CPSI?": {
            "lte": "+CPSI: LTE CAT-M1,Online,{mcc}-{mnc},0x{area_hex},{cell},101,EUTRAN-BAND20,6300,3,3,{rsrq},{rsrp},"
            "{rssi_dbm},{sinr}",
            "": "+CPSI: NO SERVICE,Online",
        }
    },
    absent=frozenset({"+CVHU", "+CLVL", "+CRSL", "+VTD", "+CCWA"}),
    accesses=("lte",),
    calls=dialects.PLAIN_CALLS,
    services=frozenset(),  # sim7070.md#calls
    power={
        "+CFUN=1,1": RESET,
        "+CREBOOT": RESET,
        "+CPOWD=1": Power(then="off", final="", says="NORMAL POWER DOWN"),
    },
    boot=((0.5, "RDY"), (0.8, "+CFUN: 1"), (1.0, "+CPIN: {sim}"), (4.0, "SMS Ready")),
    low_voltage=((2800, "UNDER-VOLTAGE WARNNING", False),),
    radio_urcs=(),
    reboot_s=8.0,
)

A7670: Personality = replace(
    SIM7600,
    name="a7670",
    notes="a7670.md",
    usb="1e0e:9011",
    model="A7670E-FASE",
    revision="A011B07A7670M7_F",
    ati=(
        "Manufacturer: INCORPORATED",
        "Model: A7670E-FASE",
        "Revision: A011B07A7670M7_F",
        "IMEI: {imei}",
        "+GCAP: +CGSM,+FCLASS,+DS",
    ),
    ttys=(Tty(interface=2, role="log"), Tty(interface=4, role="at"), Tty(interface=5, role="modem")),
    memories={"SM": 50, "ME": 100},
    memory_choice=(("ME", "SM"), ("ME", "SM"), ("ME", "SM")),
    report_memory="ME",  # a7670.md#indications
    full_urc="+SMS FULL",  # a7670.md#storage
    accesses=("lte", "gsm"),
    deaf_s=0.5,  # a7670.md#boot
    boot=((0.5, "*ATREADY: 1"), (1.0, "+CPIN: {sim}"), (4.0, "SMS DONE"), (6.0, "PB DONE")),
)
