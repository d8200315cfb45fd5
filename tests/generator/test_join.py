"""One document from many files."""

from __future__ import annotations

import json

import pytest
from broken import MINI, Copy

from generator import join, rules
from generator.source import Spec, SpecError

VIDEO = "videos/acme.yaml"


def test_paths_come_by_section_vendor_and_place_in_the_file_and_components_by_name() -> None:
    document = join.join(Spec.load(MINI))

    assert list(document) == [
        "openapi",
        "info",
        "servers",
        "security",
        "tags",
        "paths",
        "components",
    ]
    assert list(document["paths"]) == [
        "/v1/chat/completions",
        "/acme/v1/videos",
        "/acme/v1/videos/{task_id}",
        "/v1/audio/speech",
        "/v1/audio/transcriptions",
    ]
    assert list(document["components"]) == ["schemas", "responses", "securitySchemes"]
    assert list(document["components"]["schemas"]) == sorted(document["components"]["schemas"])
    assert document["paths"]["/v1/chat/completions"]["post"]["x-aliases"] == ["/chat/completions"]


def test_each_vendor_with_operations_has_a_leaf_tag(copy: Copy) -> None:
    copy.append("vendors.yaml", "idle:\n  name: Idle\n  homes:\n    llm: [/idle]\n")

    tags = join.join(copy.load())["tags"]

    assert [tag["name"] for tag in tags] == [
        "llm",
        "llm.acme",
        "videos",
        "videos.acme",
        "audio",
        "audio.acme",
    ]
    assert tags[3] == {"name": "videos.acme", "summary": "Acme", "parent": "videos"}


def test_a_vendors_other_names_are_in_its_tag(copy: Copy) -> None:
    copy.replace("vendors.yaml", "  name: Acme\n", "  name: Acme\n  also: [阿可米, Akumi]\n")

    tags = {tag["name"]: tag for tag in join.join(copy.load())["tags"]}

    assert tags["videos.acme"]["description"] == "Acme, also 阿可米, Akumi."
    assert rules.check_spec(copy.load()) == []


def test_a_submitting_operation_links_to_its_fetch_and_cancel(copy: Copy) -> None:
    copy.replace(
        VIDEO,
        "        fetch: acme_get_video\n",
        "        fetch: acme_get_video\n        cancel: acme_get_video\n",
    )
    document = join.join(copy.load())

    links = document["paths"]["/acme/v1/videos"]["post"]["responses"]["200"]["links"]

    assert links == {
        "acme_get_video": {
            "operationId": "acme_get_video",
            "parameters": {"task_id": "$response.body#/data/task_id"},
        }
    }
    assert join.unlinked(document) == []


def test_a_parameter_that_the_fetch_takes_in_its_body_is_linked_there(copy: Copy) -> None:
    copy.replace(
        VIDEO,
        "fetch: acme_get_video\n        parameters: {task_id: data.task_id}",
        "fetch: acme_speech\n        parameters: {input: 'data.tasks[0].id'}",
    )

    response = join.join(copy.load())["paths"]["/acme/v1/videos"]["post"]["responses"]["200"]

    assert response["links"]["acme_speech"]["requestBody"] == {
        "input": "$response.body#/data/tasks/0/id"
    }


def test_ids_that_no_pointer_expresses_are_listed(copy: Copy) -> None:
    copy.replace(
        VIDEO, "parameters: {task_id: data.task_id}", "parameters: {task_id: 'data.task_id || id'}"
    )

    document = join.join(copy.load())

    assert "links" not in document["paths"]["/acme/v1/videos"]["post"]["responses"]["200"]
    assert join.unlinked(document) == [
        "acme_text_to_video -> acme_get_video: no JSON pointer says `data.task_id || id`"
    ]


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("id", "/id"), ("data.task_id", "/data/task_id"), ("data[0].id", "/data/0/id"),
        ('"task-id"', "/task-id"), ('a."b/c"', "/a/b~1c"), ("to_string(a)", None),
        ("a.", None), ("a..b", None), ("", None), ("a[]", None), ("a[-1]", None), ("a || b", None),
        ("*", None), ("@", None),
    ],
)  # fmt: skip
def test_pointers(path: str, pointer: str | None) -> None:
    assert join.pointer(path) == pointer


