"""One exception for each code that a service refuses with.

Written by generate.py from proto/asyncapi.yaml; not edited by hand.
"""

from .errors import Refused


class InvalidRequest(Refused):
    """400: The body is not what this op asks for."""


class UnknownOp(Refused):
    """400: There is no such op."""


class StaleMessage(Refused):
    """400: The message's time is too far from now."""


class BadSignature(Refused):
    """401: Telegram did not sign this."""


class StaleAuth(Refused):
    """401: This login is too old; log in again."""


class InvalidToken(Refused):
    """401: The token is of no live session."""


class InvalidCode(Refused):
    """401: The code is wrong."""


class CodeAlreadyUsed(Refused):
    """401: The code has been used before."""


class Forbidden(Refused):
    """403: This principal is not granted the op."""


class SignatureRequired(Refused):
    """403: This op must be signed."""


class UserDisabled(Refused):
    """403: The user is disabled or deleted."""


class ReauthRequired(Refused):
    """403: The login is too long ago for this."""


class MfaEnrollmentRequired(Refused):
    """403: The user has no active second factor."""


class MfaLocked(Refused):
    """403: The second factor is locked until reset."""


class NotFound(Refused):
    """404: There is no such thing."""


class Replayed(Refused):
    """409: This login has made its session already."""


class Conflict(Refused):
    """409: In conflict with what is there."""


class AlreadyEnrolled(Refused):
    """409: The user has an active second factor."""


class Incomplete(Refused):
    """409: The upload is not complete."""


class Gone(Refused):
    """410: It was here and has expired."""


class KeyDestroyed(Refused):
    """410: The key of this has been destroyed."""


class TooLarge(Refused):
    """413: More than is taken or sent at once."""


class UnsupportedMediaType(Refused):
    """415: This media type is not taken."""


class MediaTypeMismatch(Refused):
    """422: The bytes are not of the type they claim."""


class DecryptFailed(Refused):
    """422: This does not open."""


class TooManyAttempts(Refused):
    """429: Too many wrong codes; wait."""


class Internal(Refused):
    """500: A defect on our side."""


class Unavailable(Refused):
    """503: Not to be had now; the same again is safe."""


BY_CODE: dict[str, type[Refused]] = {
    "invalid_request": InvalidRequest,
    "unknown_op": UnknownOp,
    "stale_message": StaleMessage,
    "bad_signature": BadSignature,
    "stale_auth": StaleAuth,
    "invalid_token": InvalidToken,
    "invalid_code": InvalidCode,
    "code_already_used": CodeAlreadyUsed,
    "forbidden": Forbidden,
    "signature_required": SignatureRequired,
    "user_disabled": UserDisabled,
    "reauth_required": ReauthRequired,
    "mfa_enrollment_required": MfaEnrollmentRequired,
    "mfa_locked": MfaLocked,
    "not_found": NotFound,
    "replayed": Replayed,
    "conflict": Conflict,
    "already_enrolled": AlreadyEnrolled,
    "incomplete": Incomplete,
    "gone": Gone,
    "key_destroyed": KeyDestroyed,
    "too_large": TooLarge,
    "unsupported_media_type": UnsupportedMediaType,
    "media_type_mismatch": MediaTypeMismatch,
    "decrypt_failed": DecryptFailed,
    "too_many_attempts": TooManyAttempts,
    "internal": Internal,
    "unavailable": Unavailable,
}
