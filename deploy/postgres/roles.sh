#!/usr/bin/env bash
# Of the official image's /docker-entrypoint-initdb.d: runs once, when the data directory is made.
set -euo pipefail
for role in owner auth crypto audit; do
    export "${role^^}_PASSWORD=$(<"/run/secrets/$role.password")"
done
psql -X -q -U "${POSTGRES_USER:-postgres}" -d postgres -f /usr/local/share/hlidka/roles.sql