def test_joining_changes_nothing_in_the_files() -> None:
    spec = Spec.load(MINI)
    before = json.dumps(spec.files)

    first, second = join.join(spec), join.join(spec)

    assert json.dumps(spec.files) == before
    assert json.dumps(first) == json.dumps(second)


def test_what_has_been_joined_still_has_its_place(copy: Copy) -> None:
    spec = copy.load()
    document = join.join(spec)

    for path, text in (
        (["paths", "/acme/v1/videos", "post"], "post:"),
        (["paths", "/acme/v1/videos", "post", "summary"], "summary: Create"),
        (
            ["paths", "/acme/v1/videos", "post", "responses", "200", "description"],
            "description: The task, accepted.",
        ),
        (
            ["components", "schemas", "AcmeVideo", "properties", "url"],
            "        url: {type: string}",
        ),
    ):
        assert spec.locate(document, path) == (VIDEO, copy.line(VIDEO, text))
    assert spec.locate(document, ["components", "schemas", "ErrorResponse"])[0] == "common.yaml"
    assert spec.locate(document, ["info", "title"])[0] == "openapi.yaml"


def test_a_schema_defined_twice_is_refused_naming_both_places(copy: Copy) -> None:
    copy.append("audio/acme.yaml", "    AcmeVideo:\n      type: object\n")

    with pytest.raises(SpecError) as error:
        join.join(copy.load())

    [problem] = error.value.problems
    # Files are joined by section, so the second one is that of audio.
    assert (problem.file, problem.line) == (
        "audio/acme.yaml",
        copy.line("audio/acme.yaml", "AcmeVideo"),
    )
    first = f"{VIDEO}:{copy.line(VIDEO, '    AcmeVideo:')}"
    assert f"`AcmeVideo` of audio/acme.yaml is already defined in {first}" in problem.message
    assert "common.yaml" in problem.fix


def test_a_path_defined_twice_is_refused_naming_both_places(copy: Copy) -> None:
    copy.append("audio/other.yaml", "paths:\n  /acme/v1/videos:\n    get: {}\n")

    with pytest.raises(SpecError) as error:
        join.join(copy.load())

    [problem] = error.value.problems
    assert (problem.file, problem.line) == ("audio/other.yaml", 2)
    line = copy.line(VIDEO, "  /acme/v1/videos:")
    assert f"is already defined in {VIDEO}:{line}" in problem.message


def test_defaults_are_written_out_and_have_their_place(copy: Copy) -> None:
    spec = copy.load()
    document = join.join(spec)

    fetch = document["paths"]["/acme/v1/videos/{task_id}"]["get"]
    assert fetch["tags"] == ["videos.acme"]
    assert fetch["x-success"] == {"field": "code", "values": [0], "message": "message"}
    assert list(fetch["responses"]) == ["200", "4XX", "5XX"]
    assert "x-defaults" not in document
    path = ["paths", "/acme/v1/videos/{task_id}", "get"]
    assert spec.locate(document, [*path, "x-success"]) == (VIDEO, copy.line(VIDEO, "  x-success"))
    here = ("openapi.yaml", copy.line("openapi.yaml", "4XX"))
    assert spec.locate(document, [*path, "responses", "4XX"]) == here


def test_an_operation_overrides_a_default(copy: Copy) -> None:
    own = "x-success: {field: data.ok, values: [true]}"
    copy.replace(VIDEO, "      x-task-status:\n", f"      {own}\n      x-task-status:\n")
    copy.replace(
        VIDEO,
        "      x-shortcut: videos.create\n",
        "        4XX: {description: Refused.}\n      x-shortcut: videos.create\n",
    )

    paths = join.join(copy.load())["paths"]

    assert paths["/acme/v1/videos/{task_id}"]["get"]["x-success"]["field"] == "data.ok"
    responses = paths["/acme/v1/videos"]["post"]["responses"]
    assert responses["4XX"] == {"description": "Refused."}
    assert "$ref" in responses["5XX"]


