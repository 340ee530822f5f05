"""What keeps the collection in one piece: cheap to check, dear to find out later."""

from __future__ import annotations

import ast
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
ROLES = sorted(folder for folder in (ROOT / "roles").glob("*") if folder.is_dir())
MODULES = sorted(file for file in (ROOT / "plugins" / "modules").glob("*.py") if file.stem != "__init__")
# Variables of the whole stack, which several roles read; what they are is in docs/contracts.md.
STACK_WIDE = "taskstack_"

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)


def load(file: pathlib.Path) -> dict:
    """The content of a YAML file, empty when there is none."""
    return (yaml.safe_load(file.read_text()) or {}) if file.exists() else {}


def options(role: pathlib.Path) -> dict:
    """All options of the role's entry point main."""
    return load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"].get("options", {})


def documentation(module: pathlib.Path) -> dict[str, str]:
    """The documentation strings at the top of a module, by name."""
    strings = {}
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            strings[getattr(node.targets[0], "id", "")] = node.value.value
    return strings


@each_role
def test_defaults_are_the_options_that_are_not_required(role: pathlib.Path) -> None:
    optional = {name for name, option in options(role).items() if not option.get("required") and "default" in option}
    defaults = load(role / "defaults" / "main.yml")
    assert set(defaults) == optional
    # A default that is computed is described in words instead of being repeated.
    plain = {name: value for name, value in defaults.items() if not (isinstance(value, str) and "{{" in value)}
    assert plain == {name: options(role)[name]["default"] for name in plain}


@each_role
def test_every_option_has_a_description_and_a_type(role: pathlib.Path) -> None:
    poor = [name for name, option in options(role).items() if not option.get("description") or not option.get("type")]
    assert poor == []


@each_role
def test_variables_carry_the_name_of_their_role(role: pathlib.Path) -> None:
    own = role.name.strip("_") + "_"
    strange = [name for name in options(role) if not name.startswith((own, STACK_WIDE))]
    assert strange == []


@each_role
def test_secrets_are_required_and_marked(role: pathlib.Path) -> None:
    for name, option in options(role).items():
        if re.search(r"(password|secret|erlang_cookie)$", name):
            assert option.get("no_log"), f"{name} may end up in a log"
            assert "default" not in option, f"{name} has a default, which everybody then has"


@each_role
def test_every_role_has_a_readme_and_metadata(role: pathlib.Path) -> None:
    assert (role / "README.md").stat().st_size > 200
    assert (role / "meta" / "main.yml").exists()


@each_role
def test_every_task_file_is_used(role: pathlib.Path) -> None:
    files = {file.relative_to(role / "tasks").as_posix() for file in (role / "tasks").rglob("*.yml")}
    text = "".join(file.read_text() for file in ROOT.glob("[rp]*/**/*.yml") if file.is_file())
    text = re.sub(r"(tasks_from: \w+)(?=\}|, |$)", r"\1.yml", text, flags=re.MULTILINE)
    by_choice = {f"{choice}.yml" for choice in computed(role)}
    assert {file for file in files - by_choice - {"main.yml"} if file not in text} == set()


def computed(role: pathlib.Path) -> set[str]:
    """The choices of options, where main.yml computes the file to include from one of them."""
    main = (role / "tasks" / "main.yml").read_text()
    if not re.search(r"(include|import)_tasks: .*\{\{", main):
        return set()
    return {str(choice) for option in options(role).values() for choice in option.get("choices", [])}


@each_module
def test_every_module_is_documented_with_attributes_return_and_example(module: pathlib.Path) -> None:
    strings = documentation(module)
    attributes = yaml.safe_load(strings["DOCUMENTATION"])["attributes"]
    assert {"check_mode", "diff_mode", "platform"} <= set(attributes)
    assert yaml.safe_load(strings["RETURN"])
    for example in yaml.safe_load(strings["EXAMPLES"]):
        assert any(key.startswith("taskstack.celery.") for key in example), f"no full name in {example['name']}"


@each_module
def test_a_module_is_thin(module: pathlib.Path) -> None:
    """Thinking belongs into module_utils, where it can be tested without Ansible."""
    top = ast.parse(module.read_text()).body
    docs = ("DOCUMENTATION", "EXAMPLES", "RETURN")
    last = max(n.end_lineno or 0 for n in top if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") in docs)
    code = [line for line in module.read_text().splitlines()[last:] if line.strip()]
    assert len(code) <= 90


def test_nothing_names_the_place_where_it_was_built() -> None:
    """A path or proxy of one machine in the tree works only there."""
    suspicious = re.compile("/wo" + "rk/|/ro" + "ot/h/|bash" + "_jobs")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
    files = [ROOT / name for name in listed.stdout.decode().splitlines()]
    assert [file for file in files if file.is_file() and suspicious.search(file.read_text(errors="ignore"))] == []


@each_role
def test_no_result_takes_the_name_of_a_variable_of_its_role(role: pathlib.Path) -> None:
    """A result outranks the variable: the second time the role runs for a host, it would read the result instead."""
    variables = set(load(role / "vars" / "main.yml")) | set(load(role / "defaults" / "main.yml"))
    text = "".join(file.read_text() for file in (role / "tasks").rglob("*.yml"))
    assert variables & set(re.findall(r"register: (\w+)", text)) == set()
