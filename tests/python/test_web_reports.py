"""What browsers report of the content policy."""
from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import hlidka
import httpx
from conftest import Stack
from hlidka import ops
from web import is_problem
from world import Run, World


def test_reports_of_the_content_policy_reach_audit_without_queries(world: Run, stack: Stack) -> None:
    page = f"https://app.mluv.me/{uuid.uuid4()}"
    old = {"csp-report": {"document-uri": f"{page}?token=x", "blocked-uri": "https://evil.example/x.js?a=b",
                          "effective-directive": "script-src", "disposition": "report"}}
    new = [{"type": "csp-violation",
            "body": {"documentURL": page, "blockedURL": "inline", "effectiveDirective": "style-src-attr"}},
           {"type": "deprecation", "body": {}}]

    async def test(w: World) -> None:
        begun = hlidka.now_ms()
        async with w.browser() as there:
            async def send(body: object, type: str) -> httpx.Response:
                return await there.post("/csp-reports", content=json.dumps(body), headers={"Content-Type": type})
            assert (await send(old, "application/csp-report")).status_code == 204
            assert (await send(new, "application/reports+json")).status_code == 204
            nonsense: object
            for nonsense in (None, 1, "x", {}, [[]], {"csp-report": {"document-uri": "http://[", "blocked-uri": 7}}):
                assert (await send(nonsense, "application/csp-report")).status_code == 204
            is_problem(await send(old, "application/json"), 415, "unsupported_media_type")
            is_problem(await send(["x" * 70_000], "application/reports+json"), 413, "too_large")
            body = ops.AuditQueryRequest({"from": begun - 1000, "to": begun + 60_000, "type": "app.csp.violation"})
            async with await stack.client("ops") as auditor, asyncio.timeout(15):
                mine: list[Any] = []
                while len(mine) < 2:
                    found = (await auditor.call(ops.AUDIT_QUERY, body))["events"]
                    mine = [e["attrs"] for e in found if page[:64] == e["attrs"]["page"]]
                    await asyncio.sleep(0.1)
        assert mine[1] == {"directive": "script-src", "blocked": "https://evil.example/x.js", "page": page[:64],
                           "disposition": "report"}
        assert (mine[0]["directive"], mine[0]["blocked"]) == ("style-src-attr", "inline")
    world(test)
