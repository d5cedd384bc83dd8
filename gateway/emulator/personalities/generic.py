"""The base: what the specifications promise. It answers the vendors' questions about SIM and PIN too."""

from __future__ import annotations

from gateway.emulator.personalities.personality import Personality, Power

RESET = Power(then="reboot")

GENERIC = Personality(
    name="generic",
    of_sim={"+CCID": "+CCID: {iccid}", "+CICCID": "+ICCID: {iccid}", "^ICCID": "^ICCID: {iccid_swapped}"},
    fixed={"+SPIC": "+SPIC: {pin_tries},{puk_tries},3,10"},
    vendor=frozenset({"^CPIN"}),
    power={"+CFUN=1,1": RESET, "+CFUN=16": RESET, "+CRESET": RESET, "^RESET": RESET, "+CPOF": Power(then="off")},
)
