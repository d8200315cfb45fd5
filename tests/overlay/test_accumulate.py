"""How streams accumulate: the four kinds, deltas of gateways, and mutated streams."""

from __future__ import annotations

import copy
import json
import random
import time
from typing import Any

import pytest
from drawn import many
from gateways import STREAMS
from hypothesis import given
from hypothesis import strategies as st
from support import Lazy

accumulated = Lazy("api302._features.accumulate")
text_module = Lazy("api302._features.text")
merge = Lazy("api302._features.merge")
whole_texts = Lazy("api302_client.texts")

KINDS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")


def add(kind: str, *events: Any) -> Any:
    """What events accumulate to; they are left as they are."""
    before = json.dumps(events)
    whole = accumulated.accumulate(kind, list(events))
    assert json.dumps(events) == before
    return whole


def texts(kind: str, *events: Any) -> str:
    """The text of a stream, read event by event."""
    return "".join(text_module.Texts(kind, None).pieces(events))


def content(text: Any, index: Any = 0, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text}, **more}]}


# --- the four kinds -------------------------------------------------------------------------------


def test_chat_adds_up() -> None:
    def part(index: int = 0, finish: str | None = None, **said: Any) -> dict[str, Any]:
        return {
            "id": "c",
            "object": "chat.completion.chunk",
            "usage": None,
            "choices": [{"index": index, "delta": said, "finish_reason": finish}],
        }

    def tool(index: int, **function: Any) -> list[Any]:
        return [{"index": index, **function}]

    whole = add(
        "openai_chat",
        part(role="assistant", content="", reasoning_content="hm"),
        part(role="assistant", content="你", reasoning_content="m"),
        part(1, content="other"),
        part(
            tool_calls=tool(0, id="t-1", type="function", function={"name": "f", "arguments": ""})
        ),
        part(tool_calls=tool(0, function={"arguments": '{"a":'})),
        part(
            tool_calls=tool(1, id="t-2", type="function", function={"name": "g", "arguments": "{}"})
        ),
        part(tool_calls=tool(0, function={"arguments": "1}"})),
        part(content="好", finish="tool_calls"),
        {"id": "c", "choices": [], "usage": {"total_tokens": 3}, "citations": ["https://a"]},
    )
    assert whole == {
        "id": "c",
        "object": "chat.completion",
        "usage": {"total_tokens": 3},
        "citations": ["https://a"],
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "你好",
                    "reasoning_content": "hmm",
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "t-1",
                            "type": "function",
                            "function": {"name": "f", "arguments": '{"a":1}'},
                        },
                        {
                            "index": 1,
                            "id": "t-2",
                            "type": "function",
                            "function": {"name": "g", "arguments": "{}"},
                        },
                    ],
                },
                "finish_reason": "tool_calls",
            },
            {"index": 1, "message": {"content": "other"}, "finish_reason": None},
        ],
    }


def test_responses_add_up() -> None:
    made = [
        {
            "type": "response.created",
            "response": {"id": "r", "status": "in_progress", "output": []},
        },
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"type": "message", "content": []},
        },
        {
            "type": "response.output_text.delta",
            "output_index": 0,
            "content_index": 0,
            "delta": "你",
        },
        {
            "type": "response.output_text.delta",
            "output_index": 0,
            "content_index": 0,
            "delta": "好",
        },
    ]
    assert add("openai_responses", *made) == {
        "id": "r",
        "status": "in_progress",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "你好"}]}],
    }
    whole = {"id": "r", "status": "completed", "output": [{"type": "message"}]}
    assert (
        add("openai_responses", *made, {"type": "response.completed", "response": whole}) == whole
    )


