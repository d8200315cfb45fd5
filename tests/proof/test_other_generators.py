"""Teams with other tools take the publication: each folder of its `generators/` is run as its
README says, and the client that it makes is compiled, and follows a task at the mock. Those in
Rust, in Kotlin and by ogen take long: weekly.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import api302
from api302_mock.faults import NEW_WORD
from generator.join import operations
from generator.publish.generators import FOLDER
from generator.publish.parts import part
from proof.tools import run

PROGRAMS = Path(__file__).parent / "generators"
PART = (
    *("audio.openai", "image_processing.ai302", "images.ideogram", "images.openai"),
    *("information.aminer", "llm.ai302", "llm.openai", "videos.google", "videos.kling"),
)
"""Tags with forms, unions, bytes and two spellings, for a tool that needs minutes for the whole."""
REDOCLY = "@redocly/cli@2.77.0"
SPECTRAL = "@stoplight/spectral-cli@6.16.3"
VERSIONS = ("3.2", "3.1", "3.0")


@pytest.fixture(scope="module")
def workshop(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder of the tools, with the documents where each expects them."""
    folder = tmp_path_factory.mktemp("workshop")
    for name in ("by-tag", *(path.name for path in publication.glob("openapi-3.*"))):
        (folder / name).symlink_to(publication / name)
    shutil.copytree(publication / FOLDER, folder / FOLDER)
    return folder / FOLDER


@pytest.fixture(scope="module")
def openapi_generator(workshop: Path) -> tuple[str, ...]:
    """The command of openapi-generator, of the version that its folder pins."""
    folder = workshop / "openapi-generator"
    pins = json.loads((folder / "openapitools.json").read_text("utf-8"))
    name = f"openapi-generator-cli:{pins['generator-cli']['version']}"
    run(
        *("mvn", "-q", "-B", "-ntp"),
        "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy",
        f"-Dartifact=org.openapitools:{name}",
        "-DoutputDirectory=.",
        cwd=folder,
    )
    return ("java", "-Xmx3g", "-jar", f"{name.replace(':', '-')}.jar", "generate")


@pytest.fixture(scope="module")
def document(publication: Path) -> Any:
    return json.loads((publication / "openapi-3.0.json").read_text("utf-8"))


def install(folder: Path) -> None:
    """What a folder's lock file pins. Scripts of packages do not run."""
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", cwd=folder)


def ran(folder: Path, program: str, *arguments: str) -> str:
    """What a program prints that uses a client in TypeScript; both are compiled, strictly.

    As CommonJS, since the modules of clients import each other as bundlers and CommonJS read them.
    """
    shutil.copyfile(PROGRAMS / program, folder / "src" / "sample.ts")
    (folder / "built").mkdir()
    (folder / "built" / "package.json").write_text('{"type": "commonjs"}', "utf-8")
    options = ("--module", "commonjs", "--moduleResolution", "node10", "--pretty", "false")
    run(folder / "node_modules/.bin/tsc", *options, cwd=folder)
    return run("node", "built/sample.js", *arguments, cwd=folder)


def python(folder: Path, program: str, *arguments: str | Path) -> str:
    """What a program prints that uses a client in Python."""
    path = {"PYTHONPATH": str(folder)}
    return run(sys.executable, PROGRAMS / program, *arguments, cwd=folder, env=path)


def imported(folder: Path, package: str) -> int:
    """Import every module of a package; how many there are."""
    code = (
        "import importlib, pkgutil, sys\n"
        "package = importlib.import_module(sys.argv[1])\n"
        "found = pkgutil.walk_packages(package.__path__, sys.argv[1] + '.')\n"
        "print(len([importlib.import_module(one.name) for one in found]))"
    )
    return int(run(sys.executable, "-c", code, package, cwd=folder))


