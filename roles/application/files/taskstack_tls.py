# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies the certificate of the stack's broker and the name in it, whichever library for AMQP is installed.

Left alone, amqp 2 (Celery 4) verifies nothing, and amqp 5 everything but the name. TASKSTACK_TLS_NAMES has the hosts
of the broker with the names that their certificates must have, ``127.0.0.1=mq1 mq2=mq2``; TASKSTACK_TLS_CA is the
file of the authorities, without which the system's are trusted. Connections to other hosts are none of its business.

Imported by ``tls/sitecustomize.py`` in all that the launcher runs. For Python 2.7 and amqp 2.0 or later.
"""

from __future__ import absolute_import, unicode_literals

import importlib
import os
import sys

#: The module that wraps the sockets. It is not imported here: gevent and eventlet want to be first.
MODULE = str("amqp.transport")


def names(text):
    """The name to verify for each host that is connected to."""
    found = dict(pair.split("=", 1) for pair in text.split())
    # Which kombu connects to by this address.
    return dict(found, **{"127.0.0.1": found["localhost"]}) if "localhost" in found else found


def verify(transport, expected, authorities):
    """Let the transport module accept no connection to one of these hosts that is not verified."""
    wrap = transport.SSLTransport._wrap_socket

    def _wrap_socket(self, sock, context=None, **options):
        if self.host not in expected:
            return wrap(self, sock, context=context, **options)
        import ssl

        trusted = ssl.create_default_context(cafile=authorities)
        # Python 3.13 would refuse the many authorities of houses that leave out an extension.
        trusted.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        if options.get("certfile"):
            trusted.load_cert_chain(options["certfile"], options.get("keyfile"))
        return trusted.wrap_socket(sock, server_hostname=expected[self.host], do_handshake_on_connect=False)

    transport.SSLTransport._wrap_socket = _wrap_socket


class Importer(object):
    """Changes the module at the moment in which somebody imports it."""

    def __init__(self, change):
        """``change`` gets the module."""
        self.change = change

    def find_spec(self, name, path=None, target=None):
        """For Python 3."""
        if name != MODULE:
            return None
        from importlib.util import find_spec  # novm: only Python 3 calls this

        sys.meta_path.remove(self)
        spec = find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            self.change(module)

        spec.loader.exec_module = exec_module
        return spec

    def find_module(self, name, path=None):
        """For Python 2."""
        return self if name == MODULE else None

    def load_module(self, name):
        """For Python 2."""
        sys.meta_path.remove(self)
        module = importlib.import_module(name)
        self.change(module)
        return module


def install(environment):
    """Do what the environment says."""
    expected = names(environment["TASKSTACK_TLS_NAMES"])

    def change(module):
        verify(module, expected, environment.get("TASKSTACK_TLS_CA") or None)

    if MODULE in sys.modules:
        change(sys.modules[MODULE])
    else:
        sys.meta_path.insert(0, Importer(change))


if os.environ.get("TASKSTACK_TLS_NAMES"):
    install(os.environ)