def test_messages_add_up() -> None:
    def block(index: int, **content: Any) -> dict[str, Any]:
        return {"type": "content_block_start", "index": index, "content_block": content}

    def more(index: int, kind: str, **content: Any) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **content}}

    said = [
        {
            "type": "message_start",
            "message": {"id": "m", "content": [], "usage": {"input_tokens": 1}},
        },
        block(0, type="thinking", thinking="", signature=""),
        more(0, "thinking_delta", thinking="h"),
        more(0, "thinking_delta", thinking="m"),
        more(0, "signature_delta", signature="s"),
        block(1, type="text", text=""),
        more(1, "text_delta", text="你"),
        more(1, "citations_delta", citation={"url": "a"}),
        block(2, type="tool_use", id="t", name="f", input={}),
        more(2, "input_json_delta", partial_json='{"a"'),
        more(2, "input_json_delta", partial_json=":1}"),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 5},
        },
    ]
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "你", "citations": [{"url": "a"}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    assert add("anthropic_messages", *said) == {
        "id": "m",
        "content": blocks,
        "usage": {"input_tokens": 1, "output_tokens": 5},
        "stop_reason": "tool_use",
    }
    assert add("anthropic_messages", *said[:-2])["content"][2]["input"] == '{"a"'


def test_gemini_adds_up() -> None:
    def part(*parts: Any, **more: Any) -> dict[str, Any]:
        return {
            "candidates": [{"content": {"parts": list(parts), "role": "model"}, **more}],
            "modelVersion": "g",
        }

    assert add(
        "gemini",
        part({"text": "h", "thought": True}),
        part({"text": "m", "thought": True}, {"text": "你"}),
        part({"text": "好"}, {"functionCall": {"name": "f"}}),
        {**part({"text": "!"}, finishReason="STOP"), "usageMetadata": {"totalTokenCount": 3}},
    ) == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "hm", "thought": True},
                        {"text": "你好"},
                        {"functionCall": {"name": "f"}},
                        {"text": "!"},
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
            }
        ],
        "modelVersion": "g",
        "usageMetadata": {"totalTokenCount": 3},
    }


def test_nothing_adds_up_to_little() -> None:
    for kind in ("openai_chat", "openai_responses", "anthropic_messages", "gemini"):
        assert isinstance(add(kind), dict)
        assert isinstance(add(kind, "text", 1, {}), dict)


# --- gateways -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
def test_fault_07_deltas_of_gateways(name: str) -> None:
    events, expected = STREAMS[name]
    whole = add("openai_chat", *events)
    (choice,) = whole["choices"]
    message = choice["message"]
    assert whole.get("id") == expected.get("id", "c-1")
    assert whole["model"] == "m"
    assert whole.get("object", "chat.completion") == "chat.completion"
    assert message.get("role", "assistant") == "assistant"
    if "finish" in expected:
        assert choice["finish_reason"] == expected["finish"]
    made = [
        (c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls", ())
    ]
    assert made == expected.get("calls", [])
    if "ids" in expected:
        assert [c["id"] for c in message["tool_calls"]] == expected["ids"]
    indexes = [c["index"] for c in message.get("tool_calls", ()) if "index" in c]
    assert len(set(indexes)) == len(indexes)
    for field in ("content", "reasoning_content", "reasoning"):
        if field in expected:
            assert message[field] == expected[field]
    for field in ("usage", "system_fingerprint", "x_groq"):
        if field in expected:
            assert whole[field] == expected[field]
    text = expected.get("text", expected.get("content"))
    assert (
        texts("openai_chat", *events)
        == whole_texts.whole_text("openai_chat", whole)
        == (text or "")
    )


@pytest.mark.parametrize("name", STREAMS)
def test_fault_07_empty_values_between_events_change_nothing(name: str) -> None:
    events, _ = STREAMS[name]
    empty = {"role": "", "content": "", "reasoning_content": None}
    blank = {
        "id": "",
        "model": "",
        "object": "",
        "usage": None,
        "choices": [{"index": 0, "delta": empty}],
    }
    blank["choices"][0]["finish_reason"] = ""
    mixed = [one for event in events for one in (event, blank)]
    plain, filled = add("openai_chat", *events), add("openai_chat", *mixed)
    for field in ("id", "model", "usage"):
        assert (filled.get(field) or None) == plain.get(field)
    assert filled["choices"][0]["finish_reason"] == plain["choices"][0]["finish_reason"]
    before, after = plain["choices"][0]["message"], filled["choices"][0]["message"]
    assert {**after, **before} == {**before, **{n: after[n] for n in after.keys() - before.keys()}}
    assert texts("openai_chat", *mixed) == texts("openai_chat", *events)


def test_vllm_tokens_that_repeat_are_all_kept() -> None:
    (choice,) = add("openai_chat", *STREAMS["vllm"][0])["choices"]
    assert [one["token"] for one in choice["logprobs"]["content"]] == ["l", "l"]


def test_fault_07_what_is_said_again_is_not_doubled() -> None:
    events = [{"choices": [{"delta": {"content": "ha", "style": "plain"}}], "tier": "x"}] * 3
    whole = add("openai_chat", *events)
    assert whole["choices"][0]["message"] == {"content": "hahaha", "style": "plain"}
    assert whole["tier"] == "x"
    links = [{"url": "https://a"}, {"url": "https://b"}]
    growing = [{"choices": [{"delta": {"annotations": links[:n]}}]} for n in (1, 2, 2)]
    assert add("openai_chat", *growing)["choices"][0]["message"]["annotations"] == links


# --- numbers, halves and other kinds
# ------------------------------------------------------------------


def test_fault_06_a_character_in_two_halves_is_joined() -> None:
    halves = "\ud83d", "\ude00"
    streams = {
        "openai_chat": [content(f"a{halves[0]}"), content(halves[1])],
        "anthropic_messages": [
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": text},
            }
            for text in (f"a{halves[0]}", halves[1])
        ],
        "gemini": [
            {"candidates": [{"content": {"parts": [{"text": text}]}}]}
            for text in (f"a{halves[0]}", halves[1])
        ],
        "openai_responses": [
            {"type": "response.output_text.delta", "output_index": 0, "delta": text}
            for text in (f"a{halves[0]}", halves[1])
        ],
    }
    for kind, events in streams.items():
        whole = add(kind, *events)
        assert "a😀" in json.dumps(whole, ensure_ascii=False).encode().decode()
        assert whole_texts.whole_text(kind, whole) == texts(kind, *events) == "a😀"
        lone = list(text_module.Texts(kind, None).pieces(events[:1]))
        assert lone == ["a", "\ufffd"]
        assert whole_texts.whole_text(kind, add(kind, events[0])) == "a\ufffd"


