"""Each house rule, against the mini specification broken in one way."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

import openapi_spec_validator
import pytest
import yaml
from broken import MINI, Copy

from generator import join, rules
from generator.source import Spec

CHAT, VIDEO, AUDIO = "llm/acme.yaml", "videos/acme.yaml", "audio/acme.yaml"


@dataclass
class Break:
    """One fault: the text that is replaced, and the file, the text on the line and the message of the problem that must be reported."""

    rule: str
    file: str
    old: str
    new: str
    message: str
    at: str = ""
    """A text on the line of the problem; without it, the one of `new`."""
    where: str = ""
    """The file of the problem, if it is another one."""
    problems: int = 1
    """How many problems there are in all."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.message[:50]}"


BREAKS = [
    # form_of_files, vendors, openapi
    Break("form", "videos/pages.yaml", "p004:", "page4:", '"page4" does not match', problems=2),
    Break("form", "videos/pages.yaml", "group: Acme, operations: [acme_get_video]", "grup: Acme, operations: [acme_get_video]", "'grup' was unexpected"),
    Break("form", "vendors.yaml", "    videos: [/acme]", "    videos: /acme", "is not of type", problems=3),
    Break("form", VIDEO, "components:\n", "others: {}\ncomponents:\n", "'others' was unexpected", at="others"),
    Break("form", "common.yaml", "  responses:\n", "  replies: {}\n  responses:\n", "'replies' was unexpected", at="replies", problems=2),
    Break("vendors", "vendors.yaml", "    videos: [/acme]", "    videos: [/acme]\n    films: [/films]", "there is no section `films`", at="films"),
    Break("vendors", "vendors.yaml", "    videos: [/acme]", "    videos: [/acme, /v1/chat]", "is also the home of llm.acme"),
    Break("openapi", "openapi.yaml", "openapi: 3.2.0", "openapi: 3.1.0", "the version is not 3.2.0"),
    Break("openapi", "openapi.yaml", "title: Mini, ", "", '"title" is a required property', at="info:"),
    Break("openapi", VIDEO, "description: The task's id., ", "colour: red, ", "'colour' was unexpected", at="colour"),
    Break("openapi", VIDEO, "        id: {type: string}", "        id: {type: text}", "is not valid under any", problems=1),
    Break("openapi", VIDEO, "      summary: Make a video from a text", "      sumary: Make a video from a text", "'sumary' was unexpected", at="sumary", problems=2),
    Break("unusual_keywords", VIDEO, "    AcmeVideo:\n      type: object", "    AcmeVideo:\n      $schema: urn:x\n      type: object", "has `$schema`", at="$schema"),
    # extensions
    Break("extensions", VIDEO, "      x-shortcut: videos.create", "      x-shortkut: videos.create", "the extension `x-shortkut` is unknown"),
    Break("extensions", VIDEO, "in: path,", "in: path, x-price: [{note: by model}],", "`x-price` does not belong on this parameter"),
    Break("extensions", VIDEO, "      summary: Make", "      x-file: [url]\n      summary: Make", "`x-file` does not belong on this operation", at="x-file: [url]\n"),
    Break("extensions", "openapi.yaml", "info: {", "info: {x-price: [{note: by model}], ", "`x-price` does not belong on this object"),
    Break("extensions", VIDEO, "{amount: 0.5, unit: PTC, per: call}", "{amount: 0.5, unit: USD, per: call}", "`x-price`: "),
    Break("extensions", VIDEO, "        state: data.task_status\n", "        state: data..task_status\n", "is not JMESPath", problems=2),
    Break("extensions", VIDEO, "['data.task_result.videos[].url']", "['data[']", "`data[` is not JMESPath"),
    # references
    Break("references", VIDEO, "data: {$ref: '#/components/schemas/AcmeTask'}", "data: {$ref: '#/components/schemas/AcmeTsk'}", "points to nothing", problems=4),
    Break("references", VIDEO, "data: {$ref: '#/components/schemas/AcmeTask'}", "data: {$ref: 'common.yaml#/AcmeTask'}", "does not point to #/components/schemas/", problems=4),
    Break("unused_components", VIDEO, "    AcmeVideo:\n", "    AcmeFilm:\n      type: object\n    AcmeVideo:\n", "no operation uses the component `AcmeFilm`", at="AcmeFilm"),
    # names
    Break("operation_ids", VIDEO, "      operationId: acme_text_to_video\n", "", "POST /acme/v1/videos has no operationId", at="    post:", problems=3),
    Break("operation_ids", VIDEO, "operationId: acme_text_to_video", "operationId: acme_textToVideo", "is not acme_<action> in snake_case", problems=3),
    Break("operation_ids", VIDEO, "operationId: acme_text_to_video", "operationId: text_to_video", "is not acme_<action> in snake_case", problems=3),
    Break("operation_ids", VIDEO, "operationId: acme_text_to_video", "operationId: acme_get_video", "is already used in videos/acme.yaml:4", at="operationId: acme_get_video\n      summary: Tell", problems=6),
    Break("operation_ids", AUDIO, "operationId: acme_speech", "operationId: acme_import", "`import` cannot be the name of a method", problems=3),
    Break("shortcuts", CHAT, "x-shortcut: chat.completions.create", "x-shortcut: videos.create", "", problems=1, where=VIDEO, at="x-shortcut"),
    Break("tags", VIDEO, "      summary: Make a video from a text\n      tags: [videos.acme]", "      summary: Make\n      tags: [videos]", "are not [videos.acme]", at="tags: [videos]\n"),
    Break("homes", "vendors.yaml", "    audio: [/v1/audio]", "    audio: [/v1/audio/speech]", "no prefix in vendors.yaml is the home of /v1/audio/transcriptions", where=AUDIO, at="/v1/audio/transcriptions"),
    Break("homes", "vendors.yaml", "    llm: [/v1/chat]", "    llm: [/v1]\n    videos_: [/x]", "no section", at="videos_"),
    Break("homes", "vendors.yaml", "    audio: [/v1/audio]", "    audio: [/v1/audio, /acme/v1]", "the home of /acme/v1/videos is audio/acme.yaml", where=VIDEO, at="/acme/v1/videos:", problems=2),
    Break("homes", "vendors.yaml", "    audio: [/v1/audio]", "    audio: [/v1/audio, /chat]", "the home of /chat/completions is audio/acme.yaml", where=CHAT, at="x-aliases"),
    Break("homes", CHAT, "x-aliases: [/chat/completions]", "x-aliases: [/acme/v1/videos]", "is also a path of `acme_text_to_video`", at="x-aliases", problems=2),
    Break("path_parameters", VIDEO, "  /acme/v1/videos/{task_id}:", "  /acme/v1/videos/{id}:", "the path has {id}", at="parameters:\n        - ", problems=2),
    Break("path_parameters", VIDEO, "{name: task_id, in: path, ", "{name: task_id, in: path, required: true, schema: {type: string}}\n        - {name: task_id, in: path, ", "has the path parameter `task_id` twice", at="      parameters:\n"),
    Break("schema_names", VIDEO, "    AcmeTaskResult:\n", "    TaskResult:\n", "does not start with `Acme`", problems=4),
    Break("schema_names", VIDEO, "videos: {type: array, items: {$ref: '#/components/schemas/AcmeVideo'}}\n    AcmeVideo:", "videos: {type: array, items: {$ref: '#/components/schemas/Acme4oVideo'}}\n    Acme4oVideo:", "would rename the schema `Acme4oVideo` to `Acme4OVideo`", at="Acme4oVideo:"),
    Break("schema_names", "common.yaml", "    ErrorDetail:\n", "    List:\n      type: string\n    ErrorDetail:\n", "the schema name `List` would hide one", at="List:", problems=2),
    Break("field_names", VIDEO, "        id: {type: string}", "        self: {type: string}", "a field is called `self`"),
    # schemas
    Break("inline_objects", VIDEO, "        id: {type: string}", "        id: {type: [object, string], properties: {a: {type: string}}}", "there is an object with properties inside `AcmeVideo` (`id`)"),
    Break("inline_objects", CHAT, "items: {$ref: '#/components/schemas/AcmeChunkChoice'}", "items: {type: object, properties: {index: {type: integer}}}", "inside `AcmeChatChunk` (`choices`)", problems=2),
    Break("open_objects", VIDEO, "    AcmeVideoRequest:\n      type: object\n", "    AcmeVideoRequest:\n      type: object\n      additionalProperties: false\n", "has `additionalProperties: false`", at="additionalProperties"),
    Break("required_fields", VIDEO, "    AcmeVideo:\n      type: object\n", "    AcmeVideo:\n      type: object\n      required: [name]\n", "requires `name` and does not describe it", at="required: [name]", problems=2),
    Break("enums", VIDEO, "task_status: {type: string, enum: [submitted,", "task_status: {enum: [1, submitted,", "mixes types (number, str)"),
    Break("enums", VIDEO, "{type: string, enum: [submitted, ", "{type: integer, enum: [submitted, ", "is not of the type integer", problems=8),
    Break("enums", CHAT, "enum: [system, user, assistant]", "enum: [system, user, user, assistant]", "has 'user' twice"),
    Break("defaults", CHAT, "maximum: 2, default: 1,", "maximum: 2, default: high,", "the default of `AcmeChatRequest` (`temperature`) does not fit its schema: "),
    Break("files", VIDEO, "        id: {type: string}", "        id: {type: integer, x-file: [url]}", "`x-file` on `AcmeVideo` (`id`), which is no text", problems=2),
    Break("files", VIDEO, "x-file: [url, data_url, base64]", "x-file: [url, part]", "is a file part, but AcmeVideoRequest is sent as JSON"),
    # behaviour
    Break("basics", VIDEO, "summary: Tell how a video task stands", "summary: ''", "acme_get_video has no summary"),
    Break("basics", AUDIO, "                hello: {value: {text: Hello}}\n            text/plain: {schema: {type: string}}\n        4XX: {$ref: '#/components/responses/ClientError'}\n", "                hello: {value: {text: Hello}}\n            text/plain: {schema: {type: string}}\n", "acme_transcribe has no 4XX reply", at="responses:\n        '200':\n          description: The text."),
    Break("json_first", AUDIO, "            application/json:\n              schema: {$ref: '#/components/schemas/AcmeTranscript'}", "            text/html: {schema: {type: string}}\n            application/json:\n              schema: {$ref: '#/components/schemas/AcmeTranscript'}", "acme_transcribe lists text/html before JSON", at="'200':\n          description: The text."),
    Break("bodies", VIDEO, "            schema: {$ref: '#/components/schemas/AcmeVideoForm'}", "            schema: {$ref: '#/components/schemas/AcmeVideoRequest'}", "has one schema for application/json and multipart/form-data", at="requestBody", problems=2),
    Break("parameter_kinds", VIDEO, "      parameters:\n        - {name: task_id", "      parameters:\n        - {name: Authorization, in: header, schema: {type: string}}\n        - {name: task_id", "has a parameter for the header Authorization", at="- {name: Authorization"),
    Break("tasks", VIDEO, "fetch: acme_get_video", "fetch: acme_get_vidio", "there is no operation `acme_get_vidio` to fetch", at="fetch:"),
    Break("tasks", VIDEO, "parameters: {task_id: data.task_id}", "parameters: {task: data.task_id}", "`acme_get_video` has no parameter or body field `task`", problems=2),
    Break("tasks", VIDEO, "fetch: acme_get_video", "fetch: acme_get_video\n        cancel: acme_stop", "to cancel the task", at="cancel:"),
    Break("task_states", VIDEO, "failed: [failed]", "failed: [failed, processing]", "the state 'processing' of acme_get_video is listed under two", at="x-task-status"),
    Break("streams", CHAT, "            text/event-stream:\n              itemSchema", "            text/event-streams:\n              itemSchema", "has x-stream, but no 2xx reply of text/event-stream", at="x-stream:"),
    Break("streams", CHAT, "              itemSchema:", "              schema:", "has no itemSchema", at="responses:"),
    Break("switches", CHAT, "name: stream, value: true", "name: streem, value: true", "has no body field `streem`", at="when:"),
    Break("unknowns", VIDEO, "      x-shortcut: videos.create", "      x-unknown: {request: looked everywhere for it}", "says in x-unknown that its request is unknown"),
    # examples
    Break("present", VIDEO, "            examples:\n              text: {value: {prompt: a red panda, duration: '5'}}\n", "", "the request of acme_text_to_video as application/json has no example", at="application/json:\n"),
    Break("present", VIDEO, "              examples:\n                accepted: {value: {code: 0, message: SUCCEED, data: {task_id: t-1, task_status: submitted}}}\n", "", "the reply of acme_text_to_video as application/json has no example", at="application/json:\n              schema: {$ref: '#/components/schemas/AcmeTaskReply'}\n        4XX"),
    Break("form", AUDIO, "hello: {value: {input: Hello, from: en}}", "hello: {dataValue: {input: Hello, from: en}}", "the example `hello` has no value"),
    Break("fitting", VIDEO, "value: {prompt: a red panda,", "value: {prompt: 7,", "the example of `acme_text_to_video` (application/json) does not fit its schema at prompt: 7 is not"),
    Break("fitting", VIDEO, "task_id: t-1, task_status: processing", "task_id: 1, task_status: processing", "at data.task_id"),
    Break("fitting", VIDEO, "schema: {type: string}, example: t-1}", "schema: {type: string}, example: 1}", "the example of the parameter `task_id` does not fit"),
    Break("fitting", "common.yaml", "                  err_code: -10003\n", "                  err_code: [1]\n", "does not fit its schema"),
    Break("of_schemas", VIDEO, "        id: {type: string}", "        id: {type: string, examples: [1]}", "the example of `id` does not fit its schema"),
    Break("streams", CHAT, '{"index":0,"delta":{"content":"好"},"finish_reason":"stop"}', '{"index":"0"}', "event 2: ", at="value: |+"),
    Break("streams", CHAT, '"finish_reason":"stop"}]}\n', '"finish_reason":"stop"]}\n', "event 2: ", at="value: |+"),
    Break("streams", CHAT, "                    data: [DONE]\n", "", "the last event is not `[DONE]`", at="value: |+"),
    Break("streams", CHAT, "                  value: |+\n", "                  value: |-\n", "there is no blank line after `data: [DONE]`", at="value: |-"),
    Break("extension_paths", VIDEO, "parameters: {task_id: data.task_id}", "parameters: {task_id: data.id}", "has the `data.id` that x-task reads `task_id` from"),
    Break("extension_paths", VIDEO, "pending: [submitted, processing]", "pending: [submitted]", "the state 'processing' of an example", at="state: data"),
    # evidence
    Break("evidence", VIDEO, "      x-docs:\n        - {page: p003, evidence: page, seen: 2026-11-21}\n", "", "acme_text_to_video has no x-docs", at="    post:"),
    Break("evidence", VIDEO, "page: p003, evidence", "page: p093, evidence", "the page p093 of acme_text_to_video is not in the ledger"),
    Break("evidence", VIDEO, "page: p003, evidence", "page: p004, evidence", "the ledger row of p004 does not name acme_text_to_video"),
    Break("evidence", VIDEO, "page: p003, evidence: page,", "page: p003, url: 'https://nowhere', evidence: page,", "`https://nowhere` is not a web address"),
    Break("evidence", VIDEO, "{page: p003, evidence: page, seen: 2026-11-21}", "{page: p003, evidence: page, seen: 2026-11-31}", "`2026-11-31` is not a date"),
    Break("evidence", VIDEO, "{page: p003, evidence: page, seen: 2026-11-21}", "{page: p003, evidence: rumour, seen: 2026-11-21}", '"rumour" is not one of'),
    Break("ledger", "videos/pages.yaml", "operations: [acme_get_video]", "operations: [acme_get_video], pending: true", "the row of p004 has operations and pending", at="p004"),
    Break("ledger", "audio/pages.yaml", ", pending: true", "", "the row of p007 has no kind", at="p007"),
    Break("ledger", "audio/pages.yaml", "p007", "p001", "the page p001 is already in audio/pages.yaml:2", where="llm/pages.yaml", at="p001"),
    Break("ledger", "videos/pages.yaml", "operations: [acme_get_video]", "operations: [acme_get_video, acme_get_vidio]", "there is no operation `acme_get_vidio`, which the row of p004 names"),
    Break("secrets", VIDEO, "description: The task, accepted.", "description: The task, sk-0123456789abcdefABCD.", "looks like a key"),
    Break("secrets", VIDEO, "description: The task, accepted.", "description: 'Bearer abcdef0123456789abcdef'", "looks like a key"),
]  # fmt: skip


