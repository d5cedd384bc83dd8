"""Telit LE910. firmware-notes/telit-le910.md"""

from __future__ import annotations

from dataclasses import replace

from gateway.emulator.personalities.generic import GENERIC, RESET
from gateway.emulator.personalities.personality import Cnmi, Personality, Power, Tty

LE910: Personality = replace(
    GENERIC,
    name="le910",
    notes="telit-le910.md",
    manufacturer="Telit",
    model="LE910C1-EU",
    revision="25.20.672",
    ati=("332",),
    usb="1bc7:1201",
    ttys=(  # telit-le910.md#wiring
        Tty(interface=0, role="diag"),
        Tty(interface=3, role="nmea"),
        Tty(interface=4, role="at"),
        Tty(interface=5, role="at2"),
    ),
    cnmi=Cnmi(modes=(0, 1, 2, 3), bms=(0, 2, 3)),
    memories={"SM": 50, "ME": 100, "SR": 50},
    memory_choice=(("SM", "ME", "SR"), ("SM", "ME"), ("SM", "ME")),
    cms_words={512: "MM establishment failure", 513: "lower layer failure", 514: "congestion", 515: "please wait"},
    sms_busy=515,  # telit-le910.md#storage
    unknown_command="ERROR",
    registers={"#QSS": (0, (0, 1, 2)), "#NITZ": (7, tuple(range(16))), "#BND": (0, tuple(range(8)))},
    of_sim={"#CCID": "#CCID: {iccid}"},  # telit-le910.md#iccid
    fixed={
        "#CBC": "#CBC: 0,{voltage_ten_mv}",
        "#PCT": "#PCT: {pin_tries}",
        "#TEMPMON=1": "#TEMPMEAS: 0,{temperature}",
        "#SHSSD?": "#SHSSD: 0",
    },
    by_access={
        "#RFSTS": {
            "lte": '#RFSTS: "{mcc} {mnc}",1300,{rsrp},{rssi_dbm},{rsrq},{area_hex},255,,128,19,0,{cell_hex},"{imsi}",'
            '"{operator}",3,3',
            "umts": '#RFSTS: "{mcc} {mnc}",10638,65,{ecio},{rscp},{rssi_dbm},{area_hex},01,1,10,19,0,{cell_hex},"{imsi}",'
            '"{operator}",3',
            "gsm": '#RFSTS: "{mcc} {mnc}",55,{rssi_dbm},{area_hex},01,1,19,0,2,{cell_hex},"{imsi}","{operator}",3',
            "": '#RFSTS: "",,,,,,',
        },
        "#MONI": {
            "lte": "#MONI: {operator} RSRP:{rsrp} RSRQ:{rsrq} TAC:{area_hex} Id:{cell_hex} EARFCN:1300 PWR:{rssi_dbm}dbm "
            "DRX:128",
            "umts": "#MONI: {operator} PSC:65 RSCP:{rscp} LAC:{area_hex} Id:{cell_hex} EcIo:{ecio} UARFCN:10638 "
            "PWR:{rssi_dbm}dbm DRX:64 SCR:1048",
            "gsm": "#MONI: {operator} BSIC:12 RxQual:0 LAC:{area_hex} Id:{cell_hex} ARFCN:55 PWR:{rssi_dbm}dbm TA:0",
            "": "#MONI: ",
        },
        "#PSNT?": {"lte": "#PSNT: 0,4", "umts": "#PSNT: 0,3", "gsm": "#PSNT: 0,1", "": "#PSNT: 0,5"},
    },
    vendor=frozenset(),
    power={"+CFUN=1,1": RESET, "#REBOOT": RESET, "#SHDN": Power(then="off")},  # telit-le910.md#reset
    boot=((1.0, "#QSS: 1"), (3.0, "#QSS: 3")),  # telit-le910.md#sim
    sms_ready_s=3.0,
    reboot_s=15.0,
)
