"""No password of this deployment is where somebody without business could read it; the real values are searched for."""

from __future__ import annotations

import typing as t

testinfra_hosts = ["docker://ts-default-stack"]


def assert_none(stack: t.Any, text: str, where: str) -> None:
    leaked = [name for name, value in stack.secrets().items() if value in text]
    assert leaked == [], f"{leaked} can be read in {where}"


def test_no_secret_is_in_the_arguments_or_in_what_others_see_of_the_environment(stack: t.Any) -> None:
    assert_none(stack, stack.host.check_output("ps axww -o args"), "the arguments of processes")
    others = stack.host.check_output("setpriv --reuid=nobody --clear-groups ps axeww")
    assert "celery" in others
    assert_none(stack, others, "`ps e` of another user")


def test_no_secret_is_in_a_file_that_another_user_can_read(stack: t.Any) -> None:
    values = "\n".join(stack.secrets().values()) + "\n"
    as_nobody = "printf %%s %s | setpriv --reuid=nobody --clear-groups grep -rlsF -f - "
    found = stack.host.run(as_nobody + "/etc /opt /usr/local /var /run /tmp /home /root", values)
    assert found.stdout == ""
    # The same search finds them as root: it can see.
    assert "/etc/taskstack/sample.env" in stack.host.run("printf %%s %s | grep -rlsF -f - /etc", values).stdout


def test_no_secret_is_in_a_supervisors_file(stack: t.Any) -> None:
    assert_none(stack, stack.host.check_output("cat /etc/supervisor/conf.d/*"), "supervisord's files")


def test_no_secret_is_in_logs(stack: t.Any) -> None:
    assert_none(stack, stack.host.check_output("cat /var/log/taskstack/sample/*.log"), "the logs")


def test_no_secret_is_in_ansibles_output_at_its_most_talkative(stack: t.Any, tmp_path: t.Any) -> None:
    # Everything that holds a secret changes: passwords, environment, settings, the application's own files.
    new = {"taskstack_environment": {"SMTP_PASSWORD": "Tr0ub4dor-and-3"}, "flower_user": "somebody"}
    done = stack.play("-vvv", "--diff", "--check", **new)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "sample.env" in done.stdout
    assert_none(stack, done.stdout + done.stderr, "the output of -vvv --diff")
    assert "Tr0ub4dor-and-3" not in done.stdout.replace('"SMTP_PASSWORD": "Tr0ub4dor-and-3"', "")
