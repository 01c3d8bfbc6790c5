# The app for a CPU, as an unprivileged user on a read-only file system, without a network:
#
#   docker build -t asemble .
#   docker run --read-only --tmpfs /tmp:rw,noexec,nosuid,mode=1777,size=256m \
#     --cap-drop ALL --security-opt no-new-privileges --memory 6g \
#     -p 127.0.0.1:8501:8501 asemble
#
# Packages are fetched while it is built, each with the SHA-256 of requirements.lock, and none while
# it runs. The base image is named by its tag, since its digest could not be learned where this was
# written: docker build --build-arg BASE=python@sha256:... takes the one that you have checked.
# Called by another name than localhost it needs STREAMLIT_SERVER_ALLOWED_HOSTS. SECURITY.md says
# what else a hospital adds.

ARG BASE=python:3.11-slim-bookworm
FROM $BASE AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock /tmp/requirements.lock
# torch from its CPU index, by its hash: the file on PyPI brings CUDA, several GB of it.
RUN python -m venv /venv \
    && /venv/bin/pip install --require-hashes -r /tmp/requirements.lock \
        --extra-index-url https://download.pytorch.org/whl/cpu

FROM $BASE
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin asemble
COPY --from=packages /venv /venv
WORKDIR /app
COPY app.py LICENSE ./
COPY .streamlit .streamlit
COPY pages pages
COPY asemble asemble
COPY weights weights
RUN /venv/bin/python -m compileall -q asemble pages app.py
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib
USER 10001
EXPOSE 8501
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/healthz')"]
# Exec form: the server is process 1 and gets the signal to end.
CMD ["python", "-m", "streamlit", "run", "app.py", \
     "--server.headless=true", "--server.address=0.0.0.0", "--server.port=8501", \
     "--logger.hideWelcomeMessage=true"]
