"""Hlídka for Python: see Client. Ops with their types are in `hlidka.ops`, refusals by code in `hlidka.refusals`."""
from . import ops, refusals
from .client import Client, traceparent
from .clock import now_ms
from .errors import BadConfig, Closed, Full, HlidkaError, InvalidCall, NoAnswer, Refused, Unreachable
from .op import Op
from .pending import Pending, Stats

__all__ = ["BadConfig", "Client", "Closed", "Full", "HlidkaError", "InvalidCall", "NoAnswer", "Op", "Pending", "Refused", "Stats",
           "Unreachable", "now_ms", "ops", "refusals", "traceparent"]
