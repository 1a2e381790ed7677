"""Webhooks as dependencies: `Depends(telegram_webhook(secret))`, `body: bytes = Depends(signed_webhook(signed))`."""
import logging
from collections.abc import Awaitable, Callable

from fastapi import Request

from .. import webhooks
from .problems import Problem

log = logging.getLogger("hlidka.fastapi")


def telegram_webhook(secret: str) -> Callable[[Request], Awaitable[None]]:
    """401 unless X-Telegram-Bot-Api-Secret-Token is what setWebhook was given."""
    async def from_telegram(request: Request) -> None:
        try:
            webhooks.telegram(secret, request.headers.get(webhooks.TELEGRAM_HEADER))
        except webhooks.Rejected as e:
            raise _refusal(e) from e
    return from_telegram


def signed_webhook(signed: webhooks.Signed, header: str = webhooks.STRIPE_HEADER) -> Callable[[Request], Awaitable[bytes]]:
    """The body as it was signed; 401 unless it was, 409 when it was here before."""
    async def verified(request: Request) -> bytes:
        body = await request.body()
        try:
            signed.verify(request.headers.get(header), body)
        except webhooks.Rejected as e:
            raise _refusal(e) from e
        return body
    return verified


def _refusal(error: webhooks.Rejected) -> Problem:
    log.warning("a webhook was refused: %s", error)
    if isinstance(error, webhooks.Replayed):
        return Problem(409, "replayed", "This message was here before")
    return Problem(401, "bad_signature", "Not signed by whom it should be", headers={"WWW-Authenticate": "Signature"})