@pytest.mark.parametrize("fault", BREAKS, ids=str)
def test_each_fault_is_reported_with_file_line_and_fix(fault: Break, copy: Copy) -> None:
    copy.replace(fault.file, fault.old, fault.new)

    problems = rules.check_spec(copy.load())

    where = fault.where or fault.file
    line = copy.line(where, fault.at or fault.new.strip("\n"))
    found = [problem for problem in problems if fault.message in problem.message and (problem.file, problem.line) == (where, line)]
    assert found, f"nothing at {where}:{line} in\n" + "\n".join(map(str, problems))
    assert all(problem.fix and problem.message for problem in problems)
    assert len(problems) == fault.problems, "\n".join(map(str, problems))


def test_the_mini_specification_is_in_order() -> None:
    assert rules.check_spec(Spec.load(MINI)) == []


def test_every_rule_has_a_fault_in_the_list() -> None:
    here = {fault.rule for fault in BREAKS}

    assert {rule.__name__ for rule in rules.RULES} - {"form_of_files"} <= here


def test_openapi_spec_validator_accepts_what_the_rules_accept() -> None:
    """The rules use its schema of OpenAPI 3.2; here its own checks run too, on the document with links."""
    openapi_spec_validator.validate(join.join(Spec.load(MINI)), cls=openapi_spec_validator.OpenAPIV32SpecValidator)


