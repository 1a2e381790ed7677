"""Bodies and replies of the router. Unexpected fields are refused; replies never carry a token that a cookie carries."""
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

DeviceType = Literal["web", "ios", "android", "telegram", "desktop", "other"]
DeviceId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

FieldName = Annotated[str, StringConstraints(max_length=32)]
FieldText = Annotated[str, StringConstraints(max_length=1024)]
FieldNumber = Annotated[int, Field(ge=0, le=2**63 - 1)]         # what msgpack and auth take


class WidgetLogin(Body):
    fields: Annotated[dict[FieldName, FieldText | FieldNumber], Field(max_length=64)]   # all that the widget gave, `hash` too
    device_id: DeviceId | None = None
    device_info: Annotated[str, StringConstraints(max_length=128)] | None = None


class WebappLogin(Body):
    init_data: Annotated[str, StringConstraints(max_length=4096)]       # window.Telegram.WebApp.initData, as it is
    device_id: DeviceId | None = None
    device_info: Annotated[str, StringConstraints(max_length=128)] | None = None


class Code(Body):
    code: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(repr=False)


class Enrol(Body):
    label: Annotated[str, StringConstraints(max_length=64)] | None = None


class SessionInfo(BaseModel):
    """GET /session"""
    user_id: str
    session_id: str
    telegram_id: str | None
    device_type: DeviceType
    aal: int
    second_factor: Literal["none", "totp"]
    auth_time: int
    aal2_time: int | None
    created_at: int
    last_activity: int
    expires_at: int
    roles: list[str]
    tier: str


class SignedIn(BaseModel):
    user_id: str
    telegram_id: str | None = None
    session_id: str
    aal: int
    aal2_time: int | None = None
    expires_at: int
    second_factor: Literal["none", "totp"]
    new_device: bool
    token: str | None = Field(default=None, repr=False)     # for `Authorization: Bearer`; not where the cookie has it


class Device(BaseModel):
    session_id: str
    device_type: DeviceType
    device_info: str
    device_id: str | None = None
    ip: str | None = None
    created_at: int
    last_activity: int
    expires_at: int
    aal: int
    current: bool


class Devices(BaseModel):
    sessions: list[Device]


class Revoked(BaseModel):
    revoked: bool


class RevokedAll(BaseModel):
    revoked: int


class Enrolment(BaseModel):
    secret: str = Field(repr=False)
    uri: str = Field(repr=False)
    qr_svg: str = Field(repr=False)


class BackupCodes(BaseModel):
    backup_codes: list[str] = Field(repr=False)


class Activated(BackupCodes):
    session: SignedIn


class BackupCodeUsed(BaseModel):
    session: SignedIn
    remaining: int


class Ok(BaseModel):
    pass