@pytest.mark.parametrize("index", [None, "0", 0.0, -1, True, "first", {}, 10**30])
def test_fault_06_any_index(index: Any) -> None:
    assert (
        add("openai_chat", content("a", index), content("b", index))["choices"][0]["message"][
            "content"
        ]
        == "ab"
    )
    assert texts("openai_chat", content("a", index), content("b", index)) == "ab"


@pytest.mark.parametrize("kind", KINDS)
def test_fault_15_an_index_is_a_key_and_fills_nothing(kind: str) -> None:
    huge = 10**12
    events = [
        {"choices": [{"index": huge, "delta": {"content": "x", "tool_calls": [{"index": huge}]}}]},
        {
            "type": "response.output_text.delta",
            "output_index": huge,
            "content_index": huge,
            "delta": "x",
        },
        {
            "type": "response.reasoning_summary_text.delta",
            "output_index": 1,
            "summary_index": huge,
            "delta": "x",
        },
        {
            "type": "content_block_start",
            "index": huge,
            "content_block": {"type": "text", "text": ""},
        },
        {
            "type": "content_block_delta",
            "index": huge,
            "delta": {"type": "text_delta", "text": "x"},
        },
        {"candidates": [{"index": huge, "content": {"parts": [{"text": "x"}]}}]},
    ]
    whole = add(kind, *events)
    assert '"x"' in json.dumps(whole)
    assert len(json.dumps(whole)) < 1000


def test_fault_06_partial_json_that_is_null() -> None:
    def more(piece: Any) -> dict[str, Any]:
        return {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }

    begun = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "t", "input": {}},
    }
    assert add("anthropic_messages", begun, more(None), more('{"a":'), more("1}"))["content"][0][
        "input"
    ] == {"a": 1}
    assert add("anthropic_messages", begun, more(None))["content"][0]["input"] == {}


def test_fault_14_choices_stay_apart() -> None:
    events = [content("b", 1), content("a"), content("b", 1), content("a"), {"choices": []}]
    assert texts("openai_chat", *events) == "aa"
    assert [c["message"]["content"] for c in add("openai_chat", *events)["choices"]] == ["aa", "bb"]
    both = {
        "choices": [
            {"index": 1, "delta": {"content": "B"}},
            {"index": 0, "delta": {"content": "A"}},
        ]
    }
    assert texts("openai_chat", both) == "A"
    assert texts("openai_chat", content("b", 1), content("c", 1)) == "bc", (
        "a stream without choice 0 has text"
    )
    apart = [
        {"candidates": [{"index": i, "content": {"parts": [{"text": t}]}}]}
        for i, t in ((0, "a"), (1, "b"))
    ]
    assert texts("gemini", *apart) == "a"


def test_fault_14_events_that_carry_messages() -> None:
    pieces = [{"choices": [{"message": {"content": text}}]} for text in ("ha", "ha", "!")]
    assert texts("openai_chat", *pieces) == "haha!"
    assert add("openai_chat", *pieces)["choices"][0]["message"]["content"] == "haha!"


