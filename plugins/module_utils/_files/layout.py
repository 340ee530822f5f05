# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories and files as they should be, against what is there: one plan for check mode, diff and the real run."""

from __future__ import annotations

import os
import secrets
import typing as t
from dataclasses import dataclass

from .._errors import TaskstackError

# A file of somebody else may be in any encoding: what is not ours in it stays byte for byte.
AS_IT_IS = "surrogateescape"
MARKERS = "# {0}: managed by Ansible (taskstack.celery), block {1}"


@dataclass(frozen=True)
class Node:
    """A directory or a file; ``content`` of a directory is None, as are an owner and a mode that do not matter.

    ``kind`` is the word for what was seen, and ``identity`` tells whether it is still the same when it is changed.
    """

    path: str
    owner: int | None
    group: int | None
    mode: int | None
    content: bytes | None = None
    secret: bool = False
    kind: str = ""
    identity: os.stat_result | None = None

    @property
    def whose(self) -> tuple[int | None, int | None, int | None]:
        """Owner, group and mode."""
        return (self.owner, self.group, self.mode)


@dataclass(frozen=True)
class Change:
    """What is there (None: nothing) and what takes its place (None: nothing)."""

    seen: Node | None
    wanted: Node | None

    @property
    def path(self) -> str:
        """Where it happens."""
        return (self.wanted or self.seen or Node("", 0, 0, 0)).path


def block(content: str, name: str, text: str) -> str:
    """``content`` with the lines between our two markers replaced by ``text``, or with both put at its end."""
    begin, end = (MARKERS.format(word, name) + "\n" for word in ("BEGIN", "END"))
    managed = f"{begin}{text.rstrip()}\n{end}" if text else ""
    head, found, rest = content.partition(begin)
    if found:
        return head + managed + rest.partition(end)[2]
    return content + ("\n" if managed and content and not content.endswith("\n") else "") + managed


def entries(params: t.Mapping[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """The module's parameters as one entry for each path, directories first."""
    for item in params["directories"]:
        for path in item["paths"]:
            yield {**item, "path": path}
    for kind in ("files", "private_files"):
        for item in params[kind]:
            yield {**item, "path": os.path.join(params["base"], item["path"]), "secret": kind == "private_files"}


def node(item: dict[str, t.Any], seen: Node | None, owner: int, group: int) -> Node:
    """What one entry of the module's parameters asks for, given what is there."""
    if item.get("keep") and seen:
        return Node(item["path"], None, None, None)
    mode = int(item["mode"], 8)
    if "keep" in item:
        return Node(item["path"], owner, group, mode)
    old = seen.content.decode("utf-8", AS_IT_IS) if seen and seen.content is not None else ""
    if item["block"] is not None:
        text = block(old, item["marker"], item["block"])
        return Node(item["path"], None, None, None, text.encode("utf-8", AS_IT_IS), item["secret"])
    content = item["content"]
    if content is None:
        content = old or secrets.token_hex(item["random"]) + "\n"
    return Node(item["path"], owner, group, mode, content.encode("utf-8", AS_IT_IS), item["secret"])


def plan(wanted: t.Iterable[Node], seen: t.Mapping[str, Node]) -> list[Change]:
    """What differs, in the order asked for. Two kinds of thing at one path are for a person to sort out."""
    changes = []
    for node in wanted:
        old = seen.get(node.path)
        if old and _kind(old) != _kind(node):
            raise TaskstackError(
                f"{node.path} should be a {_kind(node)}, but a {_kind(old)} is there. Move it away and run this again."
            )
        if old is None or _differs(old, node):
            changes.append(Change(old, node))
    return changes


def _kind(node: Node) -> str:
    return node.kind or ("directory" if node.content is None else "file")


def _differs(old: Node, new: Node) -> bool:
    pairs = zip(old.whose, new.whose)
    return old.content != new.content or any(want is not None and have != want for have, want in pairs)


def describe(node: Node | None, text: str) -> str:
    """A node as the lines of a diff; ``text`` is what may be told of its content."""
    if node is None:
        return ""
    parts = [f"{name} {value}" for name, value in (("owner", node.owner), ("group", node.group)) if value is not None]
    if node.mode is not None:
        parts.append(f"mode {node.mode:04o}")
    return f"{_kind(node)} {', '.join(parts)}\n{text}"


def difference(change: Change) -> dict[str, str]:
    """One change in the form that Ansible shows with ``--diff``."""
    texts = [(node.content or b"").decode(errors="replace") if node else "" for node in (change.seen, change.wanted)]
    if change.wanted is None:
        # What goes is not shown: it may be a file of passwords.
        texts = ["", ""]
    if change.wanted and change.wanted.secret:
        texts = ["(secret)\n", "(secret)\n" if texts[0] == texts[1] else "(secret, and another one)\n"]
    before, after = describe(change.seen, texts[0]), describe(change.wanted, texts[1])
    return {"before_header": change.path, "after_header": change.path, "before": before, "after": after}
