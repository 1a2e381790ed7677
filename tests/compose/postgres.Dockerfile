# Stands in for the official image of PostgreSQL: POSTGRES_PASSWORD_FILE, /docker-entrypoint-initdb.d, user 999.
ARG BASE=debian:13.2-slim
FROM ${BASE}
RUN groupadd -g 999 postgres && useradd -u 999 -g 999 -d /var/lib/postgresql postgres && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* && install -d -o postgres -m 700 /var/lib/postgresql/data
COPY tests/compose/postgres-entrypoint /usr/bin/
USER postgres
ENTRYPOINT ["postgres-entrypoint"]
