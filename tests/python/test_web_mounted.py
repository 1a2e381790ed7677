"""Apps that are mounted in the app: refusals there are the same problem documents."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse
from hlidka.fastapi import Session, current_session, limit, router
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount, Route
from web import BEARER, Lesson, browser, is_problem, make, settings

Test = Callable[[httpx.AsyncClient], Awaitable[None]]


def inner() -> FastAPI:
    app = FastAPI()
    app.include_router(router(), prefix="/auth")

    @app.get("/mine")
    async def mine(session: Annotated[Session, Depends(current_session)]) -> str:
        return session.user_id

    @app.post("/limited", dependencies=[Depends(limit("lessons.create"))])
    async def limited() -> None:
        pass

    @app.post("/echo")
    async def echo(lesson: Lesson) -> Lesson:
        return lesson

    @app.get("/defect")
    async def defect() -> None:
        raise RuntimeError("secret detail")

    return app


def plain() -> Starlette:
    async def defect(_: Request) -> Response:
        raise RuntimeError("secret detail")

    async def taken(_: Request) -> Response:
        raise HTTPException(409)
    return Starlette(routes=[Route("/defect", defect), Route("/taken", taken)])


def run(test: Test) -> None:
    async def whole() -> None:
        app, _ = make(settings(body_max=1000))
        app.mount("/inner", inner())
        app.mount("/plain", plain())
        app.mount("/zipped", GZipMiddleware(inner()))
        deep = FastAPI()
        deep.router.routes.append(Mount("/inner", inner(), middleware=[Middleware(GZipMiddleware)]))
        app.mount("/deep", deep)
        async with asyncio.timeout(20), browser(app) as client:
            await test(client)
    asyncio.run(whole())


@pytest.mark.parametrize("where", ["/inner", "/zipped", "/deep/inner"])
def test_refusals_in_a_mounted_app_are_problems(where: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.get(f"{where}/mine"), 401, "missing_token")
        unanswered = await client.get(f"{where}/mine", headers=BEARER)
        is_problem(unanswered, 503, "unavailable")
        assert unanswered.headers["retry-after"] == "1"
        is_problem(await client.post(f"{where}/limited"), 503, "unavailable")
        is_problem(await client.get(f"{where}/nowhere"), 404, "not_found")
        is_problem(await client.post(f"{where}/mine"), 405, "method_not_allowed")
        is_problem(await client.post(f"{where}/echo", content=b"x" * 1001), 413, "too_large")
        wrong = await client.post(f"{where}/echo", json={"title": "s3cr3t-s3cr3t", "minutes": 1})
        assert is_problem(wrong, 400, "invalid_request")["errors"][0]["pointer"] == "/title"
        assert "s3cr3t" not in wrong.text
        broken = await client.get(f"{where}/defect")
        is_problem(broken, 500, "internal")
        assert "secret" not in broken.text
    run(test)


def test_so_are_those_of_a_mounted_app_without_fastapi() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.get("/plain/defect"), 500, "internal")
        is_problem(await client.get("/plain/taken"), 409, "conflict")
        is_problem(await client.get("/plain/nowhere"), 404, "not_found")
    run(test)


def test_what_a_mounted_app_answers_itself_stays() -> None:
    async def own(_: Request, __: Exception) -> Response:
        return PlainTextResponse("its own", 410)

    async def test() -> None:
        app, _ = make(settings())
        strange = inner()
        strange.add_exception_handler(HTTPException, own)
        app.mount("/strange", strange)
        async with browser(app) as client:
            assert (await client.get("/strange/nowhere")).text == "its own"
            is_problem(await client.get("/strange/mine"), 401, "missing_token")
    asyncio.run(test())
