# One image with the client and every service. By itself it runs all of them in one process:
#   docker build -t trackway:local . && docker run -p 127.0.0.1:7700-7701:7700-7701 -v trackway:/data trackway:local
# compose.yaml and deploy/kubernetes run it once for each service.
FROM python:3.12-slim

RUN useradd --create-home --uid 10001 trackway && install -d -o trackway -g trackway -m 0700 /data

WORKDIR /opt/trackway
COPY requirements/dev.lock requirements/dev.lock
COPY pyproject.toml README.md LICENSE ./
COPY client client
COPY services services
# The locked versions are constraints: only what the extra names is installed.
RUN sed -E '/^ *--hash=/d; s/ *\\$//' requirements/dev.lock > /tmp/constraints.txt \
    && pip install --no-cache-dir --constraint /tmp/constraints.txt ".[server,postgres,s3,models]" \
    && rm /tmp/constraints.txt

USER trackway
ENV TRACKWAY_DATA_DIR=/data \
    TRACKWAY_PROFILE=/data/profile.toml \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 7700 7701 7711 7712 7713 7714
STOPSIGNAL SIGTERM
CMD ["trackway", "server", "--host", "0.0.0.0"]
