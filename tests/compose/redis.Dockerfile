# Stands in for the official image of Redis: user 999, data in /data.
ARG BASE=debian:13.2-slim
FROM ${BASE}
RUN groupadd -g 999 redis && useradd -u 999 -g 999 redis && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends redis-server redis-tools \
    && rm -rf /var/lib/apt/lists/* && install -d -o redis /data
USER redis
WORKDIR /data
CMD ["redis-server"]