def test_time_is_linear() -> None:
    def seconds(number: int) -> float:
        events = [{"choices": [{"delta": {"content": "x" * 20, "other": "ab"}}]}] * number
        start = time.thread_time()
        accumulated.accumulate("openai_chat", events)
        return time.thread_time() - start

    seconds(1000)
    # The best of three: the collector may run in between.
    small, large = (min(seconds(number) for _ in range(3)) for number in (4000, 32_000))
    assert large < 40 * max(small, 0.002)


# --- streams that are not as they should be
# -------------------------------------------------------------

NESTED: Any = "x"
for _ in range(400):
    NESTED = {"content": NESTED} if _ % 2 else [NESTED]

BASES: dict[str, list[list[Any]]] = {
    "openai_chat": [events for events, _ in STREAMS.values()],
    "openai_responses": [
        [
            {
                "type": "response.created",
                "response": {"id": "r", "status": "in_progress", "output": []},
            },
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": {"id": "i", "type": "message", "content": []},
            },
            {
                "type": "response.content_part.added",
                "item_id": "i",
                "output_index": 0,
                "content_index": 0,
                "part": {"type": "output_text", "text": ""},
            },
            {
                "type": "response.output_text.delta",
                "item_id": "i",
                "output_index": 0,
                "content_index": 0,
                "delta": "a",
            },
            {
                "type": "response.output_text.done",
                "item_id": "i",
                "output_index": 0,
                "content_index": 0,
                "text": "a",
            },
            {
                "type": "response.output_item.added",
                "output_index": 1,
                "item": {"id": "f", "type": "function_call", "name": "f"},
            },
            {
                "type": "response.function_call_arguments.delta",
                "item_id": "f",
                "output_index": 1,
                "delta": "{}",
            },
            {
                "type": "response.reasoning_summary_text.delta",
                "item_id": "s",
                "output_index": 2,
                "summary_index": 0,
                "delta": "h",
            },
            {
                "type": "response.output_item.done",
                "output_index": 0,
                "item": {"id": "i", "type": "message", "content": []},
            },
            {
                "type": "response.incomplete",
                "response": {"id": "r", "status": "incomplete", "output": []},
            },
        ]
    ],
    "anthropic_messages": [
        [
            {
                "type": "message_start",
                "message": {"id": "m", "content": [], "usage": {"input_tokens": 3}},
            },
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "thinking", "thinking": "", "signature": ""},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "thinking_delta", "thinking": "h"},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "signature_delta", "signature": "s"},
            },
            {
                "type": "content_block_start",
                "index": 1,
                "content_block": {"type": "text", "text": ""},
            },
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "text_delta", "text": "a"},
            },
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "citations_delta", "citation": {"url": "u"}},
            },
            {
                "type": "content_block_start",
                "index": 2,
                "content_block": {"type": "tool_use", "id": "t", "input": {}},
            },
            {
                "type": "content_block_delta",
                "index": 2,
                "delta": {"type": "input_json_delta", "partial_json": "{}"},
            },
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 5},
            },
        ]
    ],
    "gemini": [
        [
            {
                "candidates": [
                    {
                        "index": 0,
                        "content": {"role": "model", "parts": [{"text": "h", "thought": True}]},
                    }
                ]
            },
            {
                "candidates": [{"index": 0, "content": {"parts": [{"text": "a"}, {}]}}],
                "usageMetadata": {"totalTokenCount": 3},
            },
            {
                "candidates": [
                    {
                        "content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]},
                        "finishReason": "STOP",
                    }
                ]
            },
        ]
    ],
}
VALUES = [json.dumps(value) for value in (
    None, "", "\ud83d", "\ude00x", "0", "text", 0, -1, 10**12, 10**40, 1.5, float("inf"), True,
    False, {}, [], [[]], [None], [{}], {"": {}}, {"index": None}, [{"type": "text", "text": "p"}],
    {"content": {"text": 1}}, NESTED,
)]  # fmt: skip


def mutated(events: list[Any], chance: random.Random) -> list[Any]:
    """The events with values, names and whole events replaced, dropped, doubled or moved."""
    for _ in range(chance.randint(1, 4)):
        holder: Any = events
        while True:
            places = list(holder) if isinstance(holder, dict) else range(len(holder))
            if not places:
                break
            place = chance.choice(list(places))
            below = holder[place]
            if isinstance(below, (dict, list)) and below and chance.random() < 0.8:
                holder = below
                continue
            match chance.randint(0, 5):
                case 0:
                    del holder[place]
                case 1 if isinstance(holder, list):
                    holder.insert(chance.randint(0, len(holder)), copy.copy(below))
                case 2 if isinstance(holder, list):
                    chance.shuffle(holder)
                case _:
                    holder[place] = json.loads(chance.choice(VALUES))
            break
    return events


