#!/usr/bin/env bash
# Makes a package repository in /srv/packages with a later revision of the installed RabbitMQ: the same files under a higher
# number. Debian has no two releases of RabbitMQ of which one may follow the other.
set -euo pipefail
rm -rf /srv/packages /tmp/package
mkdir -p /srv/packages
cd /var/cache/apt/archives
ls rabbitmq-server_*.deb >/dev/null 2>&1 || apt-get download -q rabbitmq-server
dpkg-deb --raw-extract "$(find . -name 'rabbitmq-server_*.deb' | sort | tail -n 1)" /tmp/package
version=$(dpkg-query --show --showformat='${Version}' rabbitmq-server)
sed -i "s/^Version: .*/Version: $version+taskstack1/" /tmp/package/DEBIAN/control
cd /srv/packages
dpkg-deb -Znone --build /tmp/package rabbitmq-server.deb >/dev/null
dpkg-deb --field rabbitmq-server.deb >Packages
printf 'Filename: ./rabbitmq-server.deb\nSize: %s\nSHA256: %s\n' \
  "$(stat --format %s rabbitmq-server.deb)" "$(sha256sum rabbitmq-server.deb | cut -d' ' -f1)" >>Packages
rm -rf /tmp/package
