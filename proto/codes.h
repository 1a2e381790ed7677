/*
 * The codes with which a request is refused, one row each, and what a refusal carries. Field errors and the
 * body of an error are in wire.def.
 */
#ifndef HLIDKA_CODES_H
#define HLIDKA_CODES_H

#include "ops.h"

#define PROTO_DEF "wire.def"
#include "structs.h"

/*    name                    on the wire                status, title */
#define FAULT_LIST(X)                                                                                        \
    X(INVALID_REQUEST,         "invalid_request",         400, "The body is not what this op asks for.")     \
    X(UNKNOWN_OP,              "unknown_op",              400, "There is no such op.")                       \
    X(STALE_MESSAGE,           "stale_message",           400, "The message's time is too far from now.")    \
    X(BAD_SIGNATURE,           "bad_signature",           401, "Telegram did not sign this.")                \
    X(STALE_AUTH,              "stale_auth",              401, "This login is too old; log in again.")       \
    X(INVALID_TOKEN,           "invalid_token",           401, "The token is of no live session.")           \
    X(INVALID_CODE,            "invalid_code",            401, "The code is wrong.")                         \
    X(CODE_ALREADY_USED,       "code_already_used",       401, "The code has been used before.")             \
    X(FORBIDDEN,               "forbidden",               403, "This principal is not granted the op.")      \
    X(SIGNATURE_REQUIRED,      "signature_required",      403, "This op must be signed.")                    \
    X(USER_DISABLED,           "user_disabled",           403, "The user is disabled or deleted.")           \
    X(REAUTH_REQUIRED,         "reauth_required",         403, "The login is too long ago for this.")        \
    X(MFA_ENROLLMENT_REQUIRED, "mfa_enrollment_required", 403, "The user has no active second factor.")      \
    X(MFA_LOCKED,              "mfa_locked",              403, "The second factor is locked until reset.")\
    X(NOT_FOUND,               "not_found",               404, "There is no such thing.")                    \
    X(REPLAYED,                "replayed",                409, "This login has made its session already.")   \
    X(CONFLICT,                "conflict",                409, "In conflict with what is there.")            \
    X(ALREADY_ENROLLED,        "already_enrolled",        409, "The user has an active second factor.")      \
    X(INCOMPLETE,              "incomplete",              409, "The upload is not complete.")                \
    X(GONE,                    "gone",                    410, "It was here and has expired.")               \
    X(KEY_DESTROYED,           "key_destroyed",           410, "The key of this has been destroyed.")        \
    X(TOO_LARGE,               "too_large",               413, "More than is taken or sent at once.")        \
    X(UNSUPPORTED_MEDIA_TYPE,  "unsupported_media_type",  415, "This media type is not taken.")              \
    X(MEDIA_TYPE_MISMATCH,     "media_type_mismatch",     422, "The bytes are not of the type they claim.")  \
    X(DECRYPT_FAILED,          "decrypt_failed",          422, "This does not open.")                        \
    X(TOO_MANY_ATTEMPTS,       "too_many_attempts",       429, "Too many wrong codes; wait.")                \
    X(INTERNAL,                "internal",                500, "A defect on our side.")                      \
    X(UNAVAILABLE,             "unavailable",             503, "Not to be had now; the same again is safe.")

enum fault_code {
#define X(name, text, status, title) FAULT_##name,
    FAULT_LIST(X)
#undef X
    FAULT_COUNT
};

/* At most so many errors of a body are told. */
#define FIELD_ERRORS_MAX 32

struct field_errors {
    size_t count;
    struct field_error items[FIELD_ERRORS_MAX];
};

/* Why a request is refused. */
struct fault {
    enum fault_code code;
    struct text detail;                 /* for a person who reads a log; data NULL: none */
    int64_t retry_after_ms;             /* 0 or less: none */
    const struct field_errors *errors;  /* FAULT_INVALID_REQUEST; NULL: none */
};

struct fault_info {
    struct text code;
    unsigned status;
    struct text title;
};

/* Never NULL for a code below FAULT_COUNT. */
const struct fault_info *fault_info(enum fault_code code);

/* FAULT_COUNT for text that is none of ours. */
enum fault_code fault_find(struct text code);

/*
 * One more error, pointer and detail borrowed; for handlers that find what the table cannot say:
 *
 *     field_errors_add(&errors, TEXT("/cursor"), FIELD_BAD_FORMAT);
 *
 * Beyond FIELD_ERRORS_MAX it is left out, and so is what stands there already.
 */
void field_errors_add(struct field_errors *errors, struct text pointer, enum field_code code);

#endif
