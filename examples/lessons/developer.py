"""Telegram for developers: a page that signs whom it is told, as Telegram's login does, with a test bot's token."""
import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, RedirectResponse

PREFIX = "/developer/telegram"
PAGE = Path(__file__).parent / "developer.html"

log = logging.getLogger("uvicorn.error")


def sign(token: str, fields: Mapping[str, str | int]) -> dict[str, str | int]:
    """`fields` with `hash`: HMAC-SHA-256 under the SHA-256 of the token, over the sorted lines `key=value`."""
    lines = "\n".join(f"{key}={value}" for key, value in sorted(fields.items()))
    key = hashlib.sha256(token.encode()).digest()
    return {**fields, "hash": hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()}


def router(token_file: Path) -> APIRouter:
    token = token_file.read_text().strip()
    routes = APIRouter()
    log.warning("LESSONS_DEVELOPER_TOKEN_FILE is set: whoever reaches this app can log in as anybody")

    @routes.get("")
    async def page() -> FileResponse:
        return FileResponse(PAGE)

    @routes.get("/sign")
    async def signed(id: Annotated[int, Query(ge=1, lt=2**63)],
                     first_name: Annotated[str, Query(max_length=64)]) -> RedirectResponse:
        answer = sign(token, {"id": id, "first_name": first_name, "auth_date": int(time.time())})
        return RedirectResponse("/#tgAuthResult=" + base64.urlsafe_b64encode(json.dumps(answer).encode()).decode(), 303)

    return routes
