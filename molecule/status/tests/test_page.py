"""The status page in a real browser without a screen. Screenshots are kept under .ansible/artefacts."""

from __future__ import annotations

import html
import pathlib
import re
import subprocess
import typing as t

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
ARTEFACTS = ROOT / ".ansible" / "artefacts"
BROWSER = "chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars"
VIEWS = {
    "light": "--window-size=1280,1400",
    "dark": "--window-size=1280,1400 --blink-settings=preferredColorScheme=0",
    "phone": "--window-size=500,2400",
}
MADE: list[tuple[str, pathlib.Path]] = []

testinfra_hosts = ["docker://ts-status-stack"]


def browse(options: str, file: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "exec", "ts-status-browser", "sh", "-c", f"cd /srv && {BROWSER} {options} file:///srv/{file}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def bring(page: str, file: str) -> None:
    command = ["docker", "exec", "-i", "ts-status-browser", "sh", "-c", f"cat > /srv/{file}"]
    subprocess.run(command, input=page, text=True, check=True)


def complaints(file: str) -> list[str]:
    said = browse("--enable-logging=stderr --dump-dom", file).stderr
    return [line for line in said.splitlines() if "CONSOLE" in line]


@pytest.fixture
def report(stack: t.Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, pathlib.Path]:
    """What the playbook prints and the page it writes, made once for all who only read them."""
    if not MADE:
        page = tmp_path_factory.mktemp("status") / "page.html"
        done = stack.play(playbook="playbooks/status.yml", status_page=str(page))
        assert done.returncode == 0, done.stdout[-3000:]
        MADE.append((done.stdout, page))
    return MADE[0]


def test_the_page_shows_the_modules_numbers_and_the_browser_has_nothing_to_complain_of(
    stack: t.Any, status: t.Any, tmp_path: pathlib.Path
) -> None:
    stack.python(
        "from sample_app.tasks import add, slow; [add.apply_async((1, 2), queue='<b>&\"odd\"') for _ in range(3)];"
        "slow.delay(45)"
    )
    stack.wait_for("the start of the task", lambda: any(task["state"] == "active" for task in status()["tasks"]))
    done = stack.play(playbook="playbooks/status.yml", status_page=str(tmp_path / "page.html"))
    assert done.returncode == 0, done.stdout[-3000:]
    found, page = status(), (tmp_path / "page.html").read_text()
    bring(page, "page.html")
    seen = browse("--dump-dom", "page.html").stdout
    pairs = re.findall(r'data-queue="([^"]*)" data-waiting="(\d+)"', seen)
    shown = {html.unescape(queue): int(number) for queue, number in pairs}
    assert shown == {queue["name"]: queue["waiting"] for queue in found["queues"]}
    rows = re.findall(r'data-worker="([^"]+)" data-state="(\w+)" data-active="(\d*)"', seen)
    assert rows == [(worker["node"], worker["state"], str(len(worker["active"]))) for worker in found["workers"]]
    tiles = dict(re.findall(r'data-service="(\w+)" data-value="([^"]+)"', seen))
    assert tiles == {
        "broker": found["broker"]["state"],
        "celery": found["celery"]["state"],
        "beat": found["beat"]["state"],
        "flower": found["flower"]["state"],
        "waiting": str(sum(queue["waiting"] for queue in found["queues"])),
        "running": "1",
    }
    active = [task["id"] for task in found["tasks"] if task["state"] == "active"]
    assert re.findall(r'data-task="([^"]+)" data-state="active"', seen) == active
    # The script has run: it says how old the page is.
    assert re.search(r'id="age"[^>]*>\d+ (s|min) ago<', seen)
    assert complaints("page.html") == []
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    for view, options in VIEWS.items():
        browse(f"{options} --screenshot=/srv/{view}.png", "page.html")
        with open(ARTEFACTS / f"status-{view}.png", "wb") as picture:
            command = ["docker", "exec", "ts-status-browser", "cat", f"/srv/{view}.png"]
            subprocess.run(command, stdout=picture, check=True)
        assert (ARTEFACTS / f"status-{view}.png").stat().st_size > 20_000
    stack.python("from sample_app import app; app.connection().default_channel.queue_delete('<b>&\"odd\"')")


def test_a_browser_loads_the_page_again_by_itself_where_that_is_asked_for(stack: t.Any, tmp_path: pathlib.Path) -> None:
    page = tmp_path / "page.html"
    assert stack.play(playbook="playbooks/status.yml", status_page=str(page), status_refresh=7).returncode == 0
    assert '<meta http-equiv="refresh" content="7">' in page.read_text()


def test_the_browser_would_complain_of_a_script_that_a_task_smuggled_in(
    report: tuple[str, pathlib.Path],
) -> None:
    page = report[1].read_text()
    bring(page.replace("<footer>", "<script>document.title='owned'</script><footer>"), "smuggled.html")
    assert any("Content Security Policy" in line for line in complaints("smuggled.html"))
    assert "owned" not in browse("--dump-dom", "smuggled.html").stdout.partition("</title>")[0]


def test_the_table_fits_a_terminal_of_100_columns(report: tuple[str, pathlib.Path]) -> None:
    lines = report[0].partition("|-\n")[2].splitlines()
    table = [line[8:] for line in lines[: next(n for n, line in enumerate(lines) if line.startswith("TASK ["))]]
    assert any(line.startswith("WORKER") for line in table)
    assert max(map(len, table)) <= 100


def test_the_playbooks_do_nothing_without_a_yes(stack: t.Any) -> None:
    stack.host.run("rabbitmqctl -q purge_queue -p sample asked")
    stack.python("from sample_app.tasks import add; [add.apply_async((1, 2), queue='asked') for _ in range(2)]")
    refused = stack.play(playbook="playbooks/purge.yml", queues="asked")
    assert refused.returncode != 0 and "Not confirmed, so nothing was purged" in refused.stdout
    predicted = stack.play("--check", playbook="playbooks/purge.yml", queues="asked")
    assert predicted.returncode == 0 and "2 task(s) would be thrown away from asked" in predicted.stdout
    done = stack.play(playbook="playbooks/purge.yml", queues="asked", confirm="yes")
    assert done.returncode == 0 and "2 task(s) were thrown away from asked" in done.stdout, done.stdout[-2000:]
    task = stack.python("from sample_app.tasks import add; print(add.apply_async((1, 2), countdown=900).id)")
    refused = stack.play(playbook="playbooks/revoke.yml", ids=task)
    assert refused.returncode != 0 and "Not confirmed, so nothing was revoked" in refused.stdout
    predicted = stack.play("--check", playbook="playbooks/revoke.yml", ids=task)
    assert predicted.returncode == 0 and "flagged as revoked" not in " ".join(predicted.stdout.split())
    done = stack.play(playbook="playbooks/revoke.yml", ids=task, confirm="yes")
    assert done.returncode == 0 and "flagged as revoked" in " ".join(done.stdout.split()), done.stdout[-2000:]
    stack.python("from sample_app import app; app.connection().default_channel.queue_delete('asked')")
