"""Streams of Chat Completions as gateways are publicly known to send them, beside what they
accumulate to.

Each is cut down to a few events that have what is particular of the gateway: empty fields,
repeated fields, missing
or equal indexes, whole messages. `STREAMS` maps a name to (events, what the response has).
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
WEATHER = '{"city": "Paris"}'


def chunk(
    delta: Json | None = None, finish: str | None = None, index: int = 0, **more: Any
) -> Json:
    """One event with one choice; `choice` in `more` has further fields of it."""
    choice = {
        "index": index,
        "delta": delta or {},
        "finish_reason": finish,
        **more.pop("choice", {}),
    }
    base = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**base, "choices": [choice], **more}


def call(index: int | None = None, id: Any = None, name: Any = None, arguments: Any = None) -> Json:
    """A tool call's delta without what is None; the text "null" stands for null."""
    function = {"name": name, "arguments": arguments}
    whole = {
        "index": index,
        "id": id,
        "function": {key: value for key, value in function.items() if value is not None},
    }
    return {key: value for key, value in whole.items() if value is not None}


def usage(total: int) -> Json:
    return {"prompt_tokens": 1, "completion_tokens": total - 1, "total_tokens": total}


def calls(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    """What tool calls come to: their names and arguments."""
    return list(pairs)


BOTH = calls(("weather", WEATHER), ("time", '{"zone": "CET"}'))

STREAMS: dict[str, tuple[list[Json], Json]] = {
    "openai": (
        [
            chunk({"role": "assistant", "content": "", "refusal": None}, system_fingerprint="fp"),
            chunk({"content": "Hel"}, system_fingerprint="fp"),
            chunk({"content": "lo"}, system_fingerprint="fp"),
            chunk({}, "stop", system_fingerprint="fp"),
            {**chunk(usage=usage(3)), "choices": []},
        ],
        {"content": "Hello", "finish": "stop", "usage": usage(3), "system_fingerprint": "fp"},
    ),
    "openai, two tools": (
        [
            chunk({"role": "assistant", "content": None}),
            chunk({"tool_calls": [{**call(0, "a", "weather", ""), "type": "function"}]}),
            chunk({"tool_calls": [call(0, arguments='{"city"')]}),
            chunk({"tool_calls": [call(0, arguments=': "Paris"}')]}),
            chunk({"tool_calls": [{**call(1, "b", "time", ""), "type": "function"}]}),
            chunk({"tool_calls": [call(1, arguments='{"zone": "CET"}')]}),
            chunk({}, "tool_calls"),
        ],
        {"content": None, "finish": "tool_calls", "calls": BOTH, "ids": ["a", "b"]},
    ),
    "azure": (
        [
            {
                "choices": [],
                "created": 0,
                "id": "",
                "model": "",
                "object": "",
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
            },
            chunk({"role": "assistant", "content": ""}, choice={"content_filter_results": {}}),
            chunk(
                {"content": "Hello"},
                choice={"content_filter_results": {"hate": {"filtered": False}}},
            ),
            chunk({}, "stop", choice={"content_filter_results": {}}),
            {**chunk(usage=None), "id": "", "model": "", "object": "", "choices": []},
        ],
        {"content": "Hello", "finish": "stop"},
    ),
    "vllm": (
        [
            chunk({"role": "assistant", "content": "", "reasoning_content": None}, usage=usage(1)),
            chunk({"reasoning_content": "Hm"}, choice={"stop_reason": None, "logprobs": None}),
            chunk(
                {"content": "Hel"},
                choice={"logprobs": {"content": [{"token": "l", "logprob": -1}]}},
            ),
            chunk(
                {"content": "lo"}, choice={"logprobs": {"content": [{"token": "l", "logprob": -1}]}}
            ),
            chunk({"content": ""}, "stop", usage=usage(9), choice={"stop_reason": None}),
        ],
        {"content": "Hello", "reasoning_content": "Hm", "finish": "stop", "usage": usage(9)},
    ),
    "vllm, a call whose id and name are repeated empty": (
        [
            chunk({"role": "assistant", "tool_calls": [call(0, "a", "weather")]}),
            chunk({"tool_calls": [call(0, "", "", '{"city": ')]}),
            chunk({"tool_calls": [call(0, "", "", '"Paris"}')], "role": ""}, model=""),
            chunk({}, "tool_calls", id=""),
        ],
        {"finish": "tool_calls", "calls": [("weather", WEATHER)], "ids": ["a"]},
    ),
    "ollama, whole calls that all have index 0": (
        [
            chunk(
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [call(0, "a", "weather", WEATHER)],
                }
            ),
            chunk(
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [call(0, "b", "time", '{"zone": "CET"}')],
                }
            ),
            chunk({"role": "assistant", "content": ""}, "tool_calls"),
        ],
        {"finish": "tool_calls", "calls": BOTH, "ids": ["a", "b"]},
    ),
    "ollama, the native form": (
        [
            {"model": "m", "message": {"role": "assistant", "content": "Hel"}, "done": False},
            {"model": "m", "message": {"role": "assistant", "content": "lo"}, "done": False},
            {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True},
        ],
        {"content": "Hello", "id": None},
    ),
    "litellm": (
        [
            chunk({"role": "assistant", "content": "Hel", "tool_calls": None}, citations=None),
            chunk({"content": "lo", "provider_specific_fields": {}}),
            chunk({"tool_calls": [{**call(0, "a", "weather", ""), "type": "function"}]}),
            chunk(
                {
                    "tool_calls": [
                        {
                            "id": None,
                            "index": 0,
                            "type": "function",
                            "function": {"name": None, "arguments": WEATHER},
                        }
                    ]
                }
            ),
            chunk({"content": None, "role": None}, "tool_calls"),
        ],
        {"content": "Hello", "finish": "tool_calls", "calls": [("weather", WEATHER)], "ids": ["a"]},
    ),
    "deepseek": (
        [
            chunk({"role": "assistant", "content": None, "reasoning_content": ""}, usage=None),
            chunk({"content": None, "reasoning_content": "Hm"}, usage=None),
            chunk({"content": "Hello", "reasoning_content": None}, usage=None),
            chunk({"content": "", "reasoning_content": None}, "stop", usage=usage(7)),
        ],
        {"content": "Hello", "reasoning_content": "Hm", "finish": "stop", "usage": usage(7)},
    ),
    "qwen": (
        [
            chunk(
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{**call(0, "a", "weather", ""), "type": "function"}],
                }
            ),
            chunk({"tool_calls": [{**call(0, "", "", '{"city": '), "type": "function"}]}),
            chunk({"tool_calls": [{**call(0, "", None, '"Paris"}'), "type": "function"}]}),
            chunk({"tool_calls": [{**call(1, "b", "time", ""), "type": "function"}]}),
            chunk(
                {"tool_calls": [{**call(1, "", None, '{"zone": "CET"}'), "type": "function"}]}, ""
            ),
            chunk({"content": "", "tool_calls": None}, "tool_calls"),
        ],
        {"finish": "tool_calls", "calls": BOTH, "ids": ["a", "b"]},
    ),
    "dashscope, whole messages that grow": (
        [
            chunk(
                choice={"message": {"role": "assistant", "content": "Hel"}, "finish_reason": "null"}
            ),
            chunk(choice={"message": {"role": "assistant", "content": "Hello, wor"}}),
            chunk(
                choice={
                    "message": {"role": "assistant", "content": "Hello, world"},
                    "finish_reason": "stop",
                }
            ),
        ],
        {"content": "Hello, world", "finish": "stop"},
    ),
    "zhipu": (
        [
            chunk({"role": "assistant", "content": "Hel"}),
            chunk({"role": "assistant", "content": "lo"}),
            chunk(
                {
                    "role": "assistant",
                    "tool_calls": [{**call(0, "call_1", "weather", WEATHER), "type": "function"}],
                }
            ),
            chunk({"role": "assistant", "content": ""}, "tool_calls", usage=usage(5)),
        ],
        {
            "content": "Hello",
            "finish": "tool_calls",
            "calls": [("weather", WEATHER)],
            "usage": usage(5),
        },
    ),
    "moonshot": (
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Hello"}),
            chunk({"tool_calls": [{**call(0, "weather:0", "weather", ""), "type": "function"}]}),
            chunk({"tool_calls": [call(0, arguments=WEATHER)]}),
            chunk({}, "tool_calls", choice={"usage": usage(4)}),
        ],
        {
            "content": "Hello",
            "finish": "tool_calls",
            "calls": [("weather", WEATHER)],
            "ids": ["weather:0"],
        },
    ),
    "groq": (
        [
            chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1"}),
            chunk({"content": "Hello"}),
            chunk({}, "stop", x_groq={"id": "req_1", "usage": usage(4)}),
        ],
        {"content": "Hello", "finish": "stop", "x_groq": {"id": "req_1", "usage": usage(4)}},
    ),
    "mistral, calls without an index": (
        [
            chunk({"role": "assistant", "content": ""}),
            chunk(
                {
                    "content": "",
                    "tool_calls": [
                        call(None, "null", "weather", WEATHER),
                        call(None, "null", "time", '{"zone": "CET"}'),
                    ],
                },
                "tool_calls",
            ),
        ],
        {"finish": "tool_calls", "calls": BOTH},
    ),
    "mistral, content in parts": (
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "H"}]}]}),
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]}),
            chunk({"content": [{"type": "text", "text": "Hel"}]}),
            chunk({"content": "lo"}, "stop"),
        ],
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                {"type": "text", "text": "Hello"},
            ],
            "text": "Hello",
            "finish": "stop",
        },
    ),
    "gemini, calls without id that all have index 0": (
        [
            chunk(
                {
                    "role": "assistant",
                    "tool_calls": [{**call(0, "", "weather", WEATHER), "type": "function"}],
                }
            ),
            chunk(
                {
                    "role": "assistant",
                    "tool_calls": [
                        {**call(0, "", "weather", '{"city": "Rome"}'), "type": "function"}
                    ],
                }
            ),
            chunk({"role": "assistant"}, "stop", usage=usage(6)),
        ],
        {
            "finish": "stop",
            "calls": calls(("weather", WEATHER), ("weather", '{"city": "Rome"}')),
            "usage": usage(6),
        },
    ),
    "openrouter": (
        [
            chunk(
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning": "H",
                    "reasoning_details": [{"type": "reasoning.text", "text": "H", "index": 0}],
                }
            ),
            chunk(
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning": "m",
                    "reasoning_details": [{"type": "reasoning.text", "text": "m", "index": 0}],
                }
            ),
            chunk({"role": "assistant", "content": "Hello"}, choice={"native_finish_reason": None}),
            chunk(
                {"role": "assistant", "content": ""},
                "stop",
                choice={"native_finish_reason": "end_turn"},
            ),
        ],
        {"content": "Hello", "reasoning": "Hm", "finish": "stop"},
    ),
    "minimax, a whole message at the end": (
        [
            chunk({"role": "assistant", "content": "Hel"}),
            chunk({"role": "assistant", "content": "lo"}, "stop"),
            {
                "id": "c-1",
                "model": "m",
                "object": "chat.completion",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "Hello"},
                        "finish_reason": "stop",
                    }
                ],
                "usage": usage(3),
            },
        ],
        {"content": "Hello", "finish": "stop", "usage": usage(3)},
    ),
    "bedrock proxies, arguments that begin with an empty object": (
        [
            chunk({"tool_calls": [call(0, "a", "weather", "{}")]}),
            chunk({"tool_calls": [call(0, arguments='{"city": ')]}),
            chunk({"tool_calls": [call(0, arguments='"Paris"}')]}, "tool_calls"),
        ],
        {"finish": "tool_calls", "calls": [("weather", WEATHER)]},
    ),
    "a gateway that numbers by text, and gives arguments as an object": (
        [
            chunk({"content": "Hel"}, choice={"index": "0"}),
            chunk({"content": "lo"}, choice={"index": None}),
            chunk(
                {
                    "tool_calls": [
                        {
                            "index": "0",
                            "id": "a",
                            "function": {"name": "weather", "arguments": {"city": "Paris"}},
                        }
                    ]
                },
                "tool_calls",
            ),
        ],
        {"content": "Hello", "finish": "tool_calls", "calls": [("weather", WEATHER)]},
    ),
    "a gateway whose deltas are text": (
        [
            {**chunk(), "choices": [{"index": 0, "delta": "Hel"}]},
            {**chunk(), "choices": [{"index": 0, "delta": "lo", "finish_reason": "stop"}]},
        ],
        {"content": "Hello", "finish": "stop"},
    ),
    "a gateway that sends its last call again": (
        [
            chunk({"tool_calls": [call(0, "a", "weather", WEATHER)]}),
            chunk({"tool_calls": [call(0, "a", "weather", WEATHER)]}, "tool_calls"),
        ],
        {"finish": "tool_calls", "calls": [("weather", WEATHER)]},
    ),
}
