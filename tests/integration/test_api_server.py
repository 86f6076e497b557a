"""`metronome api` as a process: it serves, and refuses to serve where it must, in one line."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.api.server import listen
from app.config import Api, ConfigError, Secret
from app.engine.errors import InvalidData

TOKEN = "a-token-of-the-test"
METRONOME = Path(sys.executable).parent / "metronome"


def run_api(folder: Path, **environ: str) -> "subprocess.Popen[str]":
    told = {**os.environ, "API_HOST": "127.0.0.1", **environ}
    return subprocess.Popen(
        [METRONOME, "api"], cwd=folder, env=told, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_it_serves_and_stops(tmp_path: Path, database_url: str) -> None:
    process = run_api(tmp_path, DATABASE_URL=database_url, API_PORT="0", API_TOKEN=TOKEN)
    try:
        assert process.stderr is not None
        said = next(json.loads(line) for line in process.stderr if "api_listens" in line)
        url = f"http://{said['host']}:{said['port']}"
        with urllib.request.urlopen(f"{url}/health") as answer:
            assert json.load(answer)["status"] == "ok"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/orders")
        assert refused.value.code == 401
        refused.value.close()
        wanted = urllib.request.Request(
            f"{url}/orders", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(wanted) as answer:
            assert json.load(answer) == {"book": "us_baskets", "orders": []}
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert "Traceback" not in rest
        assert TOKEN not in rest
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_is_one_line(tmp_path: Path, database_url: str, taken: int) -> None:
    process = run_api(tmp_path, DATABASE_URL=database_url, API_PORT=str(taken))
    _, said = process.communicate()
    assert process.returncode == 1
    [line] = said.splitlines()
    assert f"port {taken}" in line
    assert "taken" in line


def test_another_address_without_a_token_is_one_line(tmp_path: Path, database_url: str) -> None:
    process = run_api(tmp_path, DATABASE_URL=database_url, API_HOST="0.0.0.0", API_TOKEN="")
    _, said = process.communicate()
    assert process.returncode == 2
    [line] = said.splitlines()
    assert "API_HOST" in line
    assert "API_TOKEN" in line


def test_an_address_that_cannot_be_used_is_named() -> None:
    with pytest.raises(InvalidData, match=r"192\.0\.2\.1 port 0"):
        listen(Api("192.0.2.1", 0, Secret(TOKEN)))


def test_both_loopback_addresses_can_be_used() -> None:
    listen(Api("127.0.0.1", 0, None)).close()
    with pytest.raises(ConfigError):
        listen(Api("0.0.0.0", 0, None))
