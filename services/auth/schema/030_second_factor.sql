-- The second factor. A row stays when the factor goes: no step of any of its secrets is to be used twice.
CREATE TABLE second_factors (
    user_id         text        NOT NULL REFERENCES users ON DELETE CASCADE,
    secret          bytea       CHECK (octet_length(secret) = 61),                     -- sealed; the active one
    pending         bytea       CHECK (octet_length(pending) = 61),                    -- sealed; being enrolled
    pending_at      timestamptz,
    last_step       bigint      NOT NULL DEFAULT 0 CHECK (last_step >= 0),             -- the greatest one used, ever
    totp_attempts   bytea       NOT NULL CHECK (octet_length(totp_attempts) = 56),     -- core/attempts.h
    backup_attempts bytea       NOT NULL CHECK (octet_length(backup_attempts) = 56),
    totp_locked     boolean     NOT NULL DEFAULT false,                                -- by the former, for introspection
    CONSTRAINT second_factors_pkey PRIMARY KEY (user_id),
    CONSTRAINT second_factors_pending CHECK ((pending IS NULL) = (pending_at IS NULL))
);

-- Ten of a user, replaced together.
CREATE TABLE backup_codes (
    user_id         text        NOT NULL REFERENCES users ON DELETE CASCADE,
    code_hash       bytea       NOT NULL CHECK (octet_length(code_hash) = 32),
    used_at         timestamptz,
    CONSTRAINT backup_codes_pkey PRIMARY KEY (user_id, code_hash)
);

-- SHA-256 of the secrets that tokens had before a session rose, newest first, at most eight: who brings one is told from
-- who brings nothing.
ALTER TABLE sessions ADD COLUMN former_sha256 bytea
    CHECK (octet_length(former_sha256) BETWEEN 32 AND 256 AND octet_length(former_sha256) % 32 = 0);
