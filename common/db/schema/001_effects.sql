-- The record of effects and the outbox, the same in every service's schema (effects.h, outbox.h).

-- One effect per message: the row is committed with the effect, and a second runner waits at this key.
CREATE TABLE effects (
    src         text        NOT NULL CHECK (length(src) BETWEEN 1 AND 32),
    id          uuid        NOT NULL,
    fingerprint bytea       NOT NULL CHECK (length(fingerprint) = 32),
    reply       bytea       NOT NULL,
    made        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT effects_pkey PRIMARY KEY (src, id)
);
CREATE INDEX effects_made ON effects (made);

-- What is in here is unpublished. Rows live for milliseconds: leave room in the pages and vacuum early.
CREATE TABLE outbox (
    n          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream     text        NOT NULL CHECK (length(stream) BETWEEN 1 AND 64),
    user_key   text        NOT NULL,
    topic      text        NOT NULL,
    kafka_key  bytea,
    sealed     bytea       NOT NULL,
    created    timestamptz NOT NULL DEFAULT clock_timestamp(),
    holder     uuid        NOT NULL,
    held_until timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX outbox_user ON outbox (stream, user_key, n);
