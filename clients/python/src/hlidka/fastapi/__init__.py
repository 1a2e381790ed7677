"""Hlídka for FastAPI (`pip install hlidka[fastapi]`):

    app = FastAPI()
    install(app, Settings.from_env())
    app.include_router(router(), prefix="/auth")

    @app.post("/lessons", dependencies=[Depends(limit("lessons.create"))])
    async def create(session: Annotated[Session, Depends(current_session)]) -> …
"""
from .depends import current_session, hlidka_client, json_only, limit, optional_session, require
from .install import install
from .kit import Hlidka
from .problems import Problem
from .reports import csp_reports
from .router import router
from .session import Session, Token
from .settings import Settings
from .webhooks import signed_webhook, telegram_webhook

__all__ = ["Hlidka", "Problem", "Session", "Settings", "Token", "csp_reports", "current_session", "hlidka_client", "install",
           "json_only", "limit", "optional_session", "require", "router", "signed_webhook", "telegram_webhook"]
