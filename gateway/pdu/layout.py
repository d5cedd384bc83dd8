"""Bits and sizes of the TPDUs that their readers and writers share (23.040 9.2.2, 9.2.3)."""

from __future__ import annotations

# First octet (9.2.3.1 to 9.2.3.7, 9.2.3.17, 9.2.3.23 to 9.2.3.28)
MTI_MASK = 0x03
MTI_DELIVER = 0x00  # towards the mobile; the other way a DELIVER-REPORT
MTI_SUBMIT = 0x01  # towards the service centre; the other way a SUBMIT-REPORT
MTI_STATUS_REPORT = 0x02  # towards the mobile; the other way a COMMAND
MTI_RESERVED = 0x03
NO_MORE_MESSAGES = 0x04  # TP-MMS: set when nothing more waits
REJECT_DUPLICATES = 0x04  # TP-RD
LOOP_PREVENTION = 0x08  # TP-LP
VPF_MASK = 0x18
VPF_ENHANCED = 0x08
VPF_RELATIVE = 0x10
VPF_ABSOLUTE = 0x18
STATUS_REPORT = 0x20  # TP-SRI, TP-SRR, TP-SRQ
UDHI = 0x40
REPLY_PATH = 0x80  # TP-RP

# TP-PI (9.2.3.27)
PI_PID = 0x01
PI_DCS = 0x02
PI_UDL = 0x04
PI_EXTENSION = 0x80
PI_KNOWN = PI_PID | PI_DCS | PI_UDL
PADDING = 0xFF  # what fills the rest of a SIM record (31.102 4.2.25)

# Octets that TP-UD may have: what the other fields at their longest leave of the 164 octets of a TPDU (9.2.2).
UD_STATUS_REPORT = 131
UD_DELIVER_REPORT, UD_DELIVER_REPORT_FAILURE = 159, 158
UD_SUBMIT_REPORT, UD_SUBMIT_REPORT_FAILURE = 152, 151
UD_COMMAND = 156
