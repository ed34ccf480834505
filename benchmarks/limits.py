"""The limits that the regression guard enforces. All of them are here.

They are ratios of instructions, with otel-claude to without, counted by valgrind: the same on a
busy machine as on an idle one, to 0.1 % of a call. To measure anew, `python -m benchmarks guard`:
put the ratio into the comment, and for the limit add 0.03 to that of a call and 0.02 to that of
an event, which is room for other versions of Python and of OpenTelemetry, and for little else.
"""

from __future__ import annotations

from typing import Final

LIMITS: Final = {
    "call": 1.426,  # measured 1.396 on CPython 3.11
    "event": 1.047,  # measured 1.027
}
"""How many times the instructions of the plain SDK a call, and a stream event, may take."""

CONTENT_LIMITS: Final = {
    "capture fresh": 10_000,  # measured 8,204 on CPython 3.11
    "capture again": 13_000,  # measured 10,769
    "redacted fresh": 52_000,  # measured 43,168
    "redacted again": 17_500,  # measured 14,533
}
"""Instructions per kilobyte that capturing content may take, beyond serialising it.

Serialising takes 39,000 and about 2 us, so that 19,500 are one microsecond.
"""