def check_task(printed: str, mock_url: str) -> None:
    """Hold what a program printed: models, and a task whose states no document lists."""
    seen = json.loads(printed)
    with api302.Client(api_key="sk-test", base_url=mock_url) as client:
        assert seen["models"] == [model.id for model in client.models.list().data]
    assert seen["id"] == seen["polled"] != ""
    assert seen["states"] == [NEW_WORD, NEW_WORD]


@pytest.mark.proof
def test_hey_api(workshop: Path, new_words: str, document: Any) -> None:
    folder = workshop / "hey-api"
    install(folder)
    run("npx", "openapi-ts", cwd=folder)
    calls = (folder / "src/client/sdk.gen.ts").read_text("utf-8")
    assert len(re.findall(r"^export const", calls, re.MULTILINE)) == len(operations(document))
    check_task(ran(folder, "hey-api.ts", new_words), new_words)


@pytest.mark.proof
def test_orval(workshop: Path, new_words: str, document: Any) -> None:
    folder = workshop / "orval"
    install(folder)
    run("npx", "orval", cwd=folder, env={"AI302_BASE_URL": new_words})
    texts = [path.read_text("utf-8") for path in (folder / "src/client").glob("*/*.ts")]
    calls = [
        name for text in texts for name in re.findall(r"^export const (\w+) = async", text, re.M)
    ]
    assert len(calls) == len(operations(document))
    check_task(ran(folder, "orval.ts"), new_words)


@pytest.mark.proof
def test_openapi_python_client(workshop: Path, new_words: str, document: Any) -> None:
    folder = workshop / "openapi-python-client"
    generate = ("-m", "openapi_python_client", "generate", "--path", "../../openapi-3.1.json")
    options = ("--config", "config.yaml", "--output-path", "client")
    tools = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    told = run(sys.executable, *generate, *options, cwd=folder, env=tools)
    assert "WARNING" not in told
    client = folder / "client"
    assert imported(client, "api302_openapi") > len(operations(document))
    check_task(python(client, "stock_client.py", new_words), new_words)


@pytest.mark.proof
def test_datamodel_code_generator(workshop: Path, new_words: str) -> None:
    folder = workshop / "datamodel-code-generator"
    run(sys.executable, "-m", "datamodel_code_generator", cwd=folder)
    check_task(python(folder, "models_only.py", new_words), new_words)


@pytest.mark.proof
def test_openapi_generator_for_python(
    workshop: Path, openapi_generator: tuple[str, ...], new_words: str
) -> None:
    folder = workshop / "openapi-generator"
    run(*openapi_generator, "-c", "python.yaml", cwd=folder)
    assert imported(folder / "python", "api302_openapi") > 1000
    check_task(python(folder / "python", "pydantic_client.py", new_words), new_words)


@pytest.mark.proof
def test_openapi_generator_for_typescript_fetch(
    workshop: Path, openapi_generator: tuple[str, ...], new_words: str, document: Any
) -> None:
    folder = workshop / "openapi-generator"
    (folder / "part.json").write_text(json.dumps(part(document, PART)), "utf-8")
    out = ("-i", "part.json", "-o", "typescript/src/client")
    run(*openapi_generator, "-c", "typescript-fetch.yaml", *out, cwd=folder)
    project = folder / "typescript"
    for name in ("package.json", "package-lock.json", ".npmrc", "tsconfig.json"):
        shutil.copyfile(workshop / "hey-api" / name, project / name)
    install(project)
    check_task(ran(project, "typescript-fetch.ts", new_words), new_words)


@pytest.mark.proof
def test_fastmcp(workshop: Path, mock_url: str, publication: Path) -> None:
    folder = workshop / "fastmcp"
    run(sys.executable, "-m", "uv", "venv", "--quiet", "venv", cwd=folder)
    install = ("pip", "install", "--quiet", "--python", "venv", "-r", "requirements.txt")
    run(sys.executable, "-m", "uv", *install, cwd=folder)
    of_tag = publication / "by-tag/videos.kling.json"
    arguments = ("server.py", of_tag, mock_url)
    program = PROGRAMS / "tools_of_a_tag.py"
    bare = {"PYTHONPATH": ""}
    seen = json.loads(run(folder / "venv/bin/python", program, *arguments, cwd=folder, env=bare))
    calls = [one["operationId"] for *_, one in operations(json.loads(of_tag.read_text("utf-8")))]
    assert sorted(seen["tools"]) == sorted(calls)
    assert seen["made"]["data"]["task_id"]


