# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by the modules that talk to the broker."""

from __future__ import annotations


class ModuleDocFragment:
    """Connection to the management API, the counterpart of ``_args.BROKER_ARGS``."""

    DOCUMENTATION = r"""
options:
  management_url:
    description:
      - Address of RabbitMQ's management API as seen from the host that runs the module.
      - V(http://127.0.0.1:15672) when neither this nor the description of a deployed stack on the host says otherwise.
    type: str
  management_user:
    description:
      - User of the management API.
    type: str
  management_password:
    description:
      - Password of O(management_user).
    type: str
  ca_file:
    description:
      - File with the certificate authorities to trust, in PEM. The system's own when left out.
    type: path
  client_cert:
    description:
      - File with the client's certificate, in PEM, for brokers that ask for one.
    type: path
  client_key:
    description:
      - File with the key of O(client_cert), when it is not in the same file.
    type: path
  validate_certs:
    description:
      - Whether the broker's certificate and name are verified.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that one request may take.
    type: int
    default: 30
"""
