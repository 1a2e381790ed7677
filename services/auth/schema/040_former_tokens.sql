-- Of the tokens that a session had before it rose, newest first, the first 8 bytes of each SHA-256: enough to tell who brings
-- one from who guesses, and room for 128 of them where there was room for eight.
ALTER TABLE sessions ADD COLUMN former bytea CHECK (octet_length(former) BETWEEN 8 AND 1024 AND octet_length(former) % 8 = 0);

UPDATE sessions SET former = (SELECT string_agg(substr(former_sha256, i * 32 + 1, 8), ''::bytea ORDER BY i)
                              FROM generate_series(0, octet_length(former_sha256) / 32 - 1) AS i)
    WHERE former_sha256 IS NOT NULL;

ALTER TABLE sessions DROP COLUMN former_sha256;
