"""A modem emulator on pseudo-terminals, attached to one simulated network.

It shares no parser with `gateway.at`, and the service centre moves TPDUs octet by octet (`tpdu.py`), so that a bug
of the gateway cannot hide behind the same bug in its test bench.
"""

from gateway.emulator.config import EmulatorConfig, ModemConfig
from gateway.emulator.network_config import CentreConfig, NetworkConfig
from gateway.emulator.service import Emulator

__all__ = ["CentreConfig", "Emulator", "EmulatorConfig", "ModemConfig", "NetworkConfig"]
