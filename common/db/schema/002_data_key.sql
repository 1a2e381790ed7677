-- The wrapped form of the key under which this service seals its rows: one, made on the first start (durable.h).
CREATE TABLE data_key (
    one     boolean     PRIMARY KEY DEFAULT true CHECK (one),
    wrapped bytea       NOT NULL CHECK (octet_length(wrapped) BETWEEN 1 AND 4096),
    made    timestamptz NOT NULL DEFAULT clock_timestamp()
);
