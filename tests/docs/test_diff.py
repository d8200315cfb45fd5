"""`docs diff`: what a page says that the specification does not, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from documentation import FIXTURES, Page, Run
from spec_pages import as_page

from generator.docs.described import Described
from generator.docs.diff.operation import compare
from generator.docs.diff.recorded import recorded
from generator.docs.pages import Page as Read
from generator.docs.pages.copied import copied
from generator.docs.pages.models import model_name, model_rows
from generator.docs.pages.prices import prices
from generator.docs.sources import parse_page

Docs = Callable[..., Run]
SEEDS = FIXTURES / "docs" / "seed-pages"
SPEC = Path(__file__).parents[2] / "spec"
FAULTS = [
    "integer, though a number: temperature",
    "integer, though a number: top_p",
    "type 'null': logit_bias",
]

# What each seed page differs in from the real specification. Nothing is left for a person: the
# specification was written with these
# pages at hand. Set right or settled instead are sampling temperatures called integers and a map of
# numbers called null, as many
# pages have it; what one chat page requires (its own feature's field), which is optional in the one
# operation that some ninety pages
# share; and the roles of messages, which the copied tables call optional because nobody filled the
# list in.
SETTLED = "; several pages share openai_chat_completions, so it may stay optional"
ROLE = (
    "`messages[].role` is required here; the page requires nothing of `messages[]`, so its list "
    "was never filled in"
)
EXPECTED: dict[str, tuple[list[str], list[str]]] = {
    "000_cd383566ea41b5dc.txt": (
        [],
        ["`reasoning_effort` is required on this page" + SETTLED, ROLE],
    ),
    "001_1b453a300cc2ad4d.txt": (FAULTS, [ROLE]),
    "002_4d0fd83afb27ba5d.txt": (
        FAULTS,
        ["`userid` is required on this page" + SETTLED, ROLE],
    ),
    "003_dbfaa56b86f9e841.txt": ([], []),
}


@pytest.fixture(scope="module")
def real() -> Described:
    """The real specification."""
    return Described(SPEC)


@pytest.mark.parametrize("name", EXPECTED)
def test_seed_page(real: Described, name: str) -> None:
    page = copied((SEEDS / name).read_text("utf-8"), name)
    assert compare(real, page) == []
    assert (page.faults, page.settled) == EXPECTED[name]


@pytest.mark.parametrize(
    ("name", "old", "new", "kind", "field"),
    [
        (
            "003_dbfaa56b86f9e841.txt",
            "negative_prompt\nstring",
            "seed\ninteger \noptional\nThe seed\nnegative_prompt\nstring",
            "field",
            "seed",
        ),
        (
            "003_dbfaa56b86f9e841.txt",
            "aspect_ratio\nstring",
            "aspect_ratio\nboolean",
            "type",
            "aspect_ratio",
        ),
        ("003_dbfaa56b86f9e841.txt", "Default:\npng", "Default:\nwebp", "default", "output_format"),
        (
            "003_dbfaa56b86f9e841.txt",
            "Price: Charged according to the corresponding image model",
            "Price: 0.07 PTC/call",
            "price",
            "",
        ),
        (
            "003_dbfaa56b86f9e841.txt",
            "生成图片的提示词\nrequired",
            "生成图片的提示词\noptional",
            "required",
            "prompt",
        ),
        (
            "003_dbfaa56b86f9e841.txt",
            '    "prompt": "sky city",\n    "model": "baidu-irag-t2i"\n}\n\nRequest samples',
            '    "prompt": 7,\n    "model": "x"\n}\n\nRequest samples',
            "example",
            "prompt",
        ),
        (
            "000_cd383566ea41b5dc.txt",
            "max_tokens\ninteger",
            "max_thoughts\ninteger",
            "field",
            "max_thoughts",
        ),
        (
            "000_cd383566ea41b5dc.txt",
            "usage\nobject",
            "cost\nnumber \noptional\nusage\nobject",
            "field",
            "cost",
        ),
    ],
)
def test_changed_seed_page(
    real: Described, name: str, old: str, new: str, kind: str, field: str
) -> None:
    """Each kind of change to a page is named, at the place in spec/ that it is about, and alone."""
    text = "\n".join(line.rstrip() for line in (SEEDS / name).read_text("utf-8").splitlines())
    changed = text.replace(old, "\n".join(line.rstrip() for line in new.splitlines()), 1)
    assert changed != text
    [finding] = compare(real, copied(changed, name))
    assert (finding.kind, finding.field) == (kind, field)
    lines = (SPEC / finding.file).read_text("utf-8").splitlines()
    place = {"field": "properties:", "price": "x-price:", "required": "required: [prompt, model]"}
    # A schema of several lines stands below its field's name.
    assert any(
        place.get(kind, f"{field}:") in line for line in lines[finding.line - 2 : finding.line]
    )


def test_the_whole_specification_as_pages_has_nothing_to_decide(real: Described) -> None:
    found = [
        one
        for op in real.context.operations
        for one in compare(real, parse_page(as_page(real, op), f"{op}.md"))
    ]
    assert found == []
    assert len(real.context.operations) > 590


def body(operation: dict[str, Any]) -> dict[str, Any]:
    return operation["requestBody"]["content"]["application/json"]


def properties(operation: dict[str, Any]) -> dict[str, Any]:
    return body(operation)["schema"]["properties"]


def reply(operation: dict[str, Any]) -> dict[str, Any]:
    return operation["responses"]["200"]["content"]["application/json"]


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], list[tuple[str, str]]]] = {
    "nothing": (lambda _: None, []),
    "a new field": (
        lambda op: properties(op).update(seed={"type": "integer"}),
        [("field", "seed")],
    ),
    "a new field in a reply": (
        lambda op: reply(op)["schema"]["properties"]["data"]["properties"].update(
            eta={"type": "number"}
        ),
        [("field", "data.eta")],
    ),
    "another type": (
        lambda op: properties(op)["prompt"].update(type="array", items={"type": "string"}),
        [("type", "prompt")],
    ),
    "a narrower type": (lambda op: properties(op)["duration"].update(type="integer"), []),
    "an enum": (lambda op: properties(op)["image"].update(enum=["a", "b"]), [("enum", "image")]),
    "a default": (
        lambda op: properties(op)["duration"].update(default="5"),
        [("default", "duration")],
    ),
    "required": (
        lambda op: body(op)["schema"].update(required=["prompt", "duration"]),
        [("required", "duration")],
    ),
    "optional": (
        lambda op: body(op)["schema"].update(required=["duration"]),
        [("required", "duration"), ("required", "prompt")],
    ),
    "a field gone": (lambda op: properties(op).pop("image"), [("gone", "image")]),
    "a price": (lambda op: op.update(description="**价格：0.8 PTC/次**"), [("price", "")]),
    "a query parameter": (
        lambda op: op["parameters"].append(
            {"name": "fast", "in": "query", "schema": {"type": "boolean"}}
        ),
        [("parameter", "fast")],
    ),
    "a wrong example": (
        lambda op: body(op).update(example={"prompt": ["a"]}),
        [("example", "prompt")],
    ),
    "an example as text": (
        lambda op: reply(op).update(example='{"code": 0,\n"data": {"task_id": 7}}'),
        [("example", "data.task_id")],
    ),
    "an example that is no JSON": (
        lambda op: reply(op).update(example='{"code": 0, // fine\n}'),
        [],
    ),
    "an example alone": (
        lambda op: body(op).update(
            schema={"type": "object", "properties": {}}, example={"prompt": "a", "seed": 1}
        ),
        [("field", "seed"), ("gone", "duration"), ("gone", "image")],
    ),
    "a type that its example shares": (
        lambda op: (
            properties(op)["prompt"].update(type="integer"),
            body(op).update(example={"prompt": 1}),
        ),
        [("type", "prompt")],
    ),
    "another media type": (
        lambda op: op["requestBody"].update(
            content={"application/xml": op["requestBody"]["content"]["application/json"]}
        ),
        [("media", "application/xml")],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change(mini: Path, page: Page, name: str) -> None:
    change, expected = CHANGES[name]
    read = parse_page(page(change), "400000003e0.md")
    found = compare(Described(mini), read)
    assert sorted((finding.kind, finding.field) for finding in found) == expected


def test_an_example_that_x_docs_calls_wrong(mini: Path, page: Page) -> None:
    read = parse_page(page(CHANGES["a wrong example"][0]), "400000003e0.md")
    file = mini / "videos" / "acme.yaml"
    text = file.read_text("utf-8")
    for entry, count in (
        ("example: wrong", 0),
        ("url: 'https://doc.302.ai/400000003e0', example: wrong", 0),
        ("url: 'https://doc.302.ai/400000009e0', example: wrong", 1),
    ):
        file.write_text(text.replace("{page: p003, ", f"{{page: p003, {entry}, "), "utf-8")
        assert len(compare(Described(mini), read)) == count


def test_what_a_reply_need_not_have(mini: Path, page: Page) -> None:
    """A list of required fields that was filled in, and lacks what we say is always there; what
    more it lists proves nothing.
    """
    file = mini / "videos" / "acme.yaml"
    text = file.read_text("utf-8").replace(
        "    AcmeTaskResponse:\n      type: object\n",
        "    AcmeTaskResponse:\n      type: object\n      required: [code]\n",
    )
    file.write_text(text, "utf-8")
    described = Described(mini)
    for required, expected in ((["code", "data"], []), (["data"], ["code"]), ([], [])):
        read = parse_page(
            page(lambda op, listed=required: reply(op)["schema"].update(required=listed)),
            "400000003e0.md",
        )
        found = compare(described, read)
        assert [(finding.kind, finding.field) for finding in found] == [
            ("required", name) for name in expected
        ]
        for finding in found:
            assert (mini / finding.file).read_text("utf-8").splitlines()[
                finding.line - 1
            ].strip() == "required: [code]"


def test_what_several_pages_say_is_told_once(docs: Docs, page: Page, tmp_path: Path) -> None:
    for number in (400000003, 400000008, 400000009):
        (tmp_path / f"{number}e0.md").write_text(page(CHANGES["a new field"][0]), "utf-8")
    [finding] = json.loads(docs("diff", tmp_path, "--json").out)["findings"]
    assert finding["source"].endswith("400000003e0.md")
    assert [source[-14:] for source in finding["also"]] == [
        "400000008e0.md",
        "400000009e0.md",
    ]
    run = docs("diff", tmp_path)
    assert "has `seed` (integer) (and 2 more pages)" in run.out
    assert "3 pages read, 1 to decide" in run.out


def test_known_faults_are_not_passed_on(mini: Path, page: Page) -> None:
    def spoil(operation: dict[str, Any]) -> None:
        properties(operation)["01JPME2T72ZWEZV0C8WGQNGDCE"] = {"type": "string"}
        properties(operation)["image"] = {"type": "null"}
        body(operation)["schema"]["required"] = ["prompt", "duration", "nowhere"]
        body(operation)["example"] = {"prompt": "a", "strange": 1}

    read = parse_page(page(spoil), "400000003e0.md")
    assert compare(Described(mini), read) == []
    assert read.faults == [
        "stray property: 01JPME2T72ZWEZV0C8WGQNGDCE",
        "type 'null': image",
        "required, but not described: nowhere",
        "required, but not in the page's own example: duration",
        "only in the example: strange",
    ]


def test_references_and_merged_schemas(mini: Path, page: Page) -> None:
    """Names of components may be Chinese and written as in an address; x-apifox-refs adds a
    schema's fields.
    """
    text = page(
        lambda op: body(op)["schema"].update(
            {
                "x-apifox-refs": {
                    "01JPME2T72ZWEZV0C8WGQNGDCE": {
                        "$ref": "#/components/schemas/%E9%A3%8E%E6%A0%BC"
                    }
                }
            }
        )
    )
    text = text.replace(
        "  schemas: {}",
        "  schemas:\n    风格:\n      type: object\n"
        "      properties:\n        style: {type: string}",
    )
    assert [finding.field for finding in compare(Described(mini), parse_page(text, "x.md"))] == [
        "style"
    ]


@pytest.mark.parametrize(
    "path", ["/chat/completions", "/v1/chat/completions", "/v1/chat/completions/"]
)
def test_spellings_of_a_path(real: Described, path: str) -> None:
    page = Read(
        "x", calls=copied((SEEDS / "000_cd383566ea41b5dc.txt").read_text("utf-8"), "x").calls
    )
    page.calls[0].path, page.calls[0].others = path, []
    operation = real.find(page.calls[0])
    assert operation is not None
    assert operation.id == "openai_chat_completions"


def test_page_number_finds_the_operation_of_a_changed_path(mini: Path, page: Page) -> None:
    ledger = mini / "videos" / "acme.yaml"
    ledger.write_text(
        ledger.read_text("utf-8").replace(
            "{page: p003, ", "{page: p003, url: 'https://doc.302.ai/400000003e0', "
        ),
        "utf-8",
    )
    [finding] = compare(Described(mini), parse_page(page(path="/acme/v9/films"), "400000003e0.md"))
    assert (finding.kind, finding.operation) == ("path", "acme_text_to_video")
    [finding] = compare(Described(mini), parse_page(page(path="/acme/v9/films"), "400000004e0.md"))
    assert finding.kind == "operation"
    assert "docs draft" in finding.fix


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**价格：0.05 PTC/次**", [(0.05, "call")]),
        ("Price: 0.2 PTC/call", [(0.2, "call")]),
        ("价格：7 PTC / 1M tokens", [(7, "1M tokens")]),
        (
            "**价格** | 模型 | 每1M token价格 |\n| a | 7.884 PTC |\n| b | 4.8 PTC|",
            [(7.884, "1M tokens"), (4.8, "1M tokens")],
        ),
        ("价格：0.01 PTC/秒，0.6 PTC/分钟", [(0.01, "second"), (0.6, "minute")]),
        ("价格：免费", [(0, "call")]),
        ("There are 5 steps.", []),
    ],
)
def test_prices(text: str, expected: list[tuple[float, str]]) -> None:
    assert [(price["amount"], price["per"]) for price in prices(text)] == expected


def test_chinese_copied_text() -> None:
    text = (
        "文生视频\nPOST\n/acme/v1/videos\n价格：0.5 PTC/次\n请求参数\n"
        "Header 参数\nAuthorization\nstring\n必需\n示例值:\nBearer {{YOUR_API_KEY}}\n"
        "Body 参数 application/json\nprompt\nstring\n提示词\n必需\n"
        'mode\nenum<string>\n可选\n枚举值:\nstd\npro\n默认值:\nstd\n示例\n{"prompt": "熊猫"}\n'
        "请求示例代码\n返回响应\n🟢200成功\napplication/json\n"
        'Body\ncode\ninteger\n必需\n示例\n{"code": 0}\n修改于 2025-04-21 07:45:26\n'
    )
    page = copied(text, "x.txt")
    [call] = page.calls
    schema = call.request["application/json"].schema
    assert (call.method, call.path, page.title, page.modified) == (
        "post",
        "/acme/v1/videos",
        "文生视频",
        "2025-04-21",
    )
    assert call.parameters == []
    assert schema["required"] == ["prompt"]
    assert schema["properties"]["mode"] == {
        "type": "string",
        "enum": ["std", "pro"],
        "default": "std",
    }
    assert call.response["application/json"].examples == [{"code": 0}]


def test_output(docs: Docs, page: Page, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page(CHANGES["a new field"][0]), "utf-8")
    run = docs("diff", tmp_path / "page.md")
    assert run.code == 0
    assert "1 page read, 1 to decide" in run.out
    before = (
        (FIXTURES / "mini_spec" / "videos" / "acme.yaml")
        .read_text("utf-8")
        .partition("AcmeVideoRequest:\n")[0]
    )
    line = before.count("\n") + 4  # `properties:` below the schema's name, type and required
    assert (
        f"videos/acme.yaml:{line}: acme_text_to_video: the page's request has `seed` (integer)"
        in run.out
    )
    out = tmp_path / "diff.json"
    assert docs("diff", tmp_path / "page.md", "--json", "--out", out).out == ""
    [finding] = json.loads(out.read_text("utf-8"))["findings"]
    assert (finding["file"], finding["kind"], finding["field"]) == (
        "videos/acme.yaml",
        "field",
        "seed",
    )


def test_what_is_decided_is_not_told_again_until_the_page_changes(
    docs: Docs, mini: Path, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "page.md"
    file.write_text(page(CHANGES["a price"][0]), "utf-8")
    [finding] = json.loads(docs("diff", file, "--json").out)["findings"]
    row = {
        "operation": finding["operation"],
        "message": finding["message"],
        "reason": "The dashboard's price list says 0.5.",
    }
    (mini / "decided.yaml").write_text(json.dumps([row]), "utf-8")
    assert "nothing to decide. 1 decided before." in docs("diff", file).out
    file.write_text(page(lambda op: op.update(description="**价格：0.9 PTC/次**")), "utf-8")
    assert "1 to decide." in docs("diff", file).out
    for text, message in (
        ("- {operation: x}", "entry 1 needs operation, message"),
        ("[", "this is not YAML"),
    ):
        (mini / "decided.yaml").write_text(text, "utf-8")
        run = docs("diff", file)
        assert run.code == 1
        assert message in run.err


EXCHANGE: dict[str, Any] = {
    "operation": "acme_text_to_video",
    "request": {
        "method": "POST",
        "path": "/acme/v1/videos",
        "query": {},
        "headers": {},
        "json": {"prompt": "a"},
    },
    "response": {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "json": {"code": 0, "message": None, "data": {"task_id": "t"}},
    },
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"operation": None}, []),
        ({"request.query": {"fast": "1"}}, [("parameter", "fast")]),
        ({"request.json": {"prompt": 7}}, [("type", "prompt")]),
        ({"request.json": {"prompt": "[hidden]", "seed": 1}}, [("field", "seed")]),
        ({"response.json": {"code": "[hidden]", "data": {"task_id": "t"}}}, []),
        (
            {"response.json": {"code": "0", "cost": 1, "data": {"eta": 3, "task_id": "t"}}},
            [("field", "cost"), ("field", "data.eta"), ("type", "code")],
        ),
        ({"response.status": 202}, [("status", "202")]),
        ({"response.status": 429, "request.json": {"prompt": 7}}, []),
        (
            {"response.headers": {"content-type": "video/mp4"}, "response.json": {}},
            [("media", "video/mp4")],
        ),
        ({"operation": None, "request.path": "/acme/v1/other"}, [("operation", "")]),
        (
            {
                "operation": None,
                "request.path": "/acme/v1/videos/t-1",
                "request.method": "GET",
                "request.json": {},
            },
            [("media", "application/json")],
        ),
    ],
)
def test_recorded(
    docs: Docs, tmp_path: Path, change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    exchange = json.loads(json.dumps(EXCHANGE))
    for path, value in change.items():
        holder, _, key = path.rpartition(".")
        (exchange[holder] if holder else exchange)[key] = value
    folder = tmp_path / "recorded"
    folder.mkdir()
    (folder / "0001-x.json").write_text(json.dumps(exchange), "utf-8")
    found = json.loads(docs("diff", "--recorded", folder, "--json").out)
    assert sorted((finding["kind"], finding["field"]) for finding in found["findings"]) == expected
    assert found["read"] == {"pages": 0, "exchanges": 1}


MODELS = """
  /acme/v1/models/one:
    post:
      operationId: acme_one
      requestBody:
        content:
          application/json: {schema: {type: object, properties: {prompt: {type: string}}}}
      responses: {'200': {description: Done.}}
  /acme/v1/models/{name}:
    post:
      operationId: acme_any
      parameters:
        - {name: name, in: path, required: true, schema: {type: string, x-segments: true}}
      requestBody:
        content:
          application/json: {schema: {type: object, properties: {text: {type: string}}}}
      responses: {'200': {description: Done.}}
