ARG BASE
FROM ${BASE}
# A browser that shows the status page as people see it.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium fonts-dejavu-core python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
CMD ["sleep", "infinity"]
