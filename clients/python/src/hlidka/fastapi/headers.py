"""Security headers on every reply. Pure ASGI: a reply streams through untouched."""
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


class SecurityHeaders:
    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._headers = app, security_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers:
                    headers.setdefault(name, value)
                # Also where CORS gave nothing away: a cache must not hand one origin's reply to another. (Old Starlettes forget.)
                if "origin" not in headers.get("vary", "").lower():
                    headers.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, with_headers)
