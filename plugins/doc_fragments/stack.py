# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by the modules that operate a stack."""

from __future__ import annotations


class ModuleDocFragment:
    """Which stack is meant, the counterpart of ``_target.STACK_ARGS``."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of the stack, C(taskstack_name) of its deployment.
      - Needed only on a host that several stacks share.
      - What other options leave out is read from C(/etc/taskstack/NAME.json), which the deployment wrote.
    type: str
  management_url:
    description:
      - Address of RabbitMQ's management API as seen from the host that runs the module.
      - Left out, it is the deployment's, else C(http://127.0.0.1:15672).
    type: str
  vhost:
    description:
      - Virtual host of the application.
      - Left out, it is the deployment's, else C(/).
    type: str
  control_exchange:
    description:
      - Celery's setting C(control_exchange) in the application.
      - Left out, it is the deployment's, else C(celery).
    type: str
  control_serializer:
    description:
      - How commands to the workers are written.
      - V(auto), which is meant when this is left out, writes JSON, and tries the other serializers when no worker
        has answered for a while. Each attempt that a worker does not accept is a line in its log, so name the
        serializer of an application whose C(accept_content) lacks C(json).
      - Answers are read when they are JSON. Answers in any other serializer are counted but never decoded.
    type: str
    choices: [auto, json, pickle, yaml, msgpack]
  deadline:
    description:
      - Seconds to wait for workers that do not answer.
      - The module is done as soon as all workers have answered.
    type: float
    default: 3.0
"""
