-- What the rules have raised (DESIGN.md). Times are ms since 1970.

-- How many alerts have been raised, which is the number of the last; and the minute of the last watchdog.
CREATE TABLE alert_log (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    n        bigint  NOT NULL,
    watchdog bigint  NOT NULL
);
INSERT INTO alert_log VALUES (true, 0, 0);

-- body: as it was sent, for anyone. rule, grp and the rest say how its episode goes on: first to last_seen are the event
-- times that belong to it, received the log's time of the last of them. grp is a keyed hash.
CREATE TABLE alerts (
    alert_id        uuid     PRIMARY KEY,
    n               bigint   NOT NULL,
    time            bigint   NOT NULL,
    rule            text     COLLATE "C" NOT NULL,
    body            bytea    NOT NULL,
    grp             bytea    NOT NULL CHECK (length(grp) = 16),
    first           bigint   NOT NULL,
    last            bigint   NOT NULL,
    received        bigint   NOT NULL,
    count           bigint   NOT NULL,
    acknowledged_at bigint,
    acknowledged_by text     COLLATE "C",
    note            bytea,                      -- sealed
    CONSTRAINT alerts_n UNIQUE (n),
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
CREATE INDEX alerts_time ON alerts (time, n);
CREATE INDEX alerts_received ON alerts (received);
