-- Recordings: their keys and where their parts are; the bytes lie in the blob store. Times are this database's clock.

-- The store that belongs to this database. placed: its store-id has been written; from then on a store without it, or with
-- another, is not ours.
CREATE TABLE blob_store (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    id     uuid    NOT NULL DEFAULT gen_random_uuid(),
    placed boolean NOT NULL DEFAULT false
);
INSERT INTO blob_store DEFAULT VALUES;

CREATE TABLE objects (
    id         uuid        NOT NULL,
    realm      text        NOT NULL CHECK (octet_length(realm) BETWEEN 1 AND 32),
    owner      text        CHECK (owner ~ '^[A-Za-z0-9_.:-]{1,64}$'),
    media_type text        NOT NULL CHECK (media_type ~ '^audio/[a-z0-9]{1,16}$'),
    size       bigint      NOT NULL CHECK (size BETWEEN 1 AND 10485760),
    received   bigint      NOT NULL CHECK (received BETWEEN 1 AND size),
    created_at timestamptz NOT NULL CHECK (created_at = date_trunc('milliseconds', created_at)),
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    sha256     bytea       CHECK (octet_length(sha256) = 60),           -- of the whole, sealed
    version    bigint      NOT NULL,                                    -- of the audio ring
    wrapped    bytea       NOT NULL CHECK (octet_length(wrapped) = 60), -- the object's key: all that is needed to erase it
    CONSTRAINT objects_pkey PRIMARY KEY (id),
    CONSTRAINT objects_complete CHECK ((sha256 IS NOT NULL) = (received = size))
);
CREATE INDEX objects_expires ON objects (expires_at);
CREATE INDEX objects_unfinished ON objects (created_at) WHERE sha256 IS NULL;
CREATE INDEX objects_version ON objects (version);
CREATE INDEX objects_owner ON objects (owner, realm) WHERE owner IS NOT NULL;

-- Overlaps cannot be: whoever adds a part holds its object's row.
CREATE TABLE parts (
    object_id uuid   NOT NULL REFERENCES objects ON DELETE CASCADE,
    start     bigint NOT NULL CHECK (start >= 0 AND start % 16384 = 0),
    length    bigint NOT NULL CHECK (length BETWEEN 1 AND 524288),
    blob      uuid   NOT NULL,
    header    bytea  NOT NULL CHECK (octet_length(header) = 56),        -- salt and commitment
    CONSTRAINT parts_pkey PRIMARY KEY (object_id, start),
    CONSTRAINT parts_blob UNIQUE (blob)
);

-- That there was one, for 30 days after it has expired.
CREATE TABLE expired (
    id         uuid        NOT NULL,
    realm      text        NOT NULL CHECK (octet_length(realm) BETWEEN 1 AND 32),
    expired_at timestamptz NOT NULL,
    CONSTRAINT expired_pkey PRIMARY KEY (id)
);
CREATE INDEX expired_at ON expired (expired_at);
