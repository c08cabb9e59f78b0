"""What a strict server refuses before a model sees it, as the contract tells."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from leadgen_project.sandbox.loopback import Request

# Models that think first: ``max_tokens`` and any temperature but 1 are refused.
REASONING = re.compile(r"(?:gpt-5|o\d)")
ROLES = {"developer", "system", "user", "assistant", "tool"}
PARAMETERS = {"model", "messages", "response_format", "max_completion_tokens", "max_tokens",
              "temperature", "seed", "user", "safety_identifier", "metadata", "reasoning_effort",
              "service_tier", "prompt_cache_key", "stream", "stream_options",
              "n", "stop", "top_p", "tools",
              "tool_choice", "store", "logprobs", "presence_penalty",
              "frequency_penalty"}  # fmt: skip
SCHEMA_WORDS = {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf",
                "$ref", "$defs", "const", "description"}  # fmt: skip


class RefusedError(Exception):
    """An answer with a status above 399, in the server's own words."""

    def __init__(
        self, status: int, code: str, text: str, *, param: str = "",
        kind: str = "invalid_request_error",
    ) -> None:  # fmt: skip
        super().__init__(text)
        self.status, self.code, self.param, self.kind = status, code, param, kind


def check_door(
    request: Request, key: str, *, path: str, keys: Collection[str], forbidden: bool
) -> None:
    """Address, method, key and country."""
    if request.path != path:
        raise RefusedError(404, "", f"Invalid URL ({request.method} {request.path})")
    if request.method != "POST":
        raise RefusedError(405, "", "Not allowed to use this method here")
    if key not in keys:
        # Real servers repeat part of the key, which is why their words go nowhere.
        raise RefusedError(401, "invalid_api_key", f"Incorrect API key provided: {key[:8]}***")
    if forbidden:
        raise RefusedError(403, "unsupported_country_region_territory", "Region not supported")


def check_request(
    question: Any, *, models: Collection[str], without_schemas: bool,
    refuses: Collection[str] = (),
) -> Any:  # fmt: skip
    """The request as it is, or ``RefusedError`` with the first thing wrong."""
    if not isinstance(question, dict):
        raise RefusedError(400, "", "We could not parse the JSON body of your request.")
    for name in question:
        if name not in PARAMETERS or name in refuses:
            raise RefusedError(400, "unknown_parameter", f"Unrecognized request argument: {name}",
                          param=name)  # fmt: skip
    model = question.get("model")
    if not isinstance(model, str) or not model:
        raise RefusedError(400, "", "you must provide a model parameter")
    if model not in models:
        raise RefusedError(
            404, "model_not_found", f"The model `{model}` does not exist", param="model"
        )
    _check_messages(question.get("messages"))
    if "tools" in question:
        _check_tools(question["tools"])
    _check_numbers(question, is_reasoning=bool(REASONING.match(model)))
    _check_format(question, without_schemas=without_schemas)
    _check_stream(question)
    return question


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise RefusedError(400, "invalid_value", "[] is too short - 'messages'", param="messages")
    waiting: set[str] = set()  # calls of tools that have no answer yet
    for number, message in enumerate(messages):
        is_told = isinstance(message, dict) and isinstance(message.get("content"), str)
        if not is_told or message.get("role") not in ROLES:
            raise RefusedError(400, "invalid_value", "Invalid message", param=f"messages[{number}]")
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                text = "messages with role 'tool' must be a response to a preceding message with"
                raise RefusedError(400, "", f"{text} 'tool_calls'.", param=f"messages[{number}]")
            waiting.discard(message["tool_call_id"])
            continue
        if waiting:
            text = "An assistant message with 'tool_calls' must be followed by tool messages"
            raise RefusedError(400, "", text, param=f"messages[{number}]")
        waiting = {call["id"] for call in message.get("tool_calls", [])}


