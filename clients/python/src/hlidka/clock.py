"""CLOCK_BOOTTIME goes on while the machine sleeps, unlike the loop's clock: a deadline that passed meanwhile has passed."""
import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)      # Linux has it; elsewhere the nearest there is

LOOK_S = 1.0        # how long a timer of the loop may be trusted with a wait: after a sleep it fires at most this late


def boottime() -> float:
    return time.clock_gettime(_CLOCK)


def now_ms() -> int:
    """The wall clock, as the wire has it: ms since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000