@pytest.mark.proof
@pytest.mark.parametrize("version", VERSIONS)
def test_redocly_has_no_errors(workshop: Path, version: str) -> None:
    rules = "redocly-3.0.yaml" if version == "3.0" else "redocly.yaml"
    lint = ("npx", "--yes", REDOCLY, "lint", "--config", rules, "--format=stylish")
    run(*lint, f"../../openapi-{version}.json", cwd=workshop / "redocly")


@pytest.mark.weekly
@pytest.mark.parametrize("version", VERSIONS)
def test_spectral_has_no_errors(workshop: Path, version: str) -> None:
    rules = "spectral-3.0.yaml" if version == "3.0" else "spectral.yaml"
    lint = ("npx", "--yes", SPECTRAL, "lint", "--ruleset", rules)
    run(*lint, f"../../openapi-{version}.json", cwd=workshop / "spectral")


@pytest.mark.weekly
def test_openapi_generator_for_rust(
    workshop: Path, openapi_generator: tuple[str, ...], new_words: str
) -> None:
    folder = workshop / "openapi-generator"
    made = run("jq", "-f", "one_of.jq", "../../openapi-3.0.json", cwd=folder)
    (folder / "one-of.json").write_text(made, "utf-8")
    run(*openapi_generator, "-c", "rust.yaml", cwd=folder)
    program = shutil.copytree(PROGRAMS / "rust", folder / "rust-sample")
    run("cargo", "build", "-q", cwd=program)
    told = run(program / "target/debug/sample", new_words, cwd=program)
    check_task(told, new_words)
    seen = json.loads(told)  # a value that may be text or a number
    assert (seen["url"].partition(":")[0], seen["duration"]) == ("http", "5.1")


@pytest.mark.weekly
def test_openapi_generator_for_kotlin(
    workshop: Path, openapi_generator: tuple[str, ...], new_words: str
) -> None:
    folder = workshop / "openapi-generator"
    run(*openapi_generator, "-c", "kotlin.yaml", cwd=folder)
    project = folder / "kotlin"
    (project / "src/main/kotlin/sample").mkdir()
    shutil.copyfile(PROGRAMS / "kotlin/pom.xml", project / "pom.xml")
    shutil.copyfile(PROGRAMS / "kotlin/Sample.kt", project / "src/main/kotlin/sample/Sample.kt")
    in_process = "-Dkotlin.compiler.daemon=false"
    run("mvn", "-q", "-B", "-ntp", in_process, "process-classes", cwd=project)
    classes = f"target/classes{os.pathsep}target/lib/*"
    check_task(run("java", "-cp", classes, "sample.SampleKt", new_words, cwd=project), new_words)


@pytest.mark.weekly
def test_ogen(workshop: Path, new_words: str) -> None:
    folder = workshop / "ogen"
    made = run("jq", "-f", "nullable.jq", "../../openapi-3.0.json", cwd=folder)
    (folder / "openapi.json").write_text(made, "utf-8")
    options = ("-config", "ogen.yaml", "-package", "api302", "-target", "api302", "-clean")
    run("go", "tool", "ogen", *options, "openapi.json", cwd=folder)
    client = (folder / "api302/oas_client_gen.go").read_text("utf-8")
    calls = re.findall(r"^func \(c \*Client\) [A-Z]\w+\(", client, re.MULTILINE)
    left_out = len(operations(json.loads(made))) - len(calls)
    assert 0 <= left_out <= 20
    shutil.copytree(PROGRAMS / "ogen", folder / "sample")
    run("go", "mod", "tidy", cwd=folder)
    check_task(run("go", "run", "./sample", new_words, cwd=folder), new_words)
