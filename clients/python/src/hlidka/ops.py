"""Every op with the types of its body and of its result: `client.call(ops.RATELIMIT_CHECK, {…})`.

Written by generate.py from proto/asyncapi.yaml; not edited by hand.
"""

# ruff: noqa: E501
from typing import Any, Literal, NotRequired, TypedDict

from .op import Op


class AuthDevice(TypedDict):
    type: Literal["web", "ios", "android", "telegram", "desktop", "other"]
    info: str
    id: NotRequired[str]
    ip: NotRequired[str]


class AuthLoginTelegramWidgetRequest(TypedDict):
    fields: dict[str, str | int]
    device: AuthDevice


class AuthSession(TypedDict):
    user_id: str
    telegram_id: NotRequired[str]
    session_id: str
    token: str
    cookie: str
    aal: int
    aal2_time: NotRequired[int]
    expires_at: int
    second_factor: Literal["none", "totp"]
    new_device: bool


class AuthLoginTelegramWebappRequest(TypedDict):
    init_data: str
    device: AuthDevice


class AuthSessionIntrospectRequest(TypedDict):
    token: str
    touch: NotRequired[bool]
    ip: NotRequired[str]


class AuthSessionIntrospectResult(TypedDict):
    active: bool
    user_id: NotRequired[str]
    session_id: NotRequired[str]
    telegram_id: NotRequired[str]
    device_type: NotRequired[Literal["web", "ios", "android", "telegram", "desktop", "other"]]
    aal: NotRequired[int]
    second_factor: NotRequired[Literal["none", "totp"]]
    auth_time: NotRequired[int]
    aal2_time: NotRequired[int]
    created_at: NotRequired[int]
    last_activity: NotRequired[int]
    expires_at: NotRequired[int]
    roles: NotRequired[list[str]]
    tier: NotRequired[str]


class AuthSessionListRequest(TypedDict):
    user_id: str
    token: NotRequired[str]


class AuthListedSession(TypedDict):
    session_id: str
    device_type: Literal["web", "ios", "android", "telegram", "desktop", "other"]
    device_info: str
    device_id: NotRequired[str]
    ip: NotRequired[str]
    created_at: int
    last_activity: int
    expires_at: int
    is_active: bool
    aal: int
    current: bool


class AuthSessionListResult(TypedDict):
    sessions: list[AuthListedSession]


class AuthSessionRevokeRequest(TypedDict):
    user_id: str
    session_id: str
    reason: NotRequired[str]


class AuthSessionRevokeResult(TypedDict):
    revoked: bool


class AuthSessionRevokeAllRequest(TypedDict):
    user_id: str
    except_session_id: NotRequired[str]
    reason: NotRequired[str]


class AuthSessionRevokeAllResult(TypedDict):
    revoked: int


class AuthTokenRequest(TypedDict):
    token: str


class AuthSessionLogoutResult(TypedDict):
    revoked: bool
    clear_cookie: str


class AuthTotpEnrollRequest(TypedDict):
    token: str
    label: NotRequired[str]


class AuthTotpEnrollResult(TypedDict):
    secret: str
    uri: str
    qr_svg: str


class AuthCodeRequest(TypedDict):
    token: str
    code: str


class AuthTotpActivateResult(TypedDict):
    session: AuthSession
    backup_codes: list[str]


class Nothing(TypedDict):
    pass


class AuthBackupCodeVerifyResult(TypedDict):
    session: AuthSession
    remaining: int


class AuthBackupCodeRegenerateResult(TypedDict):
    backup_codes: list[str]


class AuthAuthorizeRequest(TypedDict):
    token: str
    action: str
    resource: NotRequired[str]


class AuthAuthorizeResult(TypedDict):
    allow: bool
    reason: NotRequired[Literal["invalid_token", "mfa_enrollment_required", "mfa_required", "mfa_locked", "reauth_required", "forbidden"]]
    required_aal: NotRequired[int]
    max_age_s: NotRequired[int]


class AuthUserGetRequest(TypedDict):
    user_id: NotRequired[str]
    telegram_id: NotRequired[str]


class AuthUserGetResult(TypedDict):
    user_id: str
    telegram_id: NotRequired[str]
    roles: list[str]
    tier: str
    disabled: bool
    second_factor: Literal["none", "totp"]
    created_at: int
    deleted_at: NotRequired[int]


class AuthUserSetTierRequest(TypedDict):
    user_id: str
    tier: str


