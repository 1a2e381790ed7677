-- psql script: a role for the owner and one for each service, which owns the schema of its name and nothing else. As it
-- should be, whether run once or again. Passwords come from the environment, so that no command line shows them.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\getenv owner OWNER_PASSWORD
\getenv auth AUTH_PASSWORD
\getenv crypto CRYPTO_PASSWORD
\getenv audit AUDIT_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', r) FROM unnest(ARRAY['hlidka', 'hlidka_auth', 'hlidka_crypto', 'hlidka_audit']) r
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) \gexec
ALTER ROLE hlidka PASSWORD :'owner';
ALTER ROLE hlidka_auth PASSWORD :'auth';
ALTER ROLE hlidka_crypto PASSWORD :'crypto';
ALTER ROLE hlidka_audit PASSWORD :'audit';
-- The owner reads what the services own: backups, and tests that look at what is stored.
GRANT hlidka_auth, hlidka_crypto, hlidka_audit TO hlidka;
GRANT pg_checkpoint TO hlidka;

SELECT 'CREATE DATABASE hlidka OWNER hlidka' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'hlidka') \gexec
REVOKE ALL ON DATABASE hlidka FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE hlidka TO hlidka_auth, hlidka_crypto, hlidka_audit;

\connect hlidka
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS auth AUTHORIZATION hlidka_auth;
CREATE SCHEMA IF NOT EXISTS crypto AUTHORIZATION hlidka_crypto;
CREATE SCHEMA IF NOT EXISTS audit AUTHORIZATION hlidka_audit;
ALTER ROLE hlidka_auth IN DATABASE hlidka SET search_path = auth;
ALTER ROLE hlidka_crypto IN DATABASE hlidka SET search_path = crypto;
ALTER ROLE hlidka_audit IN DATABASE hlidka SET search_path = audit;
