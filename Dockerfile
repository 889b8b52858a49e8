# The operator, the activator, and the Jobs that check candidates. Models are fetched by the image of Dockerfile.models.
FROM docker.io/library/python:3.11-slim-bookworm AS libraries
WORKDIR /src
RUN python3 -m venv --without-pip /opt/nereid
# What Nereid depends on is a layer of its own, so that a change of the code is built in seconds.
COPY pyproject.toml requirements.lock README.md ./
RUN mkdir -p operator/nereid \
    && echo '__version__ = "0"' > operator/nereid/__init__.py \
    && pip --python /opt/nereid install --no-cache-dir --constraint requirements.lock '.[operator]' \
    && pip --python /opt/nereid uninstall --yes nereid \
    && python3 -m compileall -q /opt/nereid/lib

FROM libraries AS code
COPY operator operator
RUN pip --python /opt/nereid install --no-cache-dir --no-deps --root /code . \
    && python3 -m compileall -q -s /code /code/opt/nereid/lib

FROM docker.io/library/python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="nereid" \
      org.opencontainers.image.description="Serves models on Triton behind Istio and rolls out each version with care" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=libraries /opt/nereid /opt/nereid
COPY --from=code /code/opt/nereid /opt/nereid
# Kopf asks for the user's name, which a number without an entry in /etc/passwd does not have.
ENV PATH=/opt/nereid/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 USER=nereid
USER 65532:65532
ENTRYPOINT ["nereid"]
CMD ["run"]
