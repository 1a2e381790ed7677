-- The log of audit (DESIGN.md). Times are ms since 1970, as the records have them.

-- Who may write: the one writer of a time has an epoch of its own. Taken when `until` lies behind this clock.
CREATE TABLE lease (
    one     boolean     PRIMARY KEY DEFAULT true CHECK (one),
    epoch   bigint      NOT NULL,
    holder  uuid        NOT NULL,
    until   timestamptz NOT NULL
);
INSERT INTO lease VALUES (true, 0, '00000000-0000-0000-0000-000000000000', '-infinity');

-- The first statement of each of the writer's transactions: whose epoch has passed, and who was paused in between,
-- is rolled back here. Locks the row until the end of the transaction, so that nobody takes the lease meanwhile.
CREATE FUNCTION hold_lease(epoch bigint, holder uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE lease SET until = clock_timestamp() + interval '3 seconds'
        WHERE lease.epoch = hold_lease.epoch AND lease.holder = hold_lease.holder;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease has passed to another' USING ERRCODE = 'HL001';
    END IF;
END $$;

-- How far the log has come: its size, the roots of its full subtrees (core/tree.h), and how many subjects it has named,
-- whose numbers are never used again.
CREATE TABLE log (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    size     bigint  NOT NULL CHECK (size >= 0),
    roots    bytea   NOT NULL,
    subjects bigint  NOT NULL
);
INSERT INTO log VALUES (true, 0, '', 0);

-- Full subtrees of 256, 65,536, … leaves.
CREATE TABLE nodes (
    height smallint NOT NULL,
    index  bigint   NOT NULL,
    hash   bytea    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (height, index)
);

-- The keys under which payloads lie, wrapped. No row: its payloads are erased.
CREATE TABLE subjects (
    id      bigint PRIMARY KEY,
    hash    bytea  NOT NULL CHECK (length(hash) = 16),
    kind    "char" NOT NULL CHECK (kind IN ('u', 'i', 's')),
    wrapped bytea  NOT NULL CHECK (length(wrapped) = 72),
    used    bigint NOT NULL,                -- the day, since 1970; written once a day
    CONSTRAINT subjects_hash UNIQUE (hash)
);

-- The records themselves, seq from 0 without gaps; what is in clear is what the record says in clear. sealed, and the
-- hashes by which a person is found, are gone when they are erased.
CREATE TABLE records (
    seq       bigint   PRIMARY KEY,
    received  bigint   NOT NULL,
    time      bigint   NOT NULL,
    src       text     COLLATE "C" NOT NULL,
    type      text     COLLATE "C" NOT NULL,
    outcome   smallint NOT NULL CHECK (outcome BETWEEN 0 AND 2),
    tag       bytea    NOT NULL CHECK (length(tag) = 16),
    hash      bytea    NOT NULL CHECK (length(hash) = 32),
    subject   bigint   NOT NULL,
    sealed    bytea,
    user_hash bytea,
    ip_hash   bytea
);
ALTER TABLE records ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX records_user ON records (user_hash, seq) WHERE user_hash IS NOT NULL;
CREATE INDEX records_ip ON records (ip_hash, seq) WHERE ip_hash IS NOT NULL;
CREATE INDEX records_type ON records (type, seq);
CREATE INDEX records_times ON records USING brin (received, time) WITH (pages_per_range = 16, autosummarize = on);

-- One event is one record: (id, src) of what was taken in, for as long as it would not be refused as stale. ids begin
-- with their time. fingerprint: a keyed hash of the body, by which the same event is told from another under its id.
CREATE TABLE seen (
    id          bytea NOT NULL CHECK (length(id) = 16),
    src         text  COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 16),
    PRIMARY KEY (id, src)
);
-- Other bodies that came under an id, each recorded once.
CREATE TABLE conflicts (
    id          bytea NOT NULL,
    src         text  COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    PRIMARY KEY (id, src, fingerprint)
);

-- Up to where the topic of events has been taken in.
CREATE TABLE offsets (
    partition integer PRIMARY KEY,
    next      bigint  NOT NULL
);

-- The counts of producing instances (core/gaps.h).
CREATE TABLE producers (
    src      text   COLLATE "C" NOT NULL,
    instance bytea  NOT NULL CHECK (length(instance) = 8),
    state    bytea  NOT NULL,
    seen     bigint NOT NULL,
    PRIMARY KEY (src, instance)
);

-- What any instance has to record of itself, until the writer takes it in.
CREATE TABLE notices (
    n      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sealed bytea  NOT NULL
);

-- Queries of the minute, counted; a record when it is over. filters: a bit for each (core/query_filters.h).
CREATE TABLE queried (
    src     text    COLLATE "C" NOT NULL,
    minute  bigint  NOT NULL,
    count   bigint  NOT NULL,
    filters integer NOT NULL,
    PRIMARY KEY (src, minute)
);
