-- Ring keys, wrapped under a root key that is never here, and what counts on them. Who uses a key from memory reads
-- key_epoch four times a second; what changes a key, its state or an owner's key raises it in the same transaction.

CREATE TABLE key_epoch (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint  NOT NULL,
    made  boolean NOT NULL DEFAULT false    -- the first version of each ring: from then on a ring without one has lost it
);
INSERT INTO key_epoch (epoch) VALUES (1);

CREATE TABLE ring_keys (
    ring         text        NOT NULL CHECK (ring IN ('content', 'audio', 'fernet', 'service')),
    version      bigint      NOT NULL CHECK (version BETWEEN 1 AND 4294967295),
    realm        text        NOT NULL DEFAULT '' CHECK (octet_length(realm) <= 32),     -- of an imported Fernet key
    state        text        NOT NULL CHECK (state IN ('active', 'decrypt_only', 'destroyed')),
    root_version bigint      CHECK (root_version BETWEEN 1 AND 4294967295),
    wrapped      bytea       CHECK (octet_length(wrapped) = 60),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    CONSTRAINT ring_keys_pkey PRIMARY KEY (ring, version),
    CONSTRAINT ring_keys_realm CHECK (realm = '' OR ring = 'fernet'),
    CONSTRAINT ring_keys_wrapped CHECK ((wrapped IS NULL) = (state = 'destroyed') AND (root_version IS NULL) = (wrapped IS NULL)),
    CONSTRAINT ring_keys_destroyed CHECK ((destroyed_at IS NOT NULL) = (state = 'destroyed'))
);
-- Of a realm's imported Fernet keys several may be active; of each ring itself one is.
CREATE UNIQUE INDEX ring_keys_active ON ring_keys (ring) WHERE state = 'active' AND realm = '';

-- Counters apart from the keys: they change all the time, and must not wait for who holds a version against destruction.
CREATE TABLE ring_uses (
    ring    text   NOT NULL,
    version bigint NOT NULL,
    uses    bigint NOT NULL DEFAULT 0 CHECK (uses >= 0),        -- ciphertexts and tokens ever made under it
    wraps   bigint NOT NULL DEFAULT 0 CHECK (wraps >= 0),       -- keys ever wrapped by it
    CONSTRAINT ring_uses_pkey PRIMARY KEY (ring, version),
    CONSTRAINT ring_uses_key FOREIGN KEY (ring, version) REFERENCES ring_keys
);

-- Data keys of other services: they keep the wrapped form, this row is what `objects` counts.
CREATE TABLE data_keys (
    id         uuid        NOT NULL,
    realm      text        NOT NULL CHECK (octet_length(realm) BETWEEN 1 AND 32),
    version    bigint      NOT NULL,                            -- of the content ring
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT data_keys_pkey PRIMARY KEY (id)
);
CREATE INDEX data_keys_version ON data_keys (version);