def _check_tools(tools: Any) -> None:
    """Names, descriptions and schemas, as they are checked before anything is said."""
    names = []
    for number, tool in enumerate(tools if isinstance(tools, list) else [None]):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            raise RefusedError(400, "invalid_value", "Invalid tool", param=f"tools[{number}]")
        names.append(str(function.get("name", "")))
        is_short = len(str(function.get("description", ""))) <= 1024
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", names[-1]) or not is_short:
            raise RefusedError(400, "invalid_value", "Invalid tool", param=f"tools[{number}]")
        _check_strict(function.get("parameters"), at=names[-1])
    if len(set(names)) < len(names) or len(names) > 128:
        raise RefusedError(400, "invalid_value", "Tools must differ in name", param="tools")


def _check_numbers(question: Mapping[str, Any], *, is_reasoning: bool) -> None:
    if is_reasoning and "max_tokens" in question:
        text = "Unsupported parameter: 'max_tokens' is not supported with this model."
        raise RefusedError(400, "unsupported_parameter", text, param="max_tokens")
    temperature = question.get("temperature", 1)
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise RefusedError(
            400, "invalid_type", "Invalid type for 'temperature'", param="temperature"
        )
    if is_reasoning and temperature != 1:
        text = f"Unsupported value: 'temperature' does not support {temperature} with this model."
        raise RefusedError(400, "unsupported_value", text, param="temperature")
    if not 0 <= temperature <= 2:
        raise RefusedError(
            400, "decimal_above_max_value", "Invalid 'temperature'", param="temperature"
        )
    for name in ("max_completion_tokens", "max_tokens"):
        cap = question.get(name, 1)
        if isinstance(cap, bool) or not isinstance(cap, int) or cap < 1:
            raise RefusedError(400, "integer_below_min_value", f"Invalid '{name}'", param=name)


def _check_stream(question: Mapping[str, Any]) -> None:
    if not isinstance(question.get("stream", False), bool):
        raise RefusedError(400, "invalid_type", "Invalid type for 'stream'", param="stream")
    options = question.get("stream_options")
    if options is None:
        return
    if not question.get("stream"):
        text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise RefusedError(400, "", text, param="stream_options")
    is_told = isinstance(options, dict) and set(options) <= {"include_usage"}
    if not is_told or not all(isinstance(each, bool) for each in options.values()):
        raise RefusedError(400, "invalid_type", "Invalid 'stream_options'", param="stream_options")


def _check_format(question: Mapping[str, Any], *, without_schemas: bool) -> None:
    asked = question.get("response_format", {"type": "text"})
    kind = asked.get("type") if isinstance(asked, dict) else None
    if kind not in {"text", "json_object", "json_schema"}:
        raise RefusedError(400, "invalid_value", "Invalid value: 'response_format.type'",
                      param="response_format.type")  # fmt: skip
    if kind == "json_object":
        words = " ".join(message["content"] for message in question["messages"]).lower()
        if "json" not in words:
            raise RefusedError(400, "", "'messages' must contain the word 'json' in some form",
                          param="messages")  # fmt: skip
    if kind != "json_schema":
        return
    if without_schemas:
        raise RefusedError(400, "", "response_format json_schema is not supported by this server")
    given = asked.get("json_schema")
    given = given if isinstance(given, dict) else {}
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(given.get("name", ""))):
        raise RefusedError(400, "invalid_value", "Invalid 'response_format.json_schema.name'",
                      param="response_format.json_schema.name")  # fmt: skip
    if given.get("strict"):
        _check_strict(given.get("schema"), at="()")


def _check_strict(schema: Any, *, at: str) -> None:
    """Every object closed, every property required, no word a strict server may not know."""
    if not isinstance(schema, dict):
        raise _invalid(f"In context={at}, a schema must be an object")
    if unknown := set(schema) - SCHEMA_WORDS:
        raise _invalid(f"In context={at}, '{min(unknown)}' is not permitted")
    if schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False:
            raise _invalid(f"In context={at}, 'additionalProperties' is required to be false")
        if set(schema.get("required", [])) != names:
            raise _invalid(f"In context={at}, 'required' must include every key in properties")
    for name, inner in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        _check_strict(inner, at=f"{at}.{name}")
    for inner in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        _check_strict(inner, at=f"{at}[]")


def _invalid(text: str) -> RefusedError:
    return RefusedError(
        400, "", f"Invalid schema for response_format: {text}", param="response_format"
    )
