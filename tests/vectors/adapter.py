"""The codec behind one JSON request per line: `{"id", "op", …}` in, `{"id", …fields}` or `{"id", "error"}` out.

Run as a program it serves standard input until that ends. Fields have the names that the conformance vectors use.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# Run as a program, it finds the project beside itself.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.errors import PduError
from tests.vectors import fields, lines, messages, texts

Fields = dict[str, Any]


def answer(request: Mapping[str, Any]) -> Fields:
    """The fields for one request; `error` where the codec refuses or an operation is not known."""
    operation = _OPERATIONS.get(request.get("op", ""))
    if operation is None:
        return {"error": "unsupported"}
    try:
        return operation(request)
    except PduError as error:
        return {"error": str(error), "at_octet": error.offset}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return {"error": f"bad request: {error!r}"}


_OPERATIONS: Mapping[str, Callable[[Mapping[str, Any]], Fields]] = {
    "sms-decode": messages.sms_decode,
    "sms-encode": messages.sms_encode,
    "gsm7-decode": texts.gsm7_decode,
    "segment": texts.segment_text,
    "udh-decode": fields.udh_decode,
    "field-decode": fields.field_decode,
    "at-parse": lines.at_parse,
    "robust": fields.robust,
    # beyond the common ones
    "gsm7-encode": texts.gsm7_encode,
    "parts-decode": messages.parts_decode,
    "element-decode": fields.element_decode,
    "cbs-decode": texts.cbs_decode,
    "cbs-encode": texts.cbs_encode,
    "ussd-decode": texts.ussd_decode,
    "ussd-encode": texts.ussd_encode,
    "octet-decode": fields.octet_decode,
    "field-encode": fields.field_encode,
}


def main() -> None:
    """Answer each line of standard input with a line on standard output."""
    for line in sys.stdin:
        try:
            request = json.loads(line)
        except ValueError as error:
            reply: Fields = {"error": f"bad request: {error}"}
        else:
            reply = (
                answer(request) | {"id": request.get("id")} if isinstance(request, dict) else {"error": "bad request"}
            )
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