def test_names_that_python_writes_with_an_underscore_are_listed() -> None:
    listed = rules.notes(Spec.load(MINI))

    assert "AcmeSpeechRequest.from -> from_" in listed
    assert "AcmeSpeechRequest.timeout -> timeout_" in listed
    assert "AcmeTaskReply.request_id -> request_id_" in listed


def test_all_faults_are_reported_at_once(copy: Copy) -> None:
    copy.replace(VIDEO, "summary: Tell how a video task stands", "summary: ''")
    copy.replace(CHAT, "maximum: 2, default: 1,", "maximum: 2, default: high,")
    copy.append(AUDIO, "  schemas: {}\n")

    problems = rules.check_spec(copy.load())

    assert {problem.file for problem in problems} == {VIDEO, CHAT, AUDIO}
    assert problems == sorted(problems)


def test_a_missing_file_of_vendors_is_a_problem(copy: Copy) -> None:
    (copy.root / "vendors.yaml").unlink()

    assert any(problem.file == "vendors.yaml" for problem in rules.check_spec(copy.load()))


@pytest.mark.parametrize("seed", range(60))
def test_no_broken_specification_is_a_traceback(seed: int, copy: Copy) -> None:
    """Keys deleted and values replaced at random: whatever it is, it is reported, not raised."""
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        path = chance.choice(sorted(copy.root.rglob("*.yaml")))
        content = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)
        for _ in range(chance.choice([1, 3])):
            _spoil(content, chance)
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")

    for problem in rules.check_spec(copy.load()):
        assert problem.line >= 1 and problem.message and problem.fix
        assert str(problem).startswith(f"{problem.file}:{problem.line}: ")


def _spoil(content: Any, chance: random.Random) -> None:
    """Change one place somewhere in a document."""
    places: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict | list):
            keys = list(node) if isinstance(node, dict) else range(len(node))
            places += [(node, key) for key in keys]
            waiting += [node[key] for key in keys]
    if not places:
        return
    node, key = chance.choice(places)
    strange = [
        None,
        True,
        7,
        -1.5,
        "",
        "x",
        "#/components/schemas/Nobody",
        [],
        {},
        [None],
        [[1]],
        {"": None},
        {"$ref": 3},
        {"a": {"b": []}},
    ]
    match chance.randrange(4):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[chance.choice(["x-strange", "$ref", "", "properties", "200", "get", "examples", "enum"])] = node.pop(key)
        case 2:
            node[key] = json.loads(json.dumps(chance.choice(places)[0]))  # a piece of the document at the wrong place
        case _:
            node[key] = chance.choice(strange)
