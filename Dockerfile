# The site as a container image: `make image`, or
#   docker build --build-arg VERSION="$(python3 -c 'import uploads; print(uploads.__version__)')" -t slipway .
# The container runs as user 10001, and can have a read-only file system with a tmpfs at /tmp. docs/settings.md lists
# the environment variables.

FROM node:22-bookworm-slim AS browser
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY static static
RUN npm run build

FROM python:3.11-slim-bookworm AS packages
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/venv && \
    /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt && \
    /opt/venv/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Slipway" \
      org.opencontainers.image.description="Uploads from the browser straight to S3" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent slipway
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/slipway
COPY manage.py ./
COPY config config
COPY uploads uploads
COPY templates templates
COPY static/css static/css
COPY static/img static/img
COPY --from=browser /build/static/build static/build
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    DEBUG=false \
    STATIC_ROOT=/srv/slipway/static_root \
    PORT=8000
# These values are valid only for this step. The image contains no secret.
RUN SECRET_KEY=only-for-this-step ALLOWED_HOSTS=localhost S3_BUCKET=none DATA_DIR=/tmp \
    python manage.py collectstatic --noinput --verbosity 0 && \
    python -m compileall -q config uploads
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "config.health"]
CMD ["gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
