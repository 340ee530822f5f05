ARG BASE
FROM ${BASE}
ENV DEBIAN_FRONTEND=noninteractive
RUN printf 'APT::Install-Recommends "false";\nAcquire::Languages "none";\nAcquire::Retries "3";\n' > /etc/apt/apt.conf.d/90taskstack-test \
 && rm -f /etc/apt/apt.conf.d/docker-clean \
 && printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d \
 && apt-get update \
 && apt-get install -y systemd systemd-sysv dbus sudo python3 python3-apt ca-certificates procps iproute2 \
 && rm -f /usr/sbin/policy-rc.d
# Downloaded, not installed: the roles still install them, the tests only do not fetch 60 MB again for every host.
RUN apt-get install -y --download-only rabbitmq-server supervisor python3-venv logrotate
# Units that want hardware or a login, which a container has not.
RUN rm -f /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/* \
      /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/sockets.target.wants/*udev* \
      /lib/systemd/system/sockets.target.wants/*initctl* /lib/systemd/system/basic.target.wants/* \
 && systemctl mask systemd-logind.service getty.target console-getty.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer
STOPSIGNAL SIGRTMIN+3
CMD ["/lib/systemd/systemd"]
