-- People and their sessions. What tells who somebody is stands sealed, or as a keyed hash to be found by (columns.h).
-- Times are the deciding instance's, in whole milliseconds.

CREATE TABLE users (
    user_id         text        NOT NULL CHECK (user_id ~ '^[A-Za-z0-9_.:-]{1,64}$'),
    telegram_hash   bytea       CHECK (octet_length(telegram_hash) = 32),
    telegram_id     bytea       CHECK (octet_length(telegram_id) BETWEEN 42 AND 64),   -- sealed
    roles           text[]      NOT NULL DEFAULT '{}'
                                CHECK (cardinality(roles) <= 32 AND array_position(roles, NULL) IS NULL),
    tier            text        NOT NULL DEFAULT 'free' CHECK (octet_length(tier) BETWEEN 1 AND 32),
    second_factor   text        NOT NULL DEFAULT 'none' CHECK (second_factor IN ('none', 'totp')),
    disabled        boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    first_login_at  timestamptz CHECK (first_login_at >= created_at),
    revoked_all_at  timestamptz,                        -- the last revoke_all; older web-app logins are refused
    deleted_at      timestamptz CHECK (deleted_at >= created_at),                      -- purged after a grace period
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_telegram UNIQUE (telegram_hash),
    CONSTRAINT users_telegram_whole CHECK ((telegram_hash IS NULL) = (telegram_id IS NULL))
);

-- Dead ones are kept for 90 days: they tell a new device, a login that was used, and a dead token from one of nobody's.
-- No index on what a touch changes, so that touches stay within their page.
CREATE TABLE sessions (
    id               uuid        NOT NULL,
    user_id          text        NOT NULL REFERENCES users ON DELETE CASCADE,
    secret_sha256    bytea       NOT NULL CHECK (octet_length(secret_sha256) = 32),    -- of the token's random half
    login_method     text        NOT NULL CHECK (login_method IN ('telegram_widget', 'telegram_webapp')),
    login_hash       bytea       NOT NULL CHECK (octet_length(login_hash) = 32),       -- of what Telegram signed
    device_type      text        NOT NULL
                                 CHECK (device_type IN ('web', 'ios', 'android', 'telegram', 'desktop', 'other')),
    device           bytea       NOT NULL CHECK (octet_length(device) BETWEEN 42 AND 600),     -- sealed
    device_info_hash bytea       NOT NULL CHECK (octet_length(device_info_hash) = 32),
    device_id_hash   bytea       CHECK (octet_length(device_id_hash) = 32),
    aal              smallint    NOT NULL DEFAULT 1 CHECK (aal IN (1, 2)),
    aal2_time        timestamptz,                       -- of the last accepted second factor
    created_at       timestamptz NOT NULL,              -- the login, whatever rises later
    last_activity    timestamptz NOT NULL CHECK (last_activity >= created_at),
    ended_at         timestamptz,
    ended_by         text        CHECK (ended_by IN ('revoked', 'revoked_all', 'logout', 'limit', 'expired', 'replaced',
                                                     'disabled', 'deleted')),
    reused_at        timestamptz,                       -- when it was last told that the dead token came back
    reused_count     integer     NOT NULL DEFAULT 0 CHECK (reused_count >= 0),         -- uses since then
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT sessions_aal2 CHECK ((aal = 2) = (aal2_time IS NOT NULL))
) WITH (fillfactor = 85);

CREATE INDEX sessions_open ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_device_info ON sessions (device_info_hash);
CREATE INDEX sessions_device_id ON sessions (device_id_hash) WHERE device_id_hash IS NOT NULL;
-- A widget login makes one session, whoever sends it again and wherever.
CREATE UNIQUE INDEX sessions_widget_login ON sessions (login_hash) WHERE login_method = 'telegram_widget';
