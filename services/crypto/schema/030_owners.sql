-- A person's own content key in each realm. Erasing is the DELETE of this row; the next encrypt makes another, with
-- another id, so that no ciphertext of before opens again.
CREATE TABLE owner_keys (
    id         uuid        NOT NULL,                                    -- 16 random bytes, as in ciphertexts
    realm      text        NOT NULL CHECK (octet_length(realm) BETWEEN 1 AND 32),
    owner      text        NOT NULL CHECK (owner ~ '^[A-Za-z0-9_.:-]{1,64}$'),
    version    bigint      NOT NULL,                                    -- of the content ring
    wrapped    bytea       NOT NULL CHECK (octet_length(wrapped) = 60),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT owner_keys_pkey PRIMARY KEY (id),
    CONSTRAINT owner_keys_owner UNIQUE (owner, realm)
);
CREATE INDEX owner_keys_version ON owner_keys (version);
