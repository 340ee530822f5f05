#!/usr/bin/env bash
# The same stack with nothing but the commands that a person would type, one after another, on an empty Debian 12.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
broker=bare-broker-1 monitor=bare-monitor-1 admin=bare-admin-1 flower=bare-flower-1

apt-get install -y -q --no-install-recommends rabbitmq-server supervisor python3-venv logrotate
printf 'management.tcp.ip = 127.0.0.1\nconsumer_timeout = 86400000\n' >/etc/rabbitmq/rabbitmq.conf
rabbitmq-plugins enable --offline rabbitmq_management
service rabbitmq-server start || true
rabbitmqctl await_startup --timeout 60
rabbitmqctl add_vhost sample
rabbitmqctl add_user sample "$broker"
rabbitmqctl set_permissions --vhost sample sample '.*' '.*' '.*'
rabbitmqctl add_user sample-monitor "$monitor"
rabbitmqctl set_user_tags sample-monitor monitoring
rabbitmqctl set_permissions --vhost sample sample-monitor '^$' '^$' '.*'
rabbitmqctl add_user admin "$admin"
rabbitmqctl set_user_tags admin administrator
rabbitmqctl delete_user guest

useradd --system --create-home --home-dir /var/lib/sample --shell /usr/sbin/nologin sample
mkdir -p /opt/sample /opt/flower /var/log/sample
cp -r /tmp/sample_app /opt/sample/
chown sample: /opt/sample /var/log/sample
python3 -m venv /opt/sample/venv
/opt/sample/venv/bin/pip install -q celery==5.7.0
python3 -m venv /opt/flower
/opt/flower/bin/pip install -q celery==5.7.0 flower==2.2.0

cat >/etc/sample.env <<END
export CELERY_BROKER_URL='amqp://sample:$broker@127.0.0.1/sample'
export FLOWER_BASIC_AUTH='admin:$flower'
export FLOWER_BROKER_API='http://sample-monitor:$monitor@127.0.0.1:15672/api/'
END
chown root:sample /etc/sample.env
chmod 640 /etc/sample.env
printf '#!/bin/sh\n. /etc/sample.env\ncd /opt/sample\nexec "$@"\n' >/usr/local/bin/run-sample
chmod 755 /usr/local/bin/run-sample
printf '/var/log/sample/*.log {\n daily\n rotate 14\n missingok\n copytruncate\n}\n' >/etc/logrotate.d/sample

program() {
  printf '[program:sample-%s]\ncommand=/usr/local/bin/run-sample %s\nuser=sample\nstopwaitsecs=600\nkillasgroup=true\n' "$1" "$2"
  printf 'redirect_stderr=true\nstdout_logfile=/var/log/sample/%s.log\n' "$1"
}
celery='/opt/sample/venv/bin/celery -A sample_app'
{
  program quick "$celery worker -n quick@%%h -Q celery -c 2 -E -l INFO"
  program slow "$celery worker -n slow@%%h -Q slow -c 1 -E -l INFO"
  program beat "$celery beat --pidfile= --schedule=/var/lib/sample/beat -l INFO"
  program flower "/opt/flower/bin/celery flower --address=127.0.0.1 --persistent=True --db=/var/lib/sample/flower.db"
} >/etc/supervisor/conf.d/sample.conf
supervisord -c /etc/supervisor/supervisord.conf
