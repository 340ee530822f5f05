"""A broker that knows nobody yet, or not the right password: its administrator is made on its own host."""

from __future__ import annotations

import json
import os
import pathlib
import pwd

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import Denied
from ansible_collections.taskstack.celery.plugins.module_utils._cluster import administrator
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.modules.rabbitmq_definitions import run_here

ME = pwd.getpwuid(os.geteuid()).pw_name
SHOP = {"vhosts": [{"name": "shop"}], "management_user": "admin", "management_password": "pa55"}


class Tools:
    """The command line tools beside a broker; what they are given is gone afterwards."""

    def __init__(self, broker, code=0):
        self.broker, self.code, self.seen = broker, code, []

    def make(self, user, password):
        self.seen.append((user, password))
        self.broker.denied = False
        self.broker.held["users"][(user,)]["tags"] = ["administrator"]

    def __call__(self, command):
        self.seen = [command, os.stat(command[-1]).st_mode & 0o777, json.loads(pathlib.Path(command[-1]).read_text())]
        return self.code, "", "no such node"


@pytest.mark.parametrize("state", ["refuses the login", "takes it for somebody else"])
def test_a_missing_administrator_is_made_first_and_only_once(new_broker, params, state):
    broker = new_broker()
    broker.denied = state == "refuses the login"
    broker.held["users"][("admin",)]["tags"] = []
    tools = Tools(broker)
    wanted = params(**SHOP, local_administrator=True)
    predicted = run_here(wanted, broker, True, tools.make)
    assert predicted["changed"] and not tools.seen and not broker.writes
    result = run_here(wanted, broker, False, tools.make)
    assert [(change["kind"], change["name"]) for change in result["changes"]] == [
        ("users", "admin"),
        ("vhosts", "shop"),
    ]
    assert tools.seen == [("admin", "pa55")]
    assert not run_here(wanted, broker, False, tools.make)["changed"]
    assert len(tools.seen) == 1


def test_without_the_option_a_refused_login_is_a_failure(new_broker, params):
    broker = new_broker()
    broker.denied = True
    with pytest.raises(Denied):
        run_here(params(**SHOP, local_administrator=False), broker, False, Tools(broker).make)


def test_the_password_is_in_a_file_of_the_brokers_own_for_a_moment_and_in_no_argument(tmp_path):
    tools = Tools(None)
    administrator.make(tools, "admin", "pa55", ME, str(tmp_path))
    command, mode, definition = tools.seen
    assert mode == 0o600 and definition["users"] == [{"name": "admin", "password": "pa55", "tags": "administrator"}]
    assert "pa55" not in " ".join(command)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_told_in_the_brokers_words_and_the_file_goes_too(tmp_path):
    with pytest.raises(TaskstackError, match=r"administrator admin \(70: no such node\)\. Does it run here\?"):
        administrator.make(Tools(None, code=70), "admin", "pa55", ME, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
