"""The command line, the pytest fixture, and the app without a socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from patience import PATIENCE, reserved_port

import api302_mock
from api302_mock import MockServer, create_app, start
from api302_mock.wishes import IN_HEADER, Fault, Wish, preferred

from .conftest import KEY, ROOT

pytest_plugins = ["pytester"]
COMMAND = [sys.executable, "-m", "api302_mock"]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(ROOT / "overlays"), os.environ.get("PYTHONPATH", "")])
}


def test_the_command_serves_until_it_is_stopped(tmp_path: Path, mini: dict[str, Any]) -> None:
    spec = tmp_path / "mini.json"
    spec.write_text(json.dumps(mini))
    command = [*COMMAND, "--port", "0", "--spec", str(spec), "--polls", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", told)
        assert url is not None
        assert "Mini (5 operations)" in told
        try:
            assert httpx.get(f"{url[0]}/acme/v1/videos/t-1", headers=KEY).is_success
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


# Whoever runs the tests in the background may have SIGINT ignored, which is inherited.
INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from {module} import main
sys.exit(main({arguments!r}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("module", ["api302_mock.__main__", "api302.__main__"])
@pytest.mark.parametrize("options", [[], ["--proxy", "http://127.0.0.1:9"]], ids=["mock", "proxy"])
def test_ctrl_c_ends_the_command_without_a_traceback(
    tmp_path: Path, mini: dict[str, Any], module: str, options: list[str]
) -> None:
    spec = tmp_path / "mini.json"
    spec.write_text(json.dumps(mini))
    arguments = ["--port", "0", "--spec", str(spec), "--record", str(tmp_path), *options]
    if module == "api302.__main__":
        arguments = ["mock", *arguments]
    program = INTERRUPTED.format(module=module, arguments=arguments)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        url = re.search(r"http://127\.0\.0\.1:\d+(?=,|$)", process.stdout.readline().strip())
        assert url is not None
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(url[0])  # it serves now, and not before
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "Aborted" not in errors


def test_the_command_says_what_is_wrong(
    tmp_path: Path, server: MockServer, mini: dict[str, Any]
) -> None:
    def fails(*arguments: str) -> str:
        done = subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=PATIENCE,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    (tmp_path / "mini.json").write_text(json.dumps(mini))
    assert "nowhere.json" in fails("--spec", "nowhere.json")
    assert "is in use" in fails(
        "--spec", str(tmp_path / "mini.json"), "--port", server.url.rpartition(":")[2]
    )
    mini_ = json.loads(json.dumps(mini))
    mini_["paths"]["/acme/v1/videos"]["post"]["x-task"]["fetch"] = "nothing"
    (tmp_path / "broken.json").write_text(json.dumps(mini_))
    assert "acme_text_to_video" in fails("--spec", str(tmp_path / "broken.json"))


def test_help_tells_all_that_a_prefer_header_can_say() -> None:
    done = subprocess.run(
        [*COMMAND, "--help"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=PATIENCE,
        check=True,
    )
    names = [name.replace("_", "-") for name in IN_HEADER if name != "fault"]
    for said in (
        "`Prefer`",
        "mock:fail",
        "POST /mock/next",
        *(f"  {name}=" for name in names),
        *(f"  fault={one} " for one in get_args(Fault)),
    ):
        assert said in done.stdout
        assert said in (api302_mock.__doc__ or "")
    told = re.findall(r"^  ([a-z-]+=\S+) ", done.stdout, re.MULTILINE)
    assert preferred(told) != Wish()
    assert len(told) == len(names) + len(get_args(Fault))


def test_the_fixture_is_clean_for_each_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    pytester.makepyfile(
        """
        import httpx

        KEY = {"Authorization": "Bearer sk-x"}

        def test_one(api302_mock):
            api302_mock.next(code=429, times=9)
            api302_mock.settings.polls = 99
            assert httpx.get(api302_mock.url + "/v1/models", headers=KEY).status_code == 429

        def test_two(api302_mock):
            assert httpx.get(api302_mock.url + "/v1/models", headers=KEY).status_code == 200
            assert len(api302_mock.requests) == 1
            assert api302_mock.settings.polls == 2
        """
    )
    # Where api302 is installed, pytest finds the fixture by itself.
    installed = any(
        entry.value == "api302_mock.pytest_plugin" for entry in entry_points(group="pytest11")
    )
    more = [] if installed else ["-p", "api302_mock.pytest_plugin"]
    pytester.runpytest_subprocess("-p", "no:cacheprovider", *more).assert_outcomes(passed=2)


def test_the_fixture_costs_nothing_and_needs_nothing_until_it_is_used() -> None:
    code = """
import sys
for name in ("starlette", "uvicorn", "jsonschema_rs", "multipart", "python_multipart"):
    sys.modules[name] = None
import api302_mock.pytest_plugin
try:
    api302_mock.start
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=PATIENCE,
    )
    assert "api302[mock]" in done.stdout, done.stderr


def test_it_stops_and_its_port_is_free(mini: dict[str, Any]) -> None:
    port = reserved_port()
    with start(mini, port=port) as first:
        assert httpx.get(first.url).is_success
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.url)
    with start(mini, port=port) as second:
        assert httpx.get(second.url).is_success
        with pytest.raises(OSError, match="is in use"):
            start(mini, port=port)


def test_the_app_needs_no_socket(mini: dict[str, Any]) -> None:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(mini))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://mock", headers=KEY
        ) as client:
            with pytest.raises(ConnectionResetError):
                await client.post(
                    "/v1/audio/speech", json={"input": "x"}, headers={"Prefer": "fault=reset"}
                )
            return await client.post("/v1/audio/speech", json={"input": "x"})

    assert asyncio.run(call()).headers["content-type"] == "audio/mpeg"
