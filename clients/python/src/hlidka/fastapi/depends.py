"""Dependencies that read as sentences: `Depends(current_session)`, `Depends(require("payment_method.add"))`,
`Depends(limit("lessons.create"))`. What one endpoint needs is asked for at once, in one round trip."""
from collections.abc import Awaitable, Callable

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from ..client import Client
from ..ops import AuthAuthorizeResult
from .exchange import Exchange, exchange_of
from .needs import how_often
from .problems import Problem, challenge
from .session import Session
from .settings import Away

STEP_UP = {
    "mfa_enrollment_required": "A second factor must be set up first",
    "mfa_required": "A second factor is required",
    "mfa_locked": "The second factor is locked",
    "reauth_required": "The second factor must be shown again",
    "forbidden": "Not allowed",
}
CHALLENGED = frozenset({"mfa_required", "reauth_required"})      # what showing a factor would mend


async def current_session(connection: HTTPConnection) -> Session:
    """The session of the `__Host-hlidka` cookie or of `Authorization: Bearer`; 401 without a live one, 503 if nobody can say."""
    return await _live(exchange_of(connection))


async def optional_session(connection: HTTPConnection) -> Session | None:
    """The same for pages that also serve strangers: None without a live session."""
    return await exchange_of(connection).session()


async def hlidka_client(connection: HTTPConnection) -> Client:
    """hlidka.Client, connected; 503 until it is."""
    return exchange_of(connection).kit.client


def require(action: str) -> Callable[[HTTPConnection], Awaitable[Session]]:
    """The session, if policy lets it do this now; else 403 with what is missing (`mfa_required`, `reauth_required`, …)."""
    async def authorized(connection: HTTPConnection) -> Session:
        exchange = exchange_of(connection)
        verdict = await exchange.authorize(action)
        session = await _live(exchange)
        if verdict["allow"] is not True:
            raise _refusal(verdict)
        return session
    return authorized


def limit(endpoint: str, *, cost: int = 1, away: Away | None = None) -> Callable[[HTTPConnection], Awaitable[None]]:
    """Charges the limits that ratelimit's policies have for `endpoint`, by user and tier where there is a session, by address
    always; 429 when one is used up. `away`: what happens when there is no verdict (else Settings.limits_away)."""
    async def limited(connection: HTTPConnection) -> None:
        exchange = exchange_of(connection)
        await exchange.limit(how_often(endpoint, cost, away or exchange.kit.settings.limits_away))
    return limited


async def json_only(request: Request) -> None:
    """415 for a body that is not said to be JSON: what a cross-site form can send without asking."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if await request.body() and declared != "application/json":
        raise Problem(415, "unsupported_media_type", "The body must be application/json", headers={"Accept": "application/json"})


JSON_ONLY = Depends(json_only)


async def _live(exchange: Exchange) -> Session:
    session = await exchange.session()
    if session is not None:
        return session
    if exchange.token is None:
        raise Problem(401, "missing_token", "Sign in first", headers=challenge())
    raise _dead()


def _dead() -> Problem:
    return Problem(401, "invalid_token", "The session has ended; sign in again", headers=challenge("invalid_token"))


def _refusal(verdict: AuthAuthorizeResult) -> Problem:
    reason = verdict.get("reason", "forbidden")
    if reason == "invalid_token":
        return _dead()
    headers = {}
    if reason in CHALLENGED:        # RFC 9470, but 403: the token itself is good
        wanted: dict[str, str | int] = {"acr_values": f"aal{verdict.get('required_aal', 2)}"}
        if "max_age_s" in verdict:
            wanted["max_age"] = verdict["max_age_s"]
        headers = challenge("insufficient_user_authentication", **wanted)
    return Problem(403, reason, STEP_UP.get(reason, "Not allowed"), headers=headers, required_aal=verdict.get("required_aal"),
                   max_age_s=verdict.get("max_age_s"))