components:"""


@pytest.mark.parametrize(
    ("path", "body", "strange"),
    [
        ("one", {"prompt": "a"}, []),
        ("one", {"text": "a"}, [("field", "text")]),
        ("one/two", {"text": "a"}, []),
        ("three", {"prompt": "a"}, [("field", "prompt")]),
    ],
)
def test_an_exchange_is_that_of_the_path_spelled_out(
    mini: Path, tmp_path: Path, path: str, body: dict[str, Any], strange: list[tuple[str, str]]
) -> None:
    file = mini / "videos" / "acme.yaml"
    file.write_text(file.read_text("utf-8").replace("\ncomponents:", MODELS), "utf-8")
    exchange = {
        "request": {"method": "POST", "path": f"/acme/v1/models/{path}", "json": body},
        "response": {"status": 200, "headers": {}},
    }
    (tmp_path / "0001-x.json").write_text(json.dumps(exchange), "utf-8")

    findings, _ = recorded(Described(mini), tmp_path / "0001-x.json")

    told = [(finding.kind, finding.field) for finding in findings]
    assert [one for one in told if one[0] in ("field", "operation")] == strange


# --- models ---------------------------------------------------------------------------------------

IMAGES = "003_dbfaa56b86f9e841.txt"


def models_found(real: Described, old: str, new: str) -> list[tuple[str, str]]:
    """What the diff of the image page says of models, if a text of it were another."""
    text = (SEEDS / IMAGES).read_text("utf-8")
    assert old in text
    found = compare(real, copied(text.replace(old, new), IMAGES))
    return [(one.kind, one.field) for one in found]


def test_a_model_that_the_page_adds_is_told(real: Described) -> None:
    row = "hidream-i1-fast-t2i"
    assert models_found(real, row, f"hidream-i9-fast-t2iZhixiang Future's i9 model\n{row}") == [
        ("model", "hidream-i9-fast-t2i")
    ]


def test_a_model_that_the_page_lacks_is_told(real: Described) -> None:
    row = "luma-flash-t2iOfficial Luma fast"
    text = (SEEDS / IMAGES).read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith(row))
    assert models_found(real, f"{line}\n", "") == [("model-gone", "luma-flash-t2i")]


def test_a_model_whose_name_goes_on_is_another(real: Described) -> None:
    row = "recraft-20b-t2iOfficial"
    found = models_found(real, row, "recraft-20b-t2i-2Official")
    assert ("model-gone", "recraft-20b-t2i") in found
    assert [kind for kind, _ in found] == ["model", "model-gone"]


def test_models_in_a_markdown_table() -> None:
    text = """The models:

