"""A broker in a dictionary, which behaves as RabbitMQ 3.10 and 4.0 were seen to."""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t
from urllib.parse import unquote

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import Denied, NotFound, Refused

KEYS = {
    "vhosts": ("name",),
    "users": ("name",),
    "permissions": ("vhost", "user"),
    "topic_permissions": ("vhost", "user", "exchange"),
    "global_parameters": ("name",),
    "parameters": ("vhost", "component", "name"),
    "policies": ("vhost", "name"),
    "exchanges": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination_type", "destination", "routing_key", "arguments"),
}


def hashed(password: str, algorithm: str = "sha256") -> str:
    """As RabbitMQ stores it."""
    salt = b"salt"
    return base64.b64encode(salt + hashlib.new(algorithm, salt + password.encode()).digest()).decode()


class FakeBroker:
    """The calls of ``_broker.Broker``."""

    def __init__(self, login: str = "admin", version: str = "4.0.5") -> None:
        self.login, self.version = login, version
        self.held: dict[str, dict[tuple[str, ...], dict[str, t.Any]]] = {kind: {} for kind in KEYS}
        self.messages: dict[tuple[str, str], int] = {}
        self.writes: list[str] = []
        self.denied = False
        self.take(
            {
                "vhosts": [{"name": "/"}],
                "users": [{"name": login, "password": "secret", "tags": ["administrator"]}],
                "global_parameters": [{"name": "internal_cluster_id", "value": "x"}],
            }
        )
        self.writes.clear()

    def get(self, *parts: str) -> t.Any:
        if self.denied:
            raise Denied("refused")
        if parts == ("definitions",):
            lists = {kind: [dict(entry) for entry in entries.values()] for kind, entries in self.held.items()}
            if self.version < "3.11":
                lists["vhosts"] = [{"name": entry["name"]} for entry in lists["vhosts"]]
            return json.loads(json.dumps({"rabbitmq_version": self.version, **lists}))
        if parts == ("whoami",):
            return {"name": self.login, "tags": self.held["users"][(self.login,)]["tags"]}
        if parts == ("vhosts",):
            return list(self.held["vhosts"].values())
        assert parts[0] == "bindings", parts
        vhost, _e, source, kind, destination = parts[1:]
        return [
            {**entry, "properties_key": str(number)}
            for number, entry in enumerate(self.held["bindings"].values())
            if (entry["vhost"], entry["source"], entry["destination"], entry["destination_type"][0])
            == (vhost, source, destination, kind)
        ]

    def post(self, *parts: str, body: t.Any) -> None:
        assert parts == ("definitions",)
        self.take(json.loads(json.dumps(body)))

    def put(self, *parts: str, body: t.Any) -> None:
        assert parts[0] == "user-limits"
        self.writes.append("PUT " + "/".join(parts))
        self.held["users"][(parts[1],)]["limits"][parts[2]] = body["value"]

    def call(self, method: str, api_path: str) -> t.Any:
        bare, _, query = api_path.partition("?")
        parts = [unquote(part) for part in bare.split("/")[2:]]
        if method == "GET":
            return [
                {**entry, "messages": self.messages.get(key, 0)}
                for key, entry in self.held["queues"].items()
                if key[0] == parts[1]
            ]
        if query == "if-empty=true" and self.messages.get((parts[1], parts[2])):
            raise Refused("not empty", "not empty")
        return self.delete(*parts)

    def take(self, document: dict[str, list[dict[str, t.Any]]]) -> None:
        """An import."""
        self.writes.append("POST definitions")
        for kind in KEYS:
            for entry in document.get(kind, []):
                self._take(kind, entry)

    def _take(self, kind: str, entry: dict[str, t.Any]) -> None:
        texts = {**entry, "arguments": json.dumps(entry.get("arguments"), sort_keys=True)}
        key = tuple(texts[part] for part in KEYS[kind])
        old = self.held[kind].get(key)
        if "vhost" in entry and (entry["vhost"],) not in self.held["vhosts"]:
            raise Refused("no such virtual host", entry["vhost"])
        if kind.endswith("permissions") and (entry["user"],) not in self.held["users"]:
            raise Refused("no such user", entry["user"])
        if kind in ("queues", "exchanges") and old:
            return
        if kind == "users":
            password = entry.pop("password", None)
            if password is not None or "password_hash" not in entry:
                entry.update(
                    password_hash=hashed(password or "random"), hashing_algorithm="rabbit_password_hashing_sha256"
                )
            entry.setdefault("hashing_algorithm", "rabbit_password_hashing_sha256")
            entry["limits"] = (old or {}).get("limits", {})
            if isinstance(entry.get("tags"), str):
                entry["tags"] = [tag for tag in entry["tags"].split(",") if tag]
        if kind == "vhosts":
            entry = {"metadata": {"description": "", "tags": []}, **(old or {}), **entry}
            if not old:
                grant = {"vhost": entry["name"], "user": self.login, "configure": ".*", "write": ".*", "read": ".*"}
                self.held["permissions"][(entry["name"], self.login)] = grant
        self.held[kind][key] = entry

    def delete(self, *parts: str) -> None:
        self.writes.append("DELETE " + "/".join(parts))
        kind, *rest = parts
        if kind in ("vhost-limits", "operator-policies"):
            self._delete_parameter(kind, rest)
        elif kind == "user-limits":
            del self.held["users"][(rest[0],)]["limits"][rest[1]]
        elif kind == "topic-permissions":
            for key in [key for key in self.held["topic_permissions"] if list(key[:2]) == rest]:
                del self.held["topic_permissions"][key]
        elif kind == "bindings":
            del self.held["bindings"][list(self.held["bindings"])[int(rest[-1])]]
        else:
            order = (rest[1], rest[0], rest[2]) if kind == "parameters" else tuple(rest)
            if self.held[kind.replace("-", "_")].pop(order, None) is None:
                raise NotFound("not found")
            self._cascade(kind, rest)

    def _delete_parameter(self, kind: str, rest: list[str]) -> None:
        vhost, name = rest
        if kind == "operator-policies":
            del self.held["parameters"][(vhost, "operator_policy", name)]
            return
        limits = self.held["parameters"][(vhost, "vhost-limits", "limits")]["value"]
        del limits[name]

    def _cascade(self, kind: str, rest: list[str]) -> None:
        part = {"vhosts": "vhost", "users": "user"}.get(kind)
        for entries in self.held.values():
            for key, entry in list(entries.items()):
                ends = [(entry.get("vhost"), "exchanges", entry.get("source"))]
                ends.append((entry.get("vhost"), str(entry.get("destination_type")) + "s", entry.get("destination")))
                if (part and entry.get(part) == rest[0]) or (not part and (rest[0], kind, rest[-1]) in ends):
                    del entries[key]


@pytest.fixture(scope="session")
def new_broker() -> type[FakeBroker]:
    return FakeBroker


@pytest.fixture(scope="session")
def hash_of() -> t.Callable[..., str]:
    return hashed


def parameters(**given: t.Any) -> dict[str, t.Any]:
    """Module parameters as AnsibleModule hands them over, defaults filled in."""
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
    from ansible_collections.taskstack.celery.plugins.module_utils._broker.arguments import BROKER_ARGS
    from ansible_collections.taskstack.celery.plugins.module_utils._definitions.arguments import DEFINITION_ARGS

    given = {"management_user": "admin", "management_password": "secret", **json.loads(json.dumps(given))}
    result = ArgumentSpecValidator({**DEFINITION_ARGS, **BROKER_ARGS}).validate(given)
    assert result.error_messages == []
    return dict(result.validated_parameters)


@pytest.fixture(scope="session")
def params() -> t.Callable[..., dict[str, t.Any]]:
    return parameters
