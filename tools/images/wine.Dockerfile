# A stand-in for a Windows machine: Wine 10 with a real Windows CPython and real Windows builds of Celery and Flower.
# The Python is unpacked where a virtualenv would have it, so that the roles find <venv>\Scripts\python.exe.
ARG BASE
FROM ${BASE}
ENV DEBIAN_FRONTEND=noninteractive WINEDEBUG=-all WINEARCH=win64 WINEPREFIX=/opt/windows WINEDLLOVERRIDES=mscoree,mshtml= \
    XDG_RUNTIME_DIR=/tmp LC_ALL=C.UTF-8
RUN apt-get update \
 && apt-get install -y --no-install-recommends wine wine64 procps python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
RUN wineboot --init && wineserver --wait
COPY python /opt/windows/drive_c/venv/Scripts
# The first import in Wine is slow: compiled here, once. -i none: Wine has one console, and the tests start many programs.
RUN wine 'C:\venv\Scripts\python.exe' -m compileall -q 'C:\venv\Scripts\Lib' </dev/null; \
    wine 'C:\venv\Scripts\python.exe' -m celery --version </dev/null && wineserver --wait
CMD ["sleep", "infinity"]