class AuthUserUpdateRequest(TypedDict):
    user_id: str
    roles: NotRequired[list[str]]
    disabled: NotRequired[bool]


class AuthUserImportRequest(TypedDict):
    user_id: str
    telegram_id: NotRequired[str]
    roles: NotRequired[list[str]]
    tier: NotRequired[str]


class AuthUserRequest(TypedDict):
    user_id: str


class AuthUserDeleteResult(TypedDict):
    deleted_at: int
    purge_at: int


class AuthUserExportRequest(TypedDict):
    user_id: str
    cursor: NotRequired[str]


class AuthUserExportResult(TypedDict):
    data: dict[str, Any]
    cursor: NotRequired[str]


class AuthRevoked(TypedDict):
    user_id: NotRequired[str]
    session_id: NotRequired[str]
    time: int
    instance: NotRequired[bytes]


class CryptoPlainItem(TypedDict):
    plaintext: bytes
    context: dict[str, str]


class CryptoEncryptRequest(TypedDict):
    items: list[CryptoPlainItem]
    kind: NotRequired[Literal["blob", "text"]]
    owner: NotRequired[str]


class CryptoCiphertext(TypedDict):
    ciphertext: bytes


class CryptoEncryptResult(TypedDict):
    items: list[CryptoCiphertext]


class CryptoSealedItem(TypedDict):
    ciphertext: bytes
    context: dict[str, str]


class CryptoSealedRequest(TypedDict):
    items: list[CryptoSealedItem]


class CryptoItemError(TypedDict):
    code: Literal["decrypt_failed", "key_destroyed"]
    detail: NotRequired[str]


class CryptoOpenedItem(TypedDict):
    plaintext: NotRequired[bytes]
    error: NotRequired[CryptoItemError]


class CryptoDecryptResult(TypedDict):
    items: list[CryptoOpenedItem]


class CryptoRewrappedItem(TypedDict):
    ciphertext: NotRequired[bytes]
    error: NotRequired[CryptoItemError]


class CryptoRewrapResult(TypedDict):
    items: list[CryptoRewrappedItem]


class CryptoAudioPutRequest(TypedDict):
    object_id: NotRequired[str]
    media_type: str
    size: int
    offset: int
    data: bytes
    ttl_s: NotRequired[int]
    owner: NotRequired[str]


class CryptoAudioPutResult(TypedDict):
    object_id: str
    received: int
    complete: bool
    sha256: NotRequired[str]
    expires_at: int


class CryptoAudioGetRequest(TypedDict):
    object_id: str
    offset: int
    length: int


class CryptoAudioGetResult(TypedDict):
    data: bytes
    size: int
    media_type: str
    eof: bool


class CryptoObjectRequest(TypedDict):
    object_id: str


class CryptoAudioStatResult(TypedDict):
    size: int
    media_type: str
    complete: bool
    received: int
    sha256: NotRequired[str]
    created_at: int
    expires_at: int
    key_version: int


class CryptoAudioDeleteResult(TypedDict):
    deleted: bool


class CryptoDatakeyCreateRequest(TypedDict):
    context: dict[str, str]


class CryptoDatakeyCreateResult(TypedDict):
    key: bytes
    wrapped: bytes


class CryptoWrappedRequest(TypedDict):
    wrapped: bytes
    context: dict[str, str]


class CryptoDatakeyOpenResult(TypedDict):
    key: bytes


class CryptoDatakeyRewrapResult(TypedDict):
    wrapped: bytes


class CryptoFernetEncryptRequest(TypedDict):
    plaintext: bytes


class CryptoFernetEncryptResult(TypedDict):
    token: str


class CryptoFernetDecryptRequest(TypedDict):
    token: str
    ttl_s: NotRequired[int]


class CryptoFernetDecryptResult(TypedDict):
    plaintext: bytes
    created_at: int


class CryptoKeyStatusRequest(TypedDict):
    ring: Literal["content", "audio", "fernet"]


class CryptoKeyVersion(TypedDict):
    version: int
    state: Literal["active", "decrypt_only", "destroyed"]
    created_at: int
    uses: int
    objects: int


class CryptoKeyStatusResult(TypedDict):
    versions: list[CryptoKeyVersion]


class CryptoKeyImportRequest(TypedDict):
    ring: Literal["fernet"]
    realm: str
    key: str
    active: NotRequired[bool]


