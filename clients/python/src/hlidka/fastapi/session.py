"""Whose request it is: the token as it came, and the session that Hlídka says it stands for."""
import re
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import HTTPConnection

from ..ops import AuthSessionIntrospectResult

COOKIE = "__Host-hlidka"        # as auth writes it; the prefix keeps sibling hosts from setting one (RFC 6265bis 4.1.3)
COOKIE_NAME = COOKIE.encode()
TOKEN = re.compile(r"hls_[A-Za-z0-9_-]{64}")


@dataclass(frozen=True, slots=True)
class Token:
    text: str = field(repr=False)
    by: Literal["cookie", "bearer"]

    @property
    def possible(self) -> bool:
        """Worth asking about: anything else is no session's."""
        return TOKEN.fullmatch(self.text) is not None


def bearer(connection: HTTPConnection) -> str | None:
    scheme, _, text = connection.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def _cookies(connection: HTTPConnection) -> list[str]:
    """As bytes, and not by Starlette's parser: that strips every Unicode blank, and so makes our name of `\\xa0__Host-hlidka`,
    which a browser lets any sibling host set for the parent domain. RFC 6265 section 4.2.1 knows SP and HTAB alone."""
    pairs = (pair.partition(b"=") for header, line in connection.scope["headers"] if header == b"cookie"
             for pair in line.split(b";"))
    return [value.strip(b" \t").decode("latin-1") for name, _, value in pairs if name.strip(b" \t") == COOKIE_NAME]


def token_of(connection: HTTPConnection) -> Token | None:
    """A bearer token hides the cookie: such a request is nobody's forgery, and must then not act by the cookie.

    Two cookies of the name are none: which of them is ours, nobody can say.
    """
    text = bearer(connection)
    if text is not None:
        return Token(text, "bearer")
    found = _cookies(connection)
    return Token(found[0], "cookie") if len(found) == 1 and found[0] else None


@dataclass(frozen=True, slots=True)
class Session:
    """A live session (PROTOCOL.md section 5). Times are ms since 1970."""
    user_id: str
    session_id: str
    telegram_id: str | None
    device_type: str
    aal: int
    second_factor: Literal["none", "totp"]
    auth_time: int
    aal2_time: int | None
    created_at: int
    last_activity: int
    expires_at: int
    roles: tuple[str, ...]
    tier: str
    token: Token

    @classmethod
    def of(cls, found: AuthSessionIntrospectResult, token: Token) -> "Session | None":
        if found["active"] is not True:
            return None
        return cls(found["user_id"], found["session_id"], found.get("telegram_id"), found["device_type"], found["aal"],
                   found["second_factor"], found["auth_time"], found.get("aal2_time"), found["created_at"],
                   found["last_activity"], found["expires_at"], tuple(found["roles"]), found["tier"], token)
