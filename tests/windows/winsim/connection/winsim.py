"""Connection plugin: instead of a Windows machine, a small fake of one.

The real action plugins of ansible.windows and community.windows run. What Ansible would send over WinRM is decoded
here, checked against the modules' own documentation and the rules in their scripts, and carried out by windows_host.py:
in a directory of this machine, or in a container with Wine.
"""

from __future__ import annotations

DOCUMENTATION = """
name: winsim
short_description: A fake Windows host, for tests
description: Decodes the exec manifest of ansible-core and carries it out on a directory.
author: The taskstack.celery authors
options:
  prefix:
    description: Directory with the fake host's drives.
    vars: [{name: winsim_prefix}]
    required: true
  container:
    description: Container that holds the directory and Wine; this machine when left out.
    vars: [{name: winsim_container}]
  specs:
    description: File with the output of C(ansible-doc --json) for the modules in use.
    env: [{name: WINSIM_SPECS}]
    required: true
"""

import base64
import json
import pathlib
import subprocess

import scheduled_task_rules
import windows_host
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.connection import ConnectionBase
from ansible.release import __version__

KEPT = ("type", "elements", "choices", "default", "required", "aliases")
# Works, but is not documented.
HIDDEN = {"community.windows.win_scheduled_task": {"triggers": {"days_interval": {"type": "int"}}}}


def decode(data: bytes) -> tuple[str, dict]:
    """The script that Ansible would run on Windows and, for a module, its arguments."""
    shape = f"The exec manifest of ansible-core {__version__} has another shape than this test knows"
    try:
        text = data.decode()
        decoder = json.JSONDecoder()
        end = decoder.raw_decode(text)[1]
        manifest = decoder.raw_decode(text[end:].lstrip("\n\r\0 "))[0]
        name = manifest["actions"][0]["name"]
        if name != "module_wrapper.ps1":
            return name, {}
        variables = {item["Name"]: item["Value"] for item in manifest["actions"][0]["params"]["Variables"]}
        arguments = variables["complex_args"]
        missing = {"_ansible_module_name", "_ansible_check_mode", "_ansible_diff"} - set(arguments)
    except (ValueError, KeyError, IndexError, TypeError) as exc:
        raise AnsibleError(f"{shape}: {exc!r}. Read plugins/shell/powershell.py and fix decode().") from exc
    if missing:
        raise AnsibleError(f"{shape}: no {', '.join(sorted(missing))} among the arguments.")
    return name, arguments


def specification(options: dict) -> dict:
    """An argument spec from documented options."""
    found = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in KEPT if option.get(key) is not None}
        if found[name].get("type") in (None, "path"):
            found[name]["type"] = "str"
        if option.get("suboptions"):
            if found[name]["type"] == "str":
                found[name]["type"] = "dict"
            found[name]["options"] = specification(option["suboptions"])
    return found


def without_nulls(value: object) -> object:
    """Options that were not given, as the PowerShell side sees them."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


class Connection(ConnectionBase):
    """A connection to a fake host."""

    transport = "winsim"
    module_implementation_preferences = (".ps1", ".exe", "")
    allow_executable = False
    has_pipelining = True
    always_pipeline_modules = True

    def __init__(self, *args: object, **kwargs: object) -> None:
        """As connections to Windows do."""
        self._shell_type = "powershell"
        super().__init__(*args, **kwargs)

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def close(self) -> None:
        """Nothing is open."""
        self._connected = False

    def host(self, call: dict) -> dict:
        """Have the fake host carry out one thing."""
        prefix, container = self.get_option("prefix"), self.get_option("container")
        if not container:
            return windows_host.carry_out(prefix, call)
        program = pathlib.Path(windows_host.__file__).name
        command = ["docker", "exec", "-i", container, "python3", f"/opt/winsim/{program}", prefix]
        done = subprocess.run(command, input=json.dumps(call), capture_output=True, text=True, check=False)
        if done.returncode:
            raise AnsibleError(f"{container} did not carry out {call}: {done.stderr}")
        return json.loads(done.stdout)

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """What Ansible wants to run on Windows."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        if not in_data:
            return 0, b"", b""
        script, arguments = decode(in_data)
        if script == "module_wrapper.ps1":
            result = self.module(arguments)
            return int(result.get("failed", False)), json.dumps(result).encode(), b""
        if script == "powershell_mkdtemp.ps1":
            return 0, self.host({"call": "mkdtemp"})["path"].encode(), b""
        if script == "powershell_expand_user.ps1":
            return 0, rb"C:\users\root", b""
        raise AnsibleError(f"winsim does not know the script {script}.")

    def module(self, arguments: dict) -> dict:
        """Check and carry out one module."""
        name = arguments["_ansible_module_name"]
        given = {key: value for key, value in arguments.items() if not key.startswith("_ansible")}
        wrong, checked = self.checked(name, given)
        if wrong:
            return {"failed": True, "changed": False, "msg": f"{name}: {'; '.join(wrong)}"}
        modes = {"check": arguments["_ansible_check_mode"], "diff": arguments["_ansible_diff"]}
        return self.host({"call": "module", "name": name.rsplit(".", 1)[1], "args": checked, **modes})

    def checked(self, name: str, given: dict) -> tuple[list[str], dict]:
        """What is wrong with the arguments, and the arguments with the module's own defaults."""
        documented = json.loads(pathlib.Path(self.get_option("specs")).read_text())
        if name == "ansible.windows.win_copy" or name not in documented:
            # win_copy's action plugin sends arguments of its own; setup and others have nothing to check.
            return [], given
        spec = specification(documented[name]["doc"]["options"])
        for parent, hidden in HIDDEN.get(name, {}).items():
            spec[parent]["options"].update(hidden)
        result = ArgumentSpecValidator(spec).validate(given)
        if result.error_messages or name != "community.windows.win_scheduled_task":
            return result.error_messages, result.validated_parameters
        task = without_nulls(result.validated_parameters)
        # Nulls are seen in what was given: the validation puts one for each option of a trigger that was not.
        nulls = [key for item in given.get("triggers") or [] for key, value in item.items() if value is None]
        return [*scheduled_task_rules.mistakes(task), *(f"trigger key {key} is null" for key in nulls)], task

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy to the host."""
        data = base64.b64encode(pathlib.Path(in_path).read_bytes()).decode()
        self.host({"call": "put", "path": out_path, "data": data})

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy from the host."""
        data = self.host({"call": "fetch", "path": in_path})["data"]
        pathlib.Path(out_path).write_bytes(base64.b64decode(data))