class CryptoKeyImportResult(TypedDict):
    version: int


class CryptoKeyRotateRequest(TypedDict):
    ring: Literal["content", "audio", "fernet"]
    dry_run: NotRequired[bool]


class CryptoKeyRotateResult(TypedDict):
    version: int
    would_rewrap: int


class CryptoKeyDestroyRequest(TypedDict):
    ring: Literal["content", "audio", "fernet"]
    version: int
    force: NotRequired[bool]


class CryptoSubjectEraseRequest(TypedDict):
    owner: str
    realm: NotRequired[str]


class CryptoSubjectEraseResult(TypedDict):
    objects: int
    erased_at: int
    final_at: NotRequired[int]


class RatelimitCheckRequest(TypedDict):
    user_id: NotRequired[str]
    tier: NotRequired[str]
    endpoint: str
    ip: NotRequired[str]
    cost: NotRequired[int]
    mode: NotRequired[Literal["consume", "peek"]]


class RatelimitLimit(TypedDict):
    policy: str
    scope: Literal["user", "ip", "global", "user_endpoint"]
    limit: int
    window_ms: int
    remaining: int
    reset_ms: int
    retry_after_ms: int
    allowed: bool
    shadow: bool


class RatelimitCheckResult(TypedDict):
    decision_id: str
    allowed: bool
    retry_after_ms: int
    limits: list[RatelimitLimit]
    headers: dict[str, str]
    source: Literal["store", "local", "fallback"]


class RatelimitRefundRequest(TypedDict):
    decision_id: str


class RatelimitRefundResult(TypedDict):
    refunded: bool


class RatelimitResetRequest(TypedDict):
    user_id: NotRequired[str]
    ip: NotRequired[str]


class RatelimitResetResult(TypedDict):
    reset: int


class RatelimitPoliciesResult(TypedDict):
    version: int
    sha256: str
    policies: list[dict[str, Any]]


class AuditEvent(TypedDict):
    type: str
    time: int
    outcome: Literal["success", "failure", "denied"]
    user_id: NotRequired[str]
    session_id: NotRequired[str]
    ip: NotRequired[str]
    user_agent: NotRequired[str]
    device_id: NotRequired[str]
    endpoint: NotRequired[str]
    tier: NotRequired[str]
    attrs: NotRequired[dict[str, str | int | bool]]


AuditQueryRequest = TypedDict("AuditQueryRequest", {
    "from": int,
    "to": int,
    "type": NotRequired[str],
    "user_id": NotRequired[str],
    "ip": NotRequired[str],
    "outcome": NotRequired[Literal["success", "failure", "denied"]],
    "limit": NotRequired[int],
    "cursor": NotRequired[str],
})


class AuditRecordedEvent(TypedDict):
    seq: int
    src: str
    received: int
    type: str
    time: int
    outcome: NotRequired[Literal["success", "failure", "denied"]]
    user_id: NotRequired[str]
    session_id: NotRequired[str]
    ip: NotRequired[str]
    user_agent: NotRequired[str]
    device_id: NotRequired[str]
    endpoint: NotRequired[str]
    tier: NotRequired[str]
    attrs: NotRequired[dict[str, str | int | bool]]
    erased: NotRequired[bool]


class AuditQueryResult(TypedDict):
    events: list[AuditRecordedEvent]
    cursor: NotRequired[str]


AuditAlertListRequest = TypedDict("AuditAlertListRequest", {
    "from": int,
    "to": int,
    "rule": NotRequired[str],
    "state": NotRequired[Literal["open", "acknowledged"]],
    "limit": NotRequired[int],
    "cursor": NotRequired[str],
})


class AuditListedAlert(TypedDict):
    alert_id: str
    n: int
    rule: str
    title: str
    level: Literal["informational", "low", "medium", "high", "critical"]
    time: int
    first_seen: int
    last_seen: int
    group: dict[str, str]
    count: int
    seqs: list[int]
    user_id: NotRequired[str]
    attack: list[str]
    runbook: str
    state: Literal["open", "acknowledged"]
    acknowledged_at: NotRequired[int]
    acknowledged_by: NotRequired[str]
    note: NotRequired[str]


class AuditAlertListResult(TypedDict):
    alerts: list[AuditListedAlert]
    cursor: NotRequired[str]


class AuditAlertAcknowledgeRequest(TypedDict):
    alert_id: str
    note: NotRequired[str]


