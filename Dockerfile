# One image for the web server, the worker and `manage.py`. It contains no secrets; the environment provides them.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --requirement requirements.txt

FROM python:3.12-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BIND=0.0.0.0:8000 \
    STATIC_DIR=/srv/static \
    VAR_DIR=/var/lib/refund-desk
RUN useradd --system --uid 10001 --no-create-home refund-desk \
    && install --directory --mode 0750 --owner refund-desk --group refund-desk "$VAR_DIR"
COPY --from=build /venv /venv
WORKDIR /srv/refund-desk
COPY . .
# File names contain a content hash, so browsers cache them forever. The key is for this step only.
RUN DEBUG=false SECRET_KEY=only-for-collectstatic ALLOWED_HOSTS=localhost DATABASE_URL=sqlite://:memory: \
    python manage.py collectstatic --noinput
USER refund-desk
VOLUME ["/var/lib/refund-desk"]
EXPOSE 8000
# Liveness, not readiness: a restart fixes a process that hangs, and not a database that is down.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["gunicorn"]
