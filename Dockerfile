# The whole platform in one container: docker build -t rialto . && docker run --rm -p 127.0.0.1:8080:8080 rialto
FROM python:3.11-slim

# hadolint ignore=DL3008 - any make does
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 rialto \
    && install --directory --owner=rialto /app

WORKDIR /app
USER 10001

# The libraries first: a change of the code does not install them again.
COPY --chown=10001 Makefile requirements.txt requirements-dev.txt ./
ENV PIP_NO_CACHE_DIR=1
RUN make setup && mkdir -p .rialto/instances

COPY --chown=10001 . .
RUN make package

# The gateway alone listens beyond the container's loopback; the cloud and the exchange stay inside.
ENV RIALTO_BIND=0.0.0.0 \
    RIALTO_PORT=8080
EXPOSE 8080
VOLUME /app/.rialto/instances
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD [".rialto/venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
STOPSIGNAL SIGTERM
CMD [".rialto/venv/bin/python", "-B", "localstack/cloud.py", "serve"]