AuditKpiRequest = TypedDict("AuditKpiRequest", {
    "from": int,
    "to": int,
    "step_s": int,
})


class AuditQuantiles(TypedDict):
    p50: int
    p99: int
    max: int


class AuditKpiStep(TypedDict):
    t: int
    logins: int
    login_failures: int
    checks_401_403: int
    limited: dict[str, int]
    revocations: int
    time_to_revoke_ms: NotRequired[AuditQuantiles]


class AuditKpiResult(TypedDict):
    series: list[AuditKpiStep]


class AuditLogCheckpointResult(TypedDict):
    checkpoint: str


class AuditLogProveRequest(TypedDict):
    seq: int


class AuditOpening(TypedDict):
    nonce: bytes
    payload: bytes


class AuditLogProveResult(TypedDict):
    leaf: bytes
    proof: str
    opening: NotRequired[AuditOpening]


class AuditLogConsistencyRequest(TypedDict):
    from_size: int
    to_size: int


class AuditLogConsistencyResult(TypedDict):
    hashes: list[bytes]


class AuditSubjectEraseRequest(TypedDict):
    user_id: NotRequired[str]
    ip: NotRequired[str]


class AuditReceipt(TypedDict):
    body: bytes
    key_id: bytes
    sig: bytes


class AuditSubjectEraseResult(TypedDict):
    receipt: AuditReceipt


class AuditRule(TypedDict):
    id: str
    title: str
    level: Literal["informational", "low", "medium", "high", "critical"]


class AuditRulesResult(TypedDict):
    sha256: str
    rules: list[AuditRule]


class FieldError(TypedDict):
    pointer: str
    code: Literal["required", "unknown_field", "wrong_type", "too_long", "too_short", "out_of_range", "bad_format", "duplicate"]
    detail: NotRequired[str]


class ReplyError(TypedDict):
    code: str
    title: str
    detail: NotRequired[str]
    retry_after_ms: NotRequired[int]
    errors: NotRequired[list[FieldError]]


class AuditAlert(TypedDict):
    alert_id: str
    n: int
    rule: str
    title: str
    level: Literal["informational", "low", "medium", "high", "critical"]
    time: int
    first_seen: int
    last_seen: int
    group: dict[str, str]
    count: int
    seqs: list[int]
    user_id: NotRequired[str]
    attack: list[str]
    runbook: str


class AuditReceiptBody(TypedDict):
    erased_at: int
    seq: int
    records: int
    complete_at: int
    checkpoint: str


class DeadLetter(TypedDict):
    length: int
    sha256: bytes
    head: bytes

