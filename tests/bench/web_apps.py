"""One endpoint, three times, for `make bench`: bare; behind hlidka.fastapi; behind slowapi and a session store in Redis.

    uvicorn --factory --app-dir tests/bench web_apps:bare
"""
import os
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from hlidka.fastapi import Session, Settings, current_session, install, limit
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from starsessions import SessionAutoloadMiddleware, SessionMiddleware
from starsessions.stores.redis import RedisStore

USER = "01a20e06-6c17-7318-a80a-db83789231f3"
QUIET = {"docs_url": None, "redoc_url": None, "openapi_url": None}


def answer(user_id: str) -> dict[str, str]:
    return {"user_id": user_id, "lesson": "Ahoj, jak se máš?"}


def bare() -> FastAPI:
    app = FastAPI(**QUIET)

    @app.get("/lesson")
    async def lesson() -> dict[str, str]:
        return answer(USER)

    return app


def ours() -> FastAPI:
    """HLIDKA_… say where Hlídka is. Whatever install() brings is on: headers, CORS, the guard against forged requests."""
    app = FastAPI(**QUIET)
    install(app, Settings.from_env())

    @app.get("/lesson", dependencies=[Depends(limit("bench.web"))])
    async def lesson(here: Annotated[Session, Depends(current_session)]) -> dict[str, str]:
        return answer(here.user_id)

    return app


def pair() -> FastAPI:
    """BENCH_REDIS_URL. As both packages' own pages have it; slowapi's headers, which cost another call, are left off."""
    redis = os.environ["BENCH_REDIS_URL"]
    limiter = Limiter(key_func=lambda request: request.session["user_id"], storage_uri=redis, key_prefix="bench")
    app = FastAPI(**QUIET)
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
    app.add_middleware(SessionAutoloadMiddleware)
    app.add_middleware(SessionMiddleware, store=RedisStore(redis, prefix="bench."), lifetime=3600)

    async def current_user(request: Request) -> str:
        if "user_id" not in request.session:
            raise HTTPException(401)
        return request.session["user_id"]

    @app.post("/login")
    async def login(request: Request) -> None:
        request.session["user_id"] = USER

    @app.get("/lesson")
    @limiter.limit("1000000000/hour")
    async def lesson(request: Request, user_id: Annotated[str, Depends(current_user)]) -> dict[str, str]:
        return answer(user_id)

    return app