@pytest.mark.parametrize("kind", KINDS)
def test_fault_06_mutated_streams_never_raise(kind: str) -> None:
    bases = [json.dumps(events) for events in BASES[kind]]

    @many
    @given(st.integers(0, 2**48))
    def check(seed: int) -> None:
        chance = random.Random(seed)
        events = mutated(json.loads(chance.choice(bases)), chance)
        whole = accumulated.accumulate(kind, events)
        assert isinstance(whole, dict)
        for text in (
            whole_texts.whole_text(kind, whole),
            "".join(text_module.Texts(kind, None).pieces(events)),
        ):
            text.encode()  # no half of a character is left
        pieces = [text_module.Texts(kind, None).of(event) for event in events]
        assert all(isinstance(piece, str) for piece in pieces)

    check()


FIELDS = ["index", "id", "delta", "content", "message", "choices", "type", "text", "item"]
FIELDS += ["output_index", "x", ""]
LEAVES = [None, True, False, 0, 1, -1, 10**30, 0.5, 1e300, float("inf"), float("nan")]
LEAVES += ["", "x", "你", "\ud83d", "\x00", "text", "function"]


def any_json(chance: random.Random, depth: int = 0) -> Any:
    """A JSON value, with the names that events have."""
    kind = chance.randint(0, 3 if depth < 4 else 1)
    if kind <= 1:
        return chance.choice(LEAVES)
    size = chance.randint(0, 4)
    if kind == 2:
        return [any_json(chance, depth + 1) for _ in range(size)]
    return {chance.choice(FIELDS): any_json(chance, depth + 1) for _ in range(size)}


@pytest.mark.parametrize("kind", KINDS)
def test_fault_06_any_json_never_raises(kind: str) -> None:
    @many
    @given(st.integers(0, 2**48))
    def check(seed: int) -> None:
        chance = random.Random(seed)
        events = [any_json(chance) for _ in range(chance.randint(0, 5))]
        whole = accumulated.accumulate(kind, events)
        whole_texts.whole_text(kind, whole).encode()
        "".join(text_module.Texts(kind, None).pieces(events)).encode()

    check()


@many
@given(st.integers(0, 2**48))
def test_fault_14_read_three_ways(seed: int) -> None:
    """Streams of several choices: the events, the text and the final response agree."""
    chance = random.Random(seed)
    letters = ["a", "你", "\ud83d", "\ude00", "", "\n"]
    pieces = [
        (chance.randint(0, 2), "".join(chance.choices(letters, k=chance.randint(0, 4))))
        for _ in range(chance.randint(0, 12))
    ]
    events = [content(text, index) for index, text in [(0, ""), *pieces]]
    whole = accumulated.accumulate("openai_chat", events)
    said = merge.mended("".join(text for index, text in pieces if index == 0))
    assert texts("openai_chat", *events) == said
    assert whole["choices"][0]["message"]["content"] == said


@many
@given(st.integers(0, 2**48))
def test_fault_07_calls_however_they_are_numbered(seed: int) -> None:
    """Parallel calls in pieces, numbered by id alone, by index alone, or by the order of names."""
    chance = random.Random(seed)
    letters = ["a", "{", '"', "\\", "你", "\ud83d", "\ude00", "\n"]
    made = [
        (chance.choice(["a", "b", "ab"]), "".join(chance.choices(letters, k=chance.randint(0, 8))))
        for _ in range(chance.randint(1, 5))
    ]
    for numbered in ("id", "index", "open"):
        events = []
        for place, (name, arguments) in enumerate(made):
            function = {"name": f"{name}{place}", "arguments": ""}
            number = (
                {"id": f"call-{place}"}
                if numbered == "id"
                else {"index": place}
                if numbered == "index"
                else {}
            )
            first = {**number, "function": function}
            rest = [{**number, "function": {"arguments": piece}} for piece in arguments]
            events += [{"choices": [{"delta": {"tool_calls": [one]}}]} for one in (first, *rest)]
        calls = accumulated.accumulate("openai_chat", events)["choices"][0]["message"]["tool_calls"]
        assert [c["function"]["name"] for c in calls] == [
            f"{name}{place}" for place, (name, _) in enumerate(made)
        ]
        assert [c["function"]["arguments"] for c in calls] == [
            merge.mended(arguments) for _, arguments in made
        ]
