# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that speaks HTTP to RabbitMQ's management API. Standard library only: it runs on the managed hosts."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import typing as t
from urllib.parse import quote, urlsplit

from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError


class BrokerError(TaskstackError):
    """The management API did not do what it was asked."""


class Unreachable(BrokerError):
    """Nothing answered: no port, no name, no trust, or no reply in time."""


class Denied(BrokerError):
    """The broker answered 401 or 403."""


class NotFound(BrokerError):
    """The broker answered 404."""


class Refused(BrokerError):
    """The broker answered any other error; ``reason`` holds its own words."""

    def __init__(self, message: str, reason: str) -> None:
        """Keep the broker's words apart from our sentence."""
        super().__init__(message)
        self.reason = reason


def path(*parts: str) -> str:
    """An API path of already separate parts, each quoted: ``path("queues", "a/b c")`` is ``/api/queues/a%2Fb%20c``."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


class Broker:
    """One keep-alive connection to the management API.

    ``params`` are the module parameters of the ``broker`` documentation fragment.
    """

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        """Prepare; nothing is sent before the first call."""
        self.url = params["management_url"].rstrip("/")
        self.user = params["management_user"]
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BrokerError(f"management_url must look like http://host:15672, not {self.url!r}.")
        self._prefix = parts.path
        login = f"{self.user}:{params['management_password']}".encode()
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(login).decode(),
            "Content-Type": "application/json",
        }
        port = parts.port or (15671 if parts.scheme == "https" else 15672)
        if parts.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, port, timeout=params["timeout"], context=_tls(params)
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, port, timeout=params["timeout"])

    def get(self, *parts: str) -> t.Any:
        """The decoded answer to GET."""
        return self.call("GET", path(*parts))

    def put(self, *parts: str, body: t.Any) -> t.Any:
        """Create or replace."""
        return self.call("PUT", path(*parts), body)

    def post(self, *parts: str, body: t.Any) -> t.Any:
        """Do something that is neither creation nor removal."""
        return self.call("POST", path(*parts), body)

    def delete(self, *parts: str) -> t.Any:
        """Remove."""
        return self.call("DELETE", path(*parts))

    def call(self, method: str, api_path: str, body: t.Any = None) -> t.Any:
        """One request; ``api_path`` is quoted already and may carry a query."""
        payload = None if body is None else json.dumps(body)
        # The server closes idle keep-alive connections, which shows only at the next use: once more, on a fresh one.
        for last_chance in (False, True):
            try:
                self._connection.request(method, self._prefix + api_path, payload, self._headers)
                response = self._connection.getresponse()
                content = response.read()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as exc:
                self._connection.close()
                if last_chance:
                    raise self._unreachable(exc) from exc
            except (OSError, http.client.HTTPException) as exc:
                self._connection.close()
                raise self._unreachable(exc) from exc
        if response.status >= 400:
            raise self._error(method, api_path, response.status, content)
        return json.loads(content) if content else None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _unreachable(self, exc: Exception) -> Unreachable:
        reason = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        if isinstance(exc, ssl.SSLCertVerificationError):
            cure = "Give the broker's certificate authority as ca_file, and the certificate's name in management_url."
        else:
            cure = "Is RabbitMQ running, rabbitmq_management enabled and the port open from this host?"
        return Unreachable(f"No answer from {self.url} ({reason}). {cure}")

    def _error(self, method: str, api_path: str, status: int, content: bytes) -> BrokerError:
        try:
            answer = json.loads(content)
            reason = str(answer.get("reason") or answer.get("error") or answer)
        except (ValueError, AttributeError):
            reason = content.decode("utf-8", "replace")[:300]
        if status in (401, 403):
            return Denied(
                f"{self.url} refused user {self.user!r} ({status}: {reason}). "
                "Check the password, and that the user has a management tag and rights on the virtual host."
            )
        text = f"{method} {self.url}{api_path} was answered with {status}: {reason}."
        return NotFound(text) if status == 404 else Refused(text, reason)


def _tls(params: t.Mapping[str, t.Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=params["ca_file"])
    if not params["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if params["client_cert"]:
        context.load_cert_chain(params["client_cert"], params["client_key"])
    return context
