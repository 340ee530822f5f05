"""What files say of themselves is true: that they are pure, or the only ones that speak to somebody."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

PLUGINS = pathlib.Path(__file__).parents[3] / "plugins"
FILES = {path.relative_to(PLUGINS).as_posix(): path.read_text() for path in PLUGINS.rglob("*.py")}
# What depends on more than its arguments, or does more than return a value.
WORLD = {
    *("subprocess", "socket", "shutil", "pathlib", "glob", "tempfile", "logging", "threading", "http", "xmlrpc"),
    *("os.environ", "os.getcwd", "os.stat", "os.listdir", "os.open", "os.unlink", "os.path.exists", "os.path.isdir"),
    *("os.path.isfile", "os.path.islink", "os.path.lexists", "os.getpid", "os.kill", "urllib.request", "open", "print"),
    *(
        "time.time",
        "time.sleep",
        "time.monotonic",
        "datetime.datetime.now",
        "datetime.now",
        "random.random",
        "uuid.uuid4",
    ),
}


def claims(text: str, words: str) -> bool:
    docstring = ast.get_docstring(ast.parse(text)) or ""
    return re.search(words, docstring) is not None


def used(text: str) -> set[str]:
    """The dotted names that a file imports, reads or calls."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, (ast.Attribute, ast.Name)):
            found.add(ast.unparse(node))
    return found


PURE = sorted(path for path, text in FILES.items() if claims(text, r"\b[Pp]ure\b"))


@pytest.mark.parametrize("path", PURE)
def test_a_file_that_says_that_it_is_pure_asks_and_changes_nothing(path: str) -> None:
    assert used(FILES[path]) & WORLD == set()


@pytest.mark.parametrize(
    ("path", "trace"),
    [
        ("module_utils/_supervision/systemd.py", r'"systemctl"'),
        ("module_utils/_supervision/supervisord_rpc.py", r"xmlrpc\.client\.ServerProxy"),
        ("module_utils/_broker/client.py", r"http\.client\.HTTPS?Connection\("),
    ],
)
def test_what_has_one_door_is_entered_through_it_alone(path: str, trace: str) -> None:
    documented = re.compile(r'"""(?:.|\n)*?"""')
    assert re.search(trace, FILES[path])
    assert [other for other, text in FILES.items() if re.search(trace, documented.sub("", text))] == [path]
