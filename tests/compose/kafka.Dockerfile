# Stands in for apache/kafka where no registry can be reached: the same jars, the same KAFKA_* environment.
ARG BASE=debian:13.2-slim
FROM ${BASE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends default-jre-headless \
    && rm -rf /var/lib/apt/lists/*
COPY .deps/kafka/libs /opt/kafka/libs
COPY deploy/kafka/log4j2.yaml /opt/kafka/log4j2.yaml
COPY tests/compose/kafka-entrypoint /usr/bin/
COPY tests/compose/kafka-broker-api-versions.sh /opt/kafka/bin/
RUN useradd --uid 1000 appuser && install -d -o appuser /var/lib/kafka/data
USER appuser
ENTRYPOINT ["kafka-entrypoint"]
