-- What a recording that is put and read in two parts asks of PostgreSQL, as services/crypto and common/durable do, bare: a
-- transaction for each part, a look for each reading, values made up. For pgbench -M prepared.
\set n random(1, 281474976710655)
\startpipeline
BEGIN;
SELECT pg_advisory_xact_lock(hashtextextended('crypto.effects.bench.' || lpad(to_hex(:n::bigint), 32, '0'), 0));
SELECT fingerprint, reply FROM crypto.effects WHERE src = 'bench' AND id = lpad(to_hex(:n::bigint), 32, '0')::uuid;
SELECT date_trunc('milliseconds', clock_timestamp());
SELECT 1 FROM crypto.ring_keys WHERE ring = 'audio' AND version = 1 AND state = 'active' FOR SHARE;
INSERT INTO crypto.objects (id, realm, owner, media_type, size, received, created_at, expires_at, sha256, version, wrapped) VALUES (lpad(to_hex(:n::bigint), 32, '0')::uuid, 'bench', NULL, 'audio/wav', 1048576, 524288, date_trunc('milliseconds', now()), now() + interval '1 hour', NULL, 1, decode(repeat('00', 60), 'hex'));
INSERT INTO crypto.parts (object_id, start, length, blob, header) VALUES (lpad(to_hex(:n::bigint), 32, '0')::uuid, 0, 524288, gen_random_uuid(), decode(repeat('00', 56), 'hex'));
INSERT INTO crypto.effects (src, id, fingerprint, reply) VALUES ('bench', lpad(to_hex(:n::bigint), 32, '0')::uuid, sha256(int8send(:n::bigint)), decode(repeat('00', 440), 'hex'));
COMMIT;
\endpipeline
\startpipeline
BEGIN;
SELECT pg_advisory_xact_lock(hashtextextended('crypto.effects.bench.' || lpad(to_hex(:n::bigint), 32, '1'), 0));
SELECT fingerprint, reply FROM crypto.effects WHERE src = 'bench' AND id = lpad(to_hex(:n::bigint), 32, '1')::uuid;
SELECT owner, media_type, size, received, created_at, expires_at, sha256, version, wrapped, clock_timestamp() FROM crypto.objects WHERE id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND realm = 'bench' FOR UPDATE;
SELECT 1 FROM crypto.expired WHERE id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND realm = 'bench' AND expired_at > clock_timestamp() - interval '30 days';
SELECT p.start, p.length, p.blob, p.header FROM crypto.parts p WHERE p.object_id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND p.start < 1048576 AND p.start + p.length > 524288 ORDER BY p.start;
UPDATE crypto.objects SET received = 1048576, sha256 = decode(repeat('00', 60), 'hex') WHERE id = lpad(to_hex(:n::bigint), 32, '0')::uuid;
INSERT INTO crypto.parts (object_id, start, length, blob, header) VALUES (lpad(to_hex(:n::bigint), 32, '0')::uuid, 524288, 524288, gen_random_uuid(), decode(repeat('00', 56), 'hex'));
INSERT INTO crypto.effects (src, id, fingerprint, reply) VALUES ('bench', lpad(to_hex(:n::bigint), 32, '1')::uuid, sha256(int8send(:n::bigint)), decode(repeat('00', 540), 'hex'));
COMMIT;
\endpipeline
\startpipeline
SELECT owner, media_type, size, received, created_at, expires_at, sha256, version, wrapped, clock_timestamp() FROM crypto.objects WHERE id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND realm = 'bench';
SELECT 1 FROM crypto.expired WHERE id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND realm = 'bench' AND expired_at > clock_timestamp() - interval '30 days';
SELECT p.start, p.length, p.blob, p.header FROM crypto.parts p WHERE p.object_id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND p.start < 524288 AND p.start + p.length > 0 ORDER BY p.start;
\endpipeline
\startpipeline
SELECT owner, media_type, size, received, created_at, expires_at, sha256, version, wrapped, clock_timestamp() FROM crypto.objects WHERE id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND realm = 'bench';
SELECT 1 FROM crypto.expired WHERE id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND realm = 'bench' AND expired_at > clock_timestamp() - interval '30 days';
SELECT p.start, p.length, p.blob, p.header FROM crypto.parts p WHERE p.object_id = lpad(to_hex(:n::bigint), 32, '0')::uuid AND p.start < 1048576 AND p.start + p.length > 524288 ORDER BY p.start;
\endpipeline
