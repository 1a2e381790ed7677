"""One request's questions to Hlídka: begun together, so that they cost one round trip, and answered as dependencies ask."""
from collections.abc import Awaitable, Generator
from typing import Any, NamedTuple

from starlette.requests import HTTPConnection

from .. import ops
from ..errors import Full, HlidkaError
from ..op import Op
from . import problems
from .kit import Hlidka, Subject
from .needs import WHO, HowOften, MayThey, Need, may_they
from .problems import Problem
from .session import Session, Token, token_of

KEY = "hlidka"      # where the scope has it
STRANGER = Subject()
UNREAD: Any = object()


class _Failed:
    """A question that could not even be asked; says so to whoever wants the answer."""

    def __init__(self, error: HlidkaError) -> None:
        self._error = error

    def __await__(self) -> Generator[Any, None, Any]:
        raise self._error
        yield


class _Check(NamedTuple):
    subject: Subject
    decision: Awaitable[ops.RatelimitCheckResult]


class Exchange:
    """No task of its own, and no cycle with the request: under load both are most of what a request costs."""

    def __init__(self, kit: Hlidka) -> None:
        self.kit = kit
        self.headers: list[tuple[str, str]] = []        # RateLimit…: go on the reply, whatever it is
        self.replied = False
        self._connection: HTTPConnection | None = None
        self._token: Token | None = UNREAD
        self._ip: str | None = UNREAD
        self._known: bytes | None = None                # under which kit.known has the token
        self._guess: Subject | None = None
        self._session: Session | None = UNREAD
        self._who: Awaitable[ops.AuthSessionIntrospectResult] | None = None
        self._verdicts: dict[MayThey, Awaitable[ops.AuthAuthorizeResult]] = {}
        self._checks: dict[HowOften, _Check | None] = {}        # None: when it is known whom it counts
        self._claimed: set[Need] = set()

    @property
    def connection(self) -> HTTPConnection:
        if self._connection is None:
            raise RuntimeError("the request has ended")
        return self._connection

    @property
    def token(self) -> Token | None:
        if self._token is UNREAD:
            self._token = token_of(self.connection)
        return self._token

    @property
    def looked(self) -> bool:
        """At whose request it is: its reply may be for that one's eyes alone."""
        return self._token is not UNREAD

    @property
    def ip(self) -> str | None:
        if self._ip is UNREAD:
            self._ip = self.kit.settings.client_ip(self.connection)
        return self._ip

    # ---- what dependencies call

    async def session(self) -> Session | None:
        if self._session is UNREAD:
            self._claim(WHO)
            session = Session.of(await self._who, self.token) if self._who is not None and self.token is not None else None
            self._learn(session)
        return self._session

    async def authorize(self, action: str) -> ops.AuthAuthorizeResult:
        need = may_they(action)
        self._claim(need)
        verdict = self._verdicts.get(need)
        return {"allow": False, "reason": "invalid_token"} if verdict is None else await verdict

    async def limit(self, need: HowOften) -> None:
        """Returns when the request is within its limits; its headers go on the reply in any case."""
        repeated = need in self._claimed        # by a router and by its endpoint: charged and shown once
        self._claim(need)
        try:
            decision = await self._decision(need)
        except HlidkaError as e:
            if not _waived(need, e):
                raise
            counted = await self._by_address(need)
            if counted is None:
                return
            decision = counted
        if not repeated:
            self.headers += decision["headers"].items()
        if decision["allowed"] is not True:
            raise Problem(429, "rate_limited", "Too many requests", retry_after_ms=decision["retry_after_ms"])

    # ---- asking

    def _claim(self, need: Need) -> None:
        """Also begins what requests to this endpoint have needed so far, at the first need."""
        first = not self._claimed
        self._claimed.add(need)
        plan = self.kit.plan(self.connection.scope.get("endpoint"), need)
        for each in plan if first else (need,):
            self._begin(each)

    def _begin(self, need: Need) -> None:
        if isinstance(need, HowOften):
            if need not in self._checks:
                self._checks[need] = self._check(need, subject) if (subject := self._subject()) is not None else None
        elif self.token is None or not self.token.possible:
            return
        elif isinstance(need, MayThey):
            if need not in self._verdicts:
                asked: ops.AuthAuthorizeRequest = {"token": self.token.text, "action": need.action}
                self._verdicts[need] = self._ask(ops.AUTH_AUTHORIZE, asked, self.kit.settings.session_deadline)
        elif self._who is None:
            body: ops.AuthSessionIntrospectRequest = {"token": self.token.text}
            if self.ip is not None:
                body["ip"] = self.ip
            self._who = self._ask(ops.AUTH_SESSION_INTROSPECT, body, self.kit.settings.session_deadline)

    def _ask(self, op: Op[Any, Any], body: Any, deadline: float) -> Awaitable[Any]:
        try:
            return self.kit.client.begin(op, body, deadline=deadline)
        except HlidkaError as e:
            return _Failed(e)

    def _check(self, need: HowOften, subject: Subject) -> _Check:
        body: ops.RatelimitCheckRequest = {"endpoint": need.endpoint, "cost": need.cost}
        if subject.user_id is not None and subject.tier is not None:
            body["user_id"], body["tier"] = subject.user_id, subject.tier
        if self.ip is not None:
            body["ip"] = self.ip
        return _Check(subject, self._ask(ops.RATELIMIT_CHECK, body, self.kit.settings.limit_deadline))

    # ---- whom a limit counts

    def _subject(self) -> Subject | None:
        """Who it is, or was the last time; None: nobody can say yet."""
        if self._session is not UNREAD:
            return STRANGER if self._session is None else Subject(self._session.user_id, self._session.tier)
        if self.token is None or not self.token.possible:
            return STRANGER
        if self._known is None:
            self._known = self.kit.known.key(self.token)
            self._guess = self.kit.known.get(self._known)
        return self._guess

    def _learn(self, session: Session | None) -> None:
        """Limits that were asked with another guess, or waited for one, are asked now."""
        self._subject()
        self._session = session
        subject = self._subject() or STRANGER
        if self._known is not None and subject != (self._guess or STRANGER):
            self.kit.known.put(self._known, subject if session is not None else None)
        for need, check in self._checks.items():
            if check is None or check.subject != subject:
                self._checks[need] = self._check(need, subject)
                self._give_back(check)

    async def _decision(self, need: HowOften) -> ops.RatelimitCheckResult:
        try:
            await self.session()
        except BaseException:
            self._claimed.discard(need)         # a charge made meanwhile is given back
            raise
        check = self._checks[need]
        assert check is not None                # noqa: S101 - _learn has seen to it
        return await check.decision

    async def _by_address(self, need: HowOften) -> ops.RatelimitCheckResult | None:
        """Who it is cannot be had: what can still be counted is the address. None: nor can that."""
        if self._session is not UNREAD:
            return None                         # it was ratelimit that had no answer
        check = self._checks.get(need)
        if check is None or check.subject != STRANGER:
            self._give_back(check)
            check = self._checks[need] = self._check(need, STRANGER)
        self._claimed.add(need)
        try:
            return await check.decision
        except HlidkaError as e:
            if not _waived(need, e):
                raise
            return None

    # ---- the end

    def _give_back(self, check: _Check | None) -> None:
        """What was charged on a wrong guess, or for a request that was refused before it came to that."""
        if check is not None:
            self.kit.aside(_refund(self.kit, check.decision))

    def end(self) -> None:
        """The reply is out: nobody asks any more."""
        for need, check in self._checks.items():
            if need not in self._claimed:
                self._give_back(check)
        self._connection = None


def _waived(need: HowOften, error: HlidkaError) -> bool:
    """Not when it is we who have too much in flight: a flood would wave itself through."""
    return need.away == "allow" and not isinstance(error, Full) and problems.of(error).status_code == 503


async def _refund(kit: Hlidka, check: Awaitable[ops.RatelimitCheckResult]) -> None:
    try:
        decision = await check
        if decision["allowed"]:
            charge = ops.RatelimitRefundRequest(decision_id=decision["decision_id"])
            await kit.client.call(ops.RATELIMIT_REFUND, charge, deadline=kit.settings.limit_deadline)
    except HlidkaError:
        return      # the charge stays: too strict by one, until its window ends


def exchange_of(connection: HTTPConnection) -> Exchange:
    exchange: Exchange | None = connection.scope.get(KEY)
    if exchange is None:
        raise RuntimeError("hlidka.fastapi.install(app, settings) has not been called for this app")
    exchange._connection = connection
    return exchange