def test_the_defaults_nearest_to_an_operation_win(copy: Copy) -> None:
    text = (copy.root / VIDEO).read_text("utf-8")
    (copy.root / VIDEO).unlink()
    copy.append(
        "videos/acme/v1.yaml", text.replace("x-success: {field: code", "x-success: {field: v1")
    )
    copy.append(
        "videos/acme/common.yaml",
        "x-defaults:\n  x-success: {field: common, values: [0]}\n"
        "  responses: {4XX: {description: Common.}}\n",
    )
    copy.replace("vendors.yaml", "    videos: [/acme]\n", "    videos: {v1: [/acme]}\n")

    post = join.join(copy.load())["paths"]["/acme/v1/videos"]["post"]

    assert post["x-success"]["field"] == "v1"
    assert post["responses"]["4XX"] == {"description": "Common."}
    assert post["responses"]["5XX"] == {"$ref": "#/components/responses/ServerError"}


def test_parts_are_joined_in_the_order_of_vendors_yaml(copy: Copy) -> None:
    for part in ("apart", "last"):
        copy.append(f"videos/acme/{part}.yaml", f"paths:\n  /acme/{part}:\n    get: {{}}\n")
    (copy.root / VIDEO).unlink()
    copy.replace("vendors.yaml", "[/acme]", "{last: [/acme/last], apart: [/acme/apart]}")

    document, problems = join.assemble(copy.load())

    assert problems == []
    assert list(document["paths"])[1:3] == ["/acme/last", "/acme/apart"]
    assert [tag["name"] for tag in document["tags"]].count("videos.acme") == 1


def test_what_is_deprecated_comes_last_of_its_vendor(copy: Copy) -> None:
    new = "      operationId: acme_text_to_video\n"
    copy.replace(VIDEO, new, f"{new}      deprecated: true\n")
    before = list(join.assemble(Spec.load(MINI))[0]["paths"])

    spec = copy.load()
    document, _ = join.assemble(spec)

    paths = list(document["paths"])
    assert paths.index("/acme/v1/videos") == paths.index("/acme/v1/videos/{task_id}") + 1
    assert sorted(paths) == sorted(before)
    moved = {"/acme/v1/videos", "/acme/v1/videos/{task_id}"}
    assert [path for path in paths if path not in moved] == [
        path for path in before if path not in moved
    ]
    line = copy.line(VIDEO, "  /acme/v1/videos:")
    assert spec.place(document["paths"], "/acme/v1/videos") == (VIDEO, line)


@pytest.mark.parametrize(
    ("webhook", "place"),
    [("{in: body, name: notify}", "body#/notify"), ("{in: query, name: hook}", "query.hook")],
)
def test_a_webhook_is_a_callback_of_the_document(copy: Copy, webhook: str, place: str) -> None:
    copy.replace(
        VIDEO,
        "        fetch: acme_get_video\n",
        f"        fetch: acme_get_video\n        webhook: {webhook}\n",
    )

    document = join.join(copy.load())

    post, get = (
        document["paths"]["/acme/v1/videos"]["post"],
        document["paths"]["/acme/v1/videos/{task_id}"]["get"],
    )
    (expression,) = post["callbacks"]["taskEnded"]
    assert expression == f"{{$request.{place}}}"
    message = post["callbacks"]["taskEnded"][expression]["post"]
    sent = message["requestBody"]["content"]["application/json"]["schema"]
    assert sent == get["responses"]["200"]["content"]["application/json"]["schema"]
    assert "200" in message["responses"]
    assert list(post).index("callbacks") == list(post).index("responses") + 1


def test_a_task_without_a_webhook_has_no_callbacks() -> None:
    post = join.join(Spec.load(MINI))["paths"]["/acme/v1/videos"]["post"]
    assert "callbacks" not in post
