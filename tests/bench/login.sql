-- What a login of somebody new asks of PostgreSQL, as services/auth/store_login.c and common/durable do, bare: one
-- pipeline, values made up, the outbox's row of a stream that nobody relays. For pgbench -M prepared.
\set n random(1, 281474976710655)
\startpipeline
BEGIN;
SELECT fingerprint, reply FROM auth.effects WHERE src = 'bench' AND id = lpad(to_hex(:n::bigint), 32, '0')::uuid;
SELECT user_id, disabled OR deleted_at IS NOT NULL, first_login_at IS NULL, second_factor = 'totp' FROM auth.users WHERE telegram_hash = sha256(int8send(:n::bigint)) FOR NO KEY UPDATE;
SELECT s.id, s.device_type, s.created_at, s.last_activity FROM auth.sessions s WHERE s.user_id = (SELECT user_id FROM auth.users WHERE telegram_hash = sha256(int8send(:n::bigint))) AND s.ended_at IS NULL;
SELECT 1 FROM auth.sessions WHERE login_hash = sha256(int8send(:n::bigint)) AND login_method = 'telegram_widget';
SELECT EXISTS (SELECT 1 FROM auth.sessions WHERE device_info_hash = sha256(int8send(:n::bigint)) AND last_activity >= now() - interval '90 days');
INSERT INTO auth.effects (src, id, fingerprint, reply) VALUES ('bench', lpad(to_hex(:n::bigint), 32, '0')::uuid, sha256(int8send(:n::bigint)), decode(repeat('00', 600), 'hex'));
INSERT INTO auth.users (user_id, telegram_hash, telegram_id, created_at, first_login_at) VALUES ('bench-' || :n::bigint, sha256(int8send(:n::bigint)), decode(repeat('00', 50), 'hex'), now(), now());
INSERT INTO auth.sessions (id, user_id, secret_sha256, login_method, login_hash, device_type, device, device_info_hash, created_at, last_activity) VALUES (lpad(to_hex(:n::bigint), 32, '0')::uuid, 'bench-' || :n::bigint, sha256(int8send(:n::bigint)), 'telegram_widget', sha256(int8send(:n::bigint)), 'web', decode(repeat('00', 80), 'hex'), sha256(int8send(:n::bigint)), now(), now());
INSERT INTO auth.outbox (stream, user_key, topic, kafka_key, sealed, holder, held_until) VALUES ('bench', 'bench-' || :n::bigint, 'none', int8send(:n::bigint), decode(repeat('00', 500), 'hex'), gen_random_uuid(), now());
COMMIT;
\endpipeline
