"""All that an app can choose, with what Mluv.Me needs as defaults."""
import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from starlette.requests import HTTPConnection

from ..errors import BadConfig

Away = Literal["allow", "deny"]

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
       "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")


def peer_address(connection: HTTPConnection) -> str | None:
    """The address of the TCP peer, if it has one; behind a proxy the server puts the real one there (uvicorn --proxy-headers)."""
    try:
        return _canonical(connection.client.host) if connection.client else None
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _canonical(host: str) -> str:
    return str(ipaddress.ip_address(host))


@dataclass(frozen=True, kw_only=True)
class Settings:
    # ---- who we are on the bus: as hlidka.Client.open
    brokers: str
    principals: str | Path
    key: str | Path
    principal: str = "backend"
    sign: str | Path | None = None
    prefix: str = "hlidka."
    properties: Mapping[str, Any] = field(default_factory=dict)

    # ---- how long a request waits for Hlídka, and what it does without
    open_timeout: float = 5.0       # at the start; after that the app serves, with 503, and keeps trying
    session_deadline: float = 2.0   # introspection and step-up; without an answer: 503, always
    limit_deadline: float = 1.0
    op_deadline: float = 10.0       # what the router does: logins, codes, revocations
    limits_away: Away = "deny"      # without a verdict; limit(…, away=…) has the last word

    # ---- who may use the app from a browser, besides its own pages: CORS with credentials, and writes by cookie
    origins: tuple[str, ...] = ("https://app.mluv.me", "https://mluv.me")
    cors_max_age: int = 600

    # ---- headers of every reply; None leaves one out, what a reply sets itself stays
    hsts: str | None = "max-age=63072000; includeSubDomains"
    frame_options: str | None = "DENY"
    referrer_policy: str | None = "strict-origin-when-cross-origin"
    permissions_policy: str | None = "camera=(), geolocation=(), payment=(), usb=()"
    opener_policy: str | None = "same-origin"
    resource_policy: str | None = "same-site"
    csp: str | None = CSP
    csp_mode: Literal["report-only", "enforce"] = "report-only"
    csp_report_to: str | None = None        # the URL for reports of what the policy blocks, or would

    # ---- requests
    body_max: int = 10_485_760 + 65_536     # a recording, and the form around it; over it: 413
    client_ip: Callable[[HTTPConnection], str | None] = peer_address

    def __post_init__(self) -> None:
        if any(o == "*" or o.endswith("/") or "://" not in o for o in self.origins):
            raise BadConfig("origins: each a scheme, a host and perhaps a port, exactly as browsers send it; no wildcard")

    @classmethod
    def from_env(cls, **other: Any) -> "Settings":
        """The bus's from HLIDKA_BROKERS, _PRINCIPALS, _KEY_FILE, _SIGN_FILE, _PRINCIPAL, _TOPIC_PREFIX; the rest as given."""
        names = {"brokers": "BROKERS", "principals": "PRINCIPALS", "key": "KEY_FILE", "sign": "SIGN_FILE",
                 "principal": "PRINCIPAL", "prefix": "TOPIC_PREFIX"}
        found = {k: os.environ[f"HLIDKA_{v}"] for k, v in names.items() if f"HLIDKA_{v}" in os.environ}
        missing = [f"HLIDKA_{names[k]}" for k in ("brokers", "principals", "key") if k not in found | other]
        if missing:
            raise BadConfig("not set: " + ", ".join(missing))
        return cls(**(found | other))
