#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: keep exactly these programs of one application running."""

from __future__ import annotations

DOCUMENTATION = r"""
module: processes
short_description: Keep exactly these programs of one application running
version_added: 1.0.0
description:
  - Is given all programs of one application and of some kinds on this host, and makes it so, by supervisord or systemd.
  - Starts what is new. Restarts only what changed, one after another, and lets each finish what it is doing first,
    for up to its C(stop_timeout). Stops and removes what is no longer listed. Leaves everything alone that is not of
    this application and these kinds.
  - Asks the other supervisor of the host too. What it runs of them, in files with our first line,
    is stopped and removed there, each program just before it starts here. Nothing runs twice after a change of
    O(supervisor).
  - Watches that each program that it started stays up, all at once, and fails with the end of the log of each that
    does not, while the others run.
  - A program does not have to be Celery. Module M(taskstack.celery.host_plan) makes definitions of workers, beat and
    Flower.
author:
  - the taskstack.celery authors (@taskstack)
requirements:
  - supervisord 4 or systemd 246 or later, on the managed host
  - root, on the managed host
options:
  application:
    description:
      - Name of the application that the programs belong to.
    type: str
    required: true
  kinds:
    description:
      - Which of the application's programs the list is about, so that several tasks can each own some of them.
    type: list
    elements: str
    default: [worker]
  processes:
    description:
      - All programs of this application and these kinds on this host. An empty list stops and removes them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the program in supervisord, or of the unit in systemd.
          - Letters, digits, C(_), C(-) and C(.), beginning with a letter or digit.
        type: str
        required: true
      kind:
        description:
          - One of O(kinds); that one when there is one only.
        type: str
      argv:
        description:
          - The program, by its absolute path, and its arguments. It has to stay in the foreground.
          - Everyone on the host can read this, so it must hold nothing secret.
        type: list
        elements: str
        required: true
      directory:
        description:
          - The directory in which the program is started.
        type: path
        default: /
      user:
        description:
          - The account that runs the program.
        type: str
        required: true
      group:
        description:
          - The group of the program under systemd, the account's own when left out.
          - Under supervisord it is always the account's own.
        type: str
      environment:
        description:
          - Further environment variables. Everyone on the host can read them, so they must not be secret.
        type: dict
        default: {}
      log:
        description:
          - The file to which the output of the program is appended. Its directory has to exist.
          - Rotating it is another's affair, by copying and truncating.
        type: path
        required: true
      stop_signal:
        description:
          - The signal that asks the program to end.
        type: str
        default: TERM
        choices: [TERM, INT, QUIT, HUP, USR1, USR2]
      stop_timeout:
        description:
          - Seconds that the program may take to end before it is killed.
        type: int
        default: 10
      state:
        description:
          - V(started) is running and starts at boot. V(stopped) is neither, and is still known to the supervisor.
        type: str
        choices: [started, stopped]
        default: started
      restart_on:
        description:
          - Files that the program reads when it starts. When the content of one changes, the program is restarted.
        type: list
        elements: path
        default: []
      ready:
        description:
          - Regular expression for what the program writes to its log once it works. The watch ends there, and the
            restart of the next program waits for it.
        type: str
      steady_seconds:
        description:
          - Seconds that the program has to stay up after its log has matched O(processes[].ready), for one that says so
            too early.
        type: int
        default: 0
      broken:
        description:
          - Regular expression for what the program writes to its log when it stays up but does not work.
        type: str
      memory_max:
        description:
          - With systemd, memory in bytes above which the program is killed, such as V(2G).
          - supervisord has no such limit.
        type: str
      write_paths:
        description:
          - With systemd, the directories below which the program may write; all others but the temporary ones are
            read-only for it then.
          - When left out, only the operating system and F(/etc) are read-only.
        type: list
        elements: path
  supervisor:
    description:
      - What keeps the programs running.
    type: str
    choices: [supervisord, systemd]
    default: supervisord
  socket:
    description:
      - The unix socket of supervisord.
    type: path
    default: /var/run/supervisor.sock
  config_directory:
    description:
      - The directory of the programs' files. When left out, F(/etc/supervisor/conf.d) for supervisord and
        F(/etc/systemd/system) for systemd.
    type: path
  config_suffix:
    description:
      - What the names of supervisord's files end with, as its own configuration includes them.
    type: str
    default: .conf
  watch_seconds:
    description:
      - Seconds for which a program that was started has to stay up, unless its C(ready) shows earlier.
    type: int
    default: 10
  changing:
    description:
      - Files of C(restart_on) that earlier tasks of the same play would have changed, so that check mode can tell which
        programs a real run would restart. It has no meaning in a real run.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    description: Tells what a real run would do, and changes nothing.
  diff_mode:
    support: full
    description: Shows the file of each program that changes, and its state.
  platform:
    platforms: posix
    support: full
    description: Hosts on which supervisord or systemd keeps programs running.
"""

EXAMPLES = r"""
- name: Keep a program running that is not Celery
  taskstack.celery.processes:
    application: tiles
    kinds: [server]
    processes:
      - name: tiles-server
        argv: [/usr/bin/python3, -m, http.server, "8099", --bind, 127.0.0.1]
        directory: /srv
        user: www-data
        log: /var/log/tiles-server.log

- name: Stop and remove it
  taskstack.celery.processes:
    application: tiles
    kinds: [server]
    processes: []
"""

RETURN = r"""
started:
  description: Programs that were started because they were new, or did not run.
  returned: success
  type: list
  elements: str
  sample: [catmaid-stats]
restarted:
  description: Programs that were restarted because something of them had changed.
  returned: success
  type: list
  elements: str
  sample: [catmaid-crop]
stopped:
  description: Programs that were stopped because they are listed with C(state=stopped).
  returned: success
  type: list
  elements: str
  sample: []
updated:
  description: Programs of which only the file changed.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: Programs that were stopped and removed because they are no longer listed.
  returned: success
  type: list
  elements: str
  sample: [catmaid-old]
moved:
  description: Listed programs that the other supervisor of this host had, and has no longer.
  returned: success
  type: list
  elements: str
  sample: []
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._files.read import Digests
from ansible_collections.taskstack.celery.plugins.module_utils._supervision.run import ARGS, run
from ansible_collections.taskstack.celery.plugins.module_utils._supervision.supervisors import chosen


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGS, supports_check_mode=True)
    params = module.params
    digests = Digests(params["changing"], module.check_mode)
    try:
        module.exit_json(**run(params, chosen(params, module.check_mode), digests, time, module.check_mode))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()