# Log in with what Telegram's login widget handed out.
AUTH_LOGIN_TELEGRAM_WIDGET: Op[AuthLoginTelegramWidgetRequest, AuthSession] = Op("auth.login.telegram_widget", once=True, signed=False)
# Log in with the init data of a Telegram mini app.
AUTH_LOGIN_TELEGRAM_WEBAPP: Op[AuthLoginTelegramWebappRequest, AuthSession] = Op("auth.login.telegram_webapp", once=True, signed=False)
# Whose token this is, and whether it lives.
AUTH_SESSION_INTROSPECT: Op[AuthSessionIntrospectRequest, AuthSessionIntrospectResult] = Op("auth.session.introspect", once=False, signed=False)
# A user's live sessions, newest activity first.
AUTH_SESSION_LIST: Op[AuthSessionListRequest, AuthSessionListResult] = Op("auth.session.list", once=False, signed=False)
# End one session.
AUTH_SESSION_REVOKE: Op[AuthSessionRevokeRequest, AuthSessionRevokeResult] = Op("auth.session.revoke", once=True, signed=False)
# End all sessions of a user, but perhaps one.
AUTH_SESSION_REVOKE_ALL: Op[AuthSessionRevokeAllRequest, AuthSessionRevokeAllResult] = Op("auth.session.revoke_all", once=True, signed=False)
# End the session of a token and clear its cookie.
AUTH_SESSION_LOGOUT: Op[AuthTokenRequest, AuthSessionLogoutResult] = Op("auth.session.logout", once=True, signed=False)
# Begin to enrol an authenticator app.
AUTH_TOTP_ENROLL: Op[AuthTotpEnrollRequest, AuthTotpEnrollResult] = Op("auth.totp.enroll", once=True, signed=False)
# Finish enrolling with a first code; shows the backup codes once.
AUTH_TOTP_ACTIVATE: Op[AuthCodeRequest, AuthTotpActivateResult] = Op("auth.totp.activate", once=True, signed=False)
# Raise a session to aal 2 by a TOTP code.
AUTH_TOTP_VERIFY: Op[AuthCodeRequest, AuthSession] = Op("auth.totp.verify", once=True, signed=False)
# Take the second factor away; every session drops to aal 1.
AUTH_TOTP_DISABLE: Op[AuthCodeRequest, Nothing] = Op("auth.totp.disable", once=True, signed=False)
# Raise a session to aal 2 by a backup code.
AUTH_BACKUP_CODE_VERIFY: Op[AuthCodeRequest, AuthBackupCodeVerifyResult] = Op("auth.backup_code.verify", once=True, signed=False)
# Ten new backup codes in place of the old ones.
AUTH_BACKUP_CODE_REGENERATE: Op[AuthCodeRequest, AuthBackupCodeRegenerateResult] = Op("auth.backup_code.regenerate", once=True, signed=False)
# Whether a session may do this, or what it needs for it.
AUTH_AUTHORIZE: Op[AuthAuthorizeRequest, AuthAuthorizeResult] = Op("auth.authorize", once=False, signed=False)
# One user, by either id.
AUTH_USER_GET: Op[AuthUserGetRequest, AuthUserGetResult] = Op("auth.user.get", once=False, signed=False)
# Give a user another tier.
AUTH_USER_SET_TIER: Op[AuthUserSetTierRequest, Nothing] = Op("auth.user.set_tier", once=True, signed=False)
# Give a user other roles, disable or enable them.
AUTH_USER_UPDATE: Op[AuthUserUpdateRequest, Nothing] = Op("auth.user.update", once=True, signed=True)
# Bring a user whose id exists elsewhere already.
AUTH_USER_IMPORT: Op[AuthUserImportRequest, Nothing] = Op("auth.user.import", once=True, signed=True)
# The operator's way out: factor and backup codes gone.
AUTH_TOTP_RESET: Op[AuthUserRequest, Nothing] = Op("auth.totp.reset", once=True, signed=True)
# Delete a user, to be purged after a grace period.
AUTH_USER_DELETE: Op[AuthUserRequest, AuthUserDeleteResult] = Op("auth.user.delete", once=True, signed=False)
# Take a deletion back before the purge.
AUTH_USER_RESTORE: Op[AuthUserRequest, Nothing] = Op("auth.user.restore", once=True, signed=False)
# All that is held of one person, page by page.
AUTH_USER_EXPORT: Op[AuthUserExportRequest, AuthUserExportResult] = Op("auth.user.export", once=False, signed=True)
# Encrypt items, each bound to its context.
CRYPTO_ENCRYPT: Op[CryptoEncryptRequest, CryptoEncryptResult] = Op("crypto.encrypt", once=False, signed=False)
# Open items; each succeeds or fails for itself.
CRYPTO_DECRYPT: Op[CryptoSealedRequest, CryptoDecryptResult] = Op("crypto.decrypt", once=False, signed=False)
# Items anew under the newest key version; the plaintext never leaves.
CRYPTO_REWRAP: Op[CryptoSealedRequest, CryptoRewrapResult] = Op("crypto.rewrap", once=False, signed=False)
# Store one part of a recording.
CRYPTO_AUDIO_PUT: Op[CryptoAudioPutRequest, CryptoAudioPutResult] = Op("crypto.audio.put", once=True, signed=False)
# Read a range of a complete recording.
CRYPTO_AUDIO_GET: Op[CryptoAudioGetRequest, CryptoAudioGetResult] = Op("crypto.audio.get", once=False, signed=False)
# How far an upload is, and when it expires.
CRYPTO_AUDIO_STAT: Op[CryptoObjectRequest, CryptoAudioStatResult] = Op("crypto.audio.stat", once=False, signed=False)
# Destroy a recording's key and its bytes.
CRYPTO_AUDIO_DELETE: Op[CryptoObjectRequest, CryptoAudioDeleteResult] = Op("crypto.audio.delete", once=True, signed=False)
# A new data key, in clear and wrapped.
CRYPTO_DATAKEY_CREATE: Op[CryptoDatakeyCreateRequest, CryptoDatakeyCreateResult] = Op("crypto.datakey.create", once=True, signed=False)
# Unwrap a data key.
CRYPTO_DATAKEY_OPEN: Op[CryptoWrappedRequest, CryptoDatakeyOpenResult] = Op("crypto.datakey.open", once=False, signed=False)
# Wrap a data key anew under the newest key version.
CRYPTO_DATAKEY_REWRAP: Op[CryptoWrappedRequest, CryptoDatakeyRewrapResult] = Op("crypto.datakey.rewrap", once=True, signed=False)
# A Fernet token that Python's cryptography reads.
CRYPTO_FERNET_ENCRYPT: Op[CryptoFernetEncryptRequest, CryptoFernetEncryptResult] = Op("crypto.fernet.encrypt", once=False, signed=False)
# Open a Fernet token of this realm.
CRYPTO_FERNET_DECRYPT: Op[CryptoFernetDecryptRequest, CryptoFernetDecryptResult] = Op("crypto.fernet.decrypt", once=False, signed=False)
# The versions of a ring and what still hangs on them.
CRYPTO_KEY_STATUS: Op[CryptoKeyStatusRequest, CryptoKeyStatusResult] = Op("crypto.key.status", once=False, signed=False)
# Bring an existing Fernet key.
CRYPTO_KEY_IMPORT: Op[CryptoKeyImportRequest, CryptoKeyImportResult] = Op("crypto.key.import", once=True, signed=True)
# Make a new version of a ring's key, or say what that would do.
CRYPTO_KEY_ROTATE: Op[CryptoKeyRotateRequest, CryptoKeyRotateResult] = Op("crypto.key.rotate", once=True, signed=True)
# Destroy a version; what hangs on it is lost.
CRYPTO_KEY_DESTROY: Op[CryptoKeyDestroyRequest, Nothing] = Op("crypto.key.destroy", once=True, signed=True)
# Destroy a person's keys and recordings.
CRYPTO_SUBJECT_ERASE: Op[CryptoSubjectEraseRequest, CryptoSubjectEraseResult] = Op("crypto.subject.erase", once=True, signed=True)
# Decide by every policy that matches and charge all of them or none.
RATELIMIT_CHECK: Op[RatelimitCheckRequest, RatelimitCheckResult] = Op("ratelimit.check", once=True, signed=False)
# Give back what one decision charged.
RATELIMIT_REFUND: Op[RatelimitRefundRequest, RatelimitRefundResult] = Op("ratelimit.refund", once=True, signed=False)
# Forget all that one user or one address has used.
RATELIMIT_RESET: Op[RatelimitResetRequest, RatelimitResetResult] = Op("ratelimit.reset", once=True, signed=True)
# The policies in force.
RATELIMIT_POLICIES: Op[Nothing, RatelimitPoliciesResult] = Op("ratelimit.policies", once=False, signed=False)
# Recorded events, newest first.
AUDIT_QUERY: Op[AuditQueryRequest, AuditQueryResult] = Op("audit.query", once=False, signed=False)
# Alerts with what has become of them, newest first.
AUDIT_ALERT_LIST: Op[AuditAlertListRequest, AuditAlertListResult] = Op("audit.alert.list", once=False, signed=False)
# Say that somebody has seen an alert.
AUDIT_ALERT_ACKNOWLEDGE: Op[AuditAlertAcknowledgeRequest, Nothing] = Op("audit.alert.acknowledge", once=True, signed=False)
# Logins, refusals, limits and revocations over time.
AUDIT_KPI: Op[AuditKpiRequest, AuditKpiResult] = Op("audit.kpi", once=False, signed=False)
# The last published checkpoint.
AUDIT_LOG_CHECKPOINT: Op[Nothing, AuditLogCheckpointResult] = Op("audit.log.checkpoint", once=False, signed=False)
# That a record is in the log.
AUDIT_LOG_PROVE: Op[AuditLogProveRequest, AuditLogProveResult] = Op("audit.log.prove", once=False, signed=False)
# That a later log holds an earlier one.
AUDIT_LOG_CONSISTENCY: Op[AuditLogConsistencyRequest, AuditLogConsistencyResult] = Op("audit.log.consistency", once=False, signed=False)
# Make the events of one user or one address unreadable for good.
AUDIT_SUBJECT_ERASE: Op[AuditSubjectEraseRequest, AuditSubjectEraseResult] = Op("audit.subject.erase", once=True, signed=True)
# The rules in force.
AUDIT_RULES: Op[Nothing, AuditRulesResult] = Op("audit.rules", once=False, signed=False)
