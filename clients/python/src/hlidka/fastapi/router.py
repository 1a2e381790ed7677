"""Login, devices and second factors, ready to include: `app.include_router(router(), prefix="/auth")`.

    POST   /login/telegram/widget   sets the cookie          GET    /session         whose session this is
    POST   /login/telegram/webapp   answers with a token     GET    /sessions        the user's devices
    POST   /logout                                           DELETE /sessions/{id}   signs one of them out
    POST   /totp/enroll  activate  verify  disable           DELETE /sessions        all; ?keep_current=true: all others
    POST   /backup-codes/verify  regenerate

A session that rises to its second factor has a new token: it goes where the old one was, in the cookie or in the reply.
"""
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.params import Depends as Dependency
from pydantic import StringConstraints

from .. import ops
from ..errors import HlidkaError
from ..op import Op
from . import problems
from .depends import JSON_ONLY, current_session, limit
from .device import describe, shorten
from .exchange import exchange_of
from .models import (
    Activated,
    BackupCodes,
    BackupCodeUsed,
    Code,
    Devices,
    DeviceType,
    Enrol,
    Enrolment,
    Ok,
    Revoked,
    RevokedAll,
    SessionInfo,
    SignedIn,
    WebappLogin,
    WidgetLogin,
)
from .problems import Problem
from .session import COOKIE, Session

Here = Annotated[Session, Depends(current_session)]
SessionId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]

CLEAR = f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"


