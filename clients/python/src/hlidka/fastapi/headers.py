"""The headers that every reply gets. Pure ASGI: a reply streams through untouched."""
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .exchange import KEY, Exchange
from .settings import Settings


def security_headers(s: Settings) -> list[tuple[str, str]]:
    csp = s.csp
    reporting = None
    if csp and s.csp_report_to:
        csp += f"; report-uri {s.csp_report_to}; report-to csp"     # the first for browsers without the second
        reporting = f'csp="{s.csp_report_to}"'
    csp_name = "Content-Security-Policy" + ("-Report-Only" if s.csp_mode == "report-only" else "")
    every = [("X-Content-Type-Options", "nosniff"), ("Strict-Transport-Security", s.hsts), ("X-Frame-Options", s.frame_options),
             ("Referrer-Policy", s.referrer_policy), ("Permissions-Policy", s.permissions_policy),
             ("Cross-Origin-Opener-Policy", s.opener_policy), ("Cross-Origin-Resource-Policy", s.resource_policy),
             (csp_name, csp), ("Reporting-Endpoints", reporting)]
    return [(name, value) for name, value in every if value]


class ReplyHeaders:
    """The outermost middleware: these, and those of the limits that the request was charged for."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._always = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in security_headers(settings)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange: Exchange | None = scope.get(KEY)
                self._complete(message, exchange)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _complete(self, message: Message, exchange: Exchange | None) -> None:
        """What the reply sets itself stays. ASGI's names are in lower case."""
        headers = message["headers"] = list(message.get("headers", ()))
        there = {name for name, _ in headers}
        headers += [pair for pair in self._always if pair[0] not in there]
        # Also where CORS gave nothing away: a cache must not hand one origin's reply to another.
        if b"vary" not in there:
            headers.append((b"vary", b"Origin"))
        elif "origin" not in ", ".join(MutableHeaders(raw=headers).getlist("vary")).lower():
            MutableHeaders(raw=headers).add_vary_header("Origin")
        if exchange is not None:
            exchange.replied = True
            if exchange.looked and b"cache-control" not in there:
                headers.append((b"cache-control", b"no-store"))
            _add(exchange.headers, MutableHeaders(raw=headers))


def _add(limits: list[tuple[str, str]], headers: MutableHeaders) -> None:
    """Several limits become one list, as RFC 9651 has it; of Retry-After the first."""
    for name, value in limits:
        there = headers.get(name)
        if there is None:
            headers.append(name, value)
        elif name.lower() != "retry-after":
            headers[name] = f"{there}, {value}"
