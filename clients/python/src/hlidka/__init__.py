"""Hlídka for Python: see Client. Ops with their types are in `hlidka.ops`, refusals by code in `hlidka.refusals`."""
from . import ops, refusals
from .client import Client, Stats, traceparent
from .clock import now_ms
from .errors import BadConfig, Closed, Full, HlidkaError, InvalidCall, NoAnswer, Refused, Unreachable
from .op import Op

__all__ = ["BadConfig", "Client", "Closed", "Full", "HlidkaError", "InvalidCall", "NoAnswer", "Op", "Refused", "Stats",
           "Unreachable", "now_ms", "ops", "refusals", "traceparent"]