async def _private(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


async def _call(request: Request, op: Op[Any, Any], body: Any) -> Any:
    kit = exchange_of(request).kit
    return await kit.client.call(op, body, deadline=kit.settings.op_deadline)


def _device(request: Request, type: DeviceType, asked: WidgetLogin | WebappLogin) -> ops.AuthDevice:
    info = shorten(asked.device_info or "") or describe(request.headers.get("user-agent", ""))
    device = ops.AuthDevice(type=type, info=info)
    if asked.device_id is not None:
        device["id"] = asked.device_id
    ip = exchange_of(request).ip
    if ip is not None:
        device["ip"] = ip
    return device


def _in_cookie(session: ops.AuthSession, response: Response) -> SignedIn:
    response.headers.append("Set-Cookie", session["cookie"])
    return SignedIn.model_validate({k: v for k, v in session.items() if k != "token"})


def _in_body(session: ops.AuthSession) -> SignedIn:
    return SignedIn.model_validate(session)


def _as_before(here: Session, session: ops.AuthSession, response: Response) -> SignedIn:
    return _in_cookie(session, response) if here.token.by == "cookie" else _in_body(session)


def _clear(here: Session, response: Response) -> None:
    if here.token.by == "cookie":
        response.headers.append("Set-Cookie", CLEAR)


def router(*, login_limit: str | None = "auth.login", tags: list[str] | None = None) -> APIRouter:
    """`login_limit` is the endpoint by which ratelimit's policies count logins; None: they are not counted."""
    signing_in: list[Dependency] = [JSON_ONLY, *([Depends(limit(login_limit))] if login_limit else [])]
    routes = APIRouter(tags=list(tags or ["auth"]), dependencies=[Depends(_private)])
    _logins(routes, signing_in)
    _sessions(routes)
    _second_factors(routes)
    return routes


def _logins(routes: APIRouter, signing_in: list[Dependency]) -> None:
    @routes.post("/login/telegram/widget", dependencies=signing_in, response_model_exclude_none=True)
    async def login_telegram_widget(request: Request, response: Response, body: WidgetLogin) -> SignedIn:
        session = await _call(request, ops.AUTH_LOGIN_TELEGRAM_WIDGET,
                              {"fields": body.fields, "device": _device(request, "web", body)})
        return _in_cookie(session, response)

    @routes.post("/login/telegram/webapp", dependencies=signing_in, response_model_exclude_none=True)
    async def login_telegram_webapp(request: Request, body: WebappLogin) -> SignedIn:
        """The token is in the reply: a SameSite=Strict cookie would not come back from Telegram's frame."""
        return _in_body(await _call(request, ops.AUTH_LOGIN_TELEGRAM_WEBAPP,
                                    {"init_data": body.init_data, "device": _device(request, "telegram", body)}))

    @routes.post("/logout")
    async def logout(request: Request, response: Response) -> Revoked:
        """Also of a session that has ended: the cookie goes in any case, with the 503 too when nobody can end the session."""
        token = exchange_of(request).token
        if token is None:
            response.headers.append("Set-Cookie", CLEAR)
            return Revoked(revoked=False)
        try:
            done = await _call(request, ops.AUTH_SESSION_LOGOUT, {"token": token.text})
        except HlidkaError as e:
            problem = problems.of(e)
            if token.by == "cookie":
                problem.headers = {**(problem.headers or {}), "Set-Cookie": CLEAR}
            raise problem from e
        if token.by == "cookie":
            response.headers.append("Set-Cookie", done["clear_cookie"])
        return Revoked(revoked=done["revoked"])


def _sessions(routes: APIRouter) -> None:
    @routes.get("/session")
    async def introspect(here: Here) -> SessionInfo:
        return SessionInfo.model_validate(here, from_attributes=True)

    @routes.get("/sessions", response_model_exclude_none=True)
    async def devices(request: Request, here: Here) -> Devices:
        found = await _call(request, ops.AUTH_SESSION_LIST, {"user_id": here.user_id, "token": here.token.text})
        return Devices(**found)

    @routes.delete("/sessions/{session_id}")
    async def revoke(request: Request, response: Response, here: Here, session_id: SessionId) -> Revoked:
        """404 for whatever is no live session of this user."""
        done = await _call(request, ops.AUTH_SESSION_REVOKE,
                           {"user_id": here.user_id, "session_id": session_id, "reason": "user"})
        if not done["revoked"]:
            raise Problem(404, "not_found", "No such session")
        if session_id == here.session_id:
            _clear(here, response)
        return Revoked(revoked=True)

    @routes.delete("/sessions")
    async def revoke_all(request: Request, response: Response, here: Here, keep_current: bool = False) -> RevokedAll:
        body = ops.AuthSessionRevokeAllRequest(user_id=here.user_id, reason="user")
        if keep_current:
            body["except_session_id"] = here.session_id
        else:
            _clear(here, response)
        return RevokedAll(**await _call(request, ops.AUTH_SESSION_REVOKE_ALL, body))


def _second_factors(routes: APIRouter) -> None:
    @routes.post("/totp/enroll", dependencies=[JSON_ONLY])
    async def totp_enroll(request: Request, here: Here, body: Enrol | None = None) -> Enrolment:
        asked = ops.AuthTotpEnrollRequest(token=here.token.text)
        if body is not None and body.label is not None:
            asked["label"] = body.label
        return Enrolment(**await _call(request, ops.AUTH_TOTP_ENROLL, asked))

    @routes.post("/totp/activate", dependencies=[JSON_ONLY], response_model_exclude_none=True)
    async def totp_activate(request: Request, response: Response, here: Here, body: Code) -> Activated:
        done = await _call(request, ops.AUTH_TOTP_ACTIVATE, _code(here, body))
        return Activated(session=_as_before(here, done["session"], response), backup_codes=done["backup_codes"])

    @routes.post("/totp/verify", dependencies=[JSON_ONLY], response_model_exclude_none=True)
    async def totp_verify(request: Request, response: Response, here: Here, body: Code) -> SignedIn:
        """Step-up."""
        return _as_before(here, await _call(request, ops.AUTH_TOTP_VERIFY, _code(here, body)), response)

    @routes.post("/totp/disable", dependencies=[JSON_ONLY])
    async def totp_disable(request: Request, here: Here, body: Code) -> Ok:
        await _call(request, ops.AUTH_TOTP_DISABLE, _code(here, body))
        return Ok()

    @routes.post("/backup-codes/verify", dependencies=[JSON_ONLY], response_model_exclude_none=True)
    async def backup_code_verify(request: Request, response: Response, here: Here, body: Code) -> BackupCodeUsed:
        done = await _call(request, ops.AUTH_BACKUP_CODE_VERIFY, _code(here, body))
        return BackupCodeUsed(session=_as_before(here, done["session"], response), remaining=done["remaining"])

    @routes.post("/backup-codes/regenerate", dependencies=[JSON_ONLY])
    async def backup_code_regenerate(request: Request, here: Here, body: Code) -> BackupCodes:
        return BackupCodes(**await _call(request, ops.AUTH_BACKUP_CODE_REGENERATE, _code(here, body)))


def _code(here: Session, body: Code) -> ops.AuthCodeRequest:
    return {"token": here.token.text, "code": body.code}