| Model name | Description |
| --- | --- |
| `acme-1` | The first |
| acme-2 | The second |

| other | table |
"""
    rows = model_rows(text)
    assert [model_name(row, ["acme-1"]) for row in rows] == [("acme-1", True), ("acme-2", False)]


def test_a_page_without_a_table_has_no_models() -> None:
    assert model_rows("Choose a model.\nModel\nstring") == []


def test_a_recorded_list_of_models_is_held_against_the_catalogue(
    real: Described, tmp_path: Path
) -> None:
    listed = [
        {"id": "gpt-4o", "price": {"input_token": "$2.500 / M tokens", "output_token": "9"}},
        {"id": "gpt-99", "price": {"input_token": "1", "output_token": "2"}},
        {"id": "gpt-4o-mini"},
        {"no": "id"},
    ]
    exchange = {
        "operation": "ai302_list_models",
        "request": {"method": "GET", "path": "/v1/models"},
        "response": {"status": 200, "json": {"object": "list", "data": listed}},
    }
    file = tmp_path / "0001-ai302_list_models.json"
    file.write_text(json.dumps(exchange), "utf-8")

    found, _ = recorded(real, file)
    told = [(one.kind, one.field) for one in found if one.kind in ("model", "price")]

    assert told == [("price", "gpt-4o"), ("model", "gpt-99")]
