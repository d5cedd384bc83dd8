"""How much Python has to do for a call: the instructions that it executes, the same on every machine, however busy.

What one instruction costs is not counted; those that look through a whole string do so in C, over strings that have
a limit of their own (a line of the AT engine, the user data of a TPDU).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

TIMES = 8
ALLOWANCE = 1.5
"""What so many times the input may cost beside so many times the work: 8 times as much as quadratic would be 5.3 more."""


def work_of(call: Callable[[], object]) -> int:
    """Instructions that Python executes for a call."""
    count = 0

    def step(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        nonlocal count
        count += event == "opcode"
        return step

    def enter(frame: FrameType, _: str, __: Any) -> Callable[..., Any]:
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return step

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def growth(make: Callable[[int], Callable[[], object]], size: int) -> float:
    """How many times more work an input of `TIMES` the size takes. `make` prepares the call for a size."""
    for each in (size, TIMES * size):
        work_of(make(each))  # what is worked out once and kept is no part of it, nor what Python 3.13 counts first
    return work_of(make(TIMES * size)) / work_of(make(size))


def is_linear(make: Callable[[int], Callable[[], object]], size: int) -> bool:
    """Whether `TIMES` the input takes `TIMES` the work, with some allowance."""
    return growth(make, size) <= TIMES * ALLOWANCE
