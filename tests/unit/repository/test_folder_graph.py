"""Imports between the folders of the plugins point one way: a folder never needs what needs it."""

from __future__ import annotations

import ast
import collections
import pathlib
import typing as t

ROOT = pathlib.Path(__file__).parents[3] / "plugins"
PREFIX = "ansible_collections.taskstack.celery.plugins."
Graph = dict[str, set[str]]


def imported(path: pathlib.Path) -> t.Iterator[str]:
    """The modules of the collection that a file imports, dotted from plugins/ on."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = [*path.relative_to(ROOT).parts[: -node.level], *(node.module.split(".") if node.module else [])]
        elif node.module and f"{node.module}.".startswith(PREFIX):
            base = node.module[len(PREFIX) :].split(".")
        else:
            continue
        for alias in node.names:
            yield ".".join([*base, alias.name])


def module(dotted: str) -> str:
    """The file that holds a name: the name may be a module or something in one."""
    path = ROOT.joinpath(*dotted.split("."))
    return dotted if path.with_suffix(".py").exists() else dotted.rpartition(".")[0]


def folder(dotted: str) -> str:
    return dotted.rpartition(".")[0]


def graph(of: t.Callable[[str], str]) -> Graph:
    edges: Graph = collections.defaultdict(set)
    for path in ROOT.rglob("*.py"):
        me = of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        edges[me] |= {of(module(name)) for name in imported(path)} - {me}
    return edges


def circle(edges: Graph) -> list[str]:
    """Nodes that are on a circle or behind one; none if every arrow points one way."""
    left = {node: set(needs) for node, needs in edges.items()}
    while free := [node for node, needs in left.items() if not needs & left.keys()]:
        for node in free:
            del left[node]
    return sorted(left)


def test_no_folder_needs_a_folder_that_needs_it() -> None:
    assert circle(graph(folder)) == []


def test_no_file_needs_a_file_that_needs_it() -> None:
    assert circle(graph(lambda dotted: dotted)) == []


def test_what_runs_on_managed_hosts_needs_nothing_of_the_controller() -> None:
    for path in (ROOT / "module_utils").rglob("*.py"):
        assert [name for name in imported(path) if not name.startswith("module_utils.")] == [], path


def test_every_file_on_the_managed_hosts_serves_a_module_or_a_worker() -> None:
    """What only filters need belongs in plugin_utils."""
    files = graph(lambda dotted: dotted)
    reached = {name for name in files if name.startswith("modules.")}
    while more := {need for name in reached for need in files[name]} - reached:
        reached |= more
    utils = {name for name in files if name.startswith("module_utils.")}
    # Role application installs this package for workers, which load these files of it.
    loaded = {f"module_utils._recorder.{name}" for name in ("__init__", "inspect", "publisher", "recorder", "records")}
    assert utils - reached == loaded
