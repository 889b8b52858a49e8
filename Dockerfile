# The operator and the activator. Models are fetched, and candidates checked, by the image of Dockerfile.models.
# By digest: the same index of all platforms whenever it is built (Python 3.11.16, Debian 12).
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# What Nereid depends on is a layer of its own, so that a change of the code is built in seconds.
FROM ${BASE_IMAGE} AS libraries
WORKDIR /src
COPY requirements/operator.lock .
RUN python3 -m venv --without-pip /opt/nereid \
    && pip --python /opt/nereid install --no-cache-dir --no-compile --only-binary :all: --require-hashes -r operator.lock \
    && python3 -m compileall -q /opt/nereid/lib

FROM libraries AS code
COPY requirements/build.lock .
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r build.lock
COPY pyproject.toml README.md ./
COPY operator operator
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/nereid install --no-deps --no-index --no-compile --root /code dist/nereid-*.whl \
    && python3 -m compileall -q -s /code /code/opt/nereid/lib

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="nereid" \
      org.opencontainers.image.description="Serves models on Triton behind Istio and rolls out each version with care" \
      org.opencontainers.image.licenses="Apache-2.0"
# Nothing is installed in a running container: without pip, its notices of vulnerabilities are none of this image.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
    /usr/bin/pip* /usr/lib/python3/dist-packages/pip*
COPY --from=libraries /opt/nereid /opt/nereid
COPY --from=code /code/opt/nereid /opt/nereid
# Kopf asks for the user's name, which a number without an entry in /etc/passwd does not have.
ENV PATH=/opt/nereid/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 USER=nereid
USER 65532:65532
ENTRYPOINT ["nereid"]
CMD ["run"]
