"""Where browsers tell what the content policy blocks, or would: `app.include_router(csp_reports(), prefix="/csp-reports")` with
`Settings(csp_report_to="/csp-reports")`. Each becomes an `app.csp.violation` event in audit, so that a policy can be watched in
report-only mode before it is enforced. Anybody can send such a report: they are limited by address and believed as little.
"""
import json
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response

from ..clock import now_ms
from ..ops import AuditEvent
from .depends import limit
from .exchange import exchange_of
from .problems import Problem

TYPES = {"application/csp-report", "application/reports+json"}      # report-uri's and report-to's
BODY_MAX = 64 * 1024
REPORTS_MAX = 20
ATTR_MAX = 64       # characters: at most the 256 bytes that an attribute of an event has


def csp_reports(*, limit_by: str = "csp.report") -> APIRouter:
    routes = APIRouter(dependencies=[Depends(limit(limit_by))])

    @routes.post("", status_code=204, include_in_schema=False)
    async def report(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in TYPES:
            raise Problem(415, "unsupported_media_type", "Not a report")
        body = await request.body()
        if len(body) > BODY_MAX:
            raise Problem(413, "too_large", "The report is too large", max_bytes=BODY_MAX)
        exchange = exchange_of(request)
        for attrs in _violations(body):
            event = AuditEvent(type="app.csp.violation", time=now_ms(), outcome="denied", attrs=attrs)
            if exchange.ip is not None:
                event["ip"] = exchange.ip
            exchange.kit.client.event(event)
        return Response(status_code=204)

    return routes


def _violations(body: bytes) -> list[dict[str, str | int | bool]]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "invalid_request", "Not JSON") from None
    reports = document if isinstance(document, list) else [document]
    told = [_attrs(r) for r in reports[:REPORTS_MAX] if isinstance(r, dict) and r.get("type", "csp-violation") == "csp-violation"]
    return [attrs for attrs in told if attrs["directive"]]


def _attrs(report: dict[str, Any]) -> dict[str, str | int | bool]:
    """Of addresses what says where, without queries: those may hold anything."""
    body = report.get("csp-report", report.get("body"))
    given = body if isinstance(body, dict) else {}

    def text(*names: str) -> str:
        return next((given[n] for n in names if isinstance(given.get(n), str)), "")

    def place(*names: str) -> str:
        try:
            parts = urlsplit(text(*names))
        except ValueError:
            return ""
        return f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path

    attrs = {"directive": text("effective-directive", "effectiveDirective", "violated-directive"),
             "blocked": place("blocked-uri", "blockedURL"), "page": place("document-uri", "documentURL"),
             "disposition": text("disposition")}
    return {name: value[:ATTR_MAX] for name, value in attrs.items()}
