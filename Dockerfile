# syntax=docker/dockerfile:1
# A server of models, without torch:
#
#     docker build -t gatewise .
#     docker run --read-only -p 127.0.0.1:8000:8000 \
#         -v "$PWD/MODEL:/models/model:ro" -v "$PWD/token:/run/secrets/token:ro" gatewise
#
# /models/model is served; clients send the token. Other models and options: after the image's name.

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
# Without pip in it, and without the tests of packages: a tenth of the size.
RUN python -m venv --without-pip /opt/gatewise \
    && pip --python /opt/gatewise install --no-cache-dir --constraint constraints.txt ".[serve]" \
    && find /opt/gatewise -type d -name tests -prune -exec rm -r {} +

FROM python:3.12-slim
COPY --from=build /opt/gatewise /opt/gatewise
ENV PATH=/opt/gatewise/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    XDG_STATE_HOME=/state
# A number, so that Kubernetes can tell that it is not root. Only corrections made on the page are
# written, to /state, if there is such a volume.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=2)"]
ENTRYPOINT ["gatewise", "serve", "--host", "0.0.0.0"]
CMD ["/models/model", "--token-file", "/run/secrets/token"]
