"""What a language model's refusals mean: each row of the contract's table of errors, once.

The class of the package is the safer key, since codes of compatible servers may be numbers or
missing. Texts of servers are searched, never repeated: they quote keys and prompts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tenants.permits import Charge, Halt, VendorError

if TYPE_CHECKING:
    import openai

# What may be left out of a question, by the name a server refuses it with.
OPTIONAL = {
    "temperature": "temperature",
    "max_completion_tokens": "max_completion_tokens",
    "response_format": "json_schema",
    "json_schema": "json_schema",
    "json_object": "json_object",
    "stream_options": "stream_options",
    "stream": "stream",
}
# Status -> what the operator reads. No call is made after one until somebody has put it right.
REFUSALS = {
    401: "The language model refused the key. Enter another one under Vendors.",
    403: "The key may not use the model {model} (region or project). See Vendors.",
    404: "This key reaches no model {model} at this address. Set another (LANGCHAIN_MODEL, or the"
    " tenant's own), then resume under Vendors.",
}
NO_MONEY = (
    "The account of the language model has no money left. Top it up, then resume under Vendors."
)


class LanguageModelError(VendorError):
    """The language model did not answer as asked; see ``VendorError``."""


class ParameterRefusedError(LanguageModelError):
    """The model does not take ``parameter``. It is remembered: the same question will do now."""

    def __init__(self, parameter: str, *, model: str, status: int) -> None:
        super().__init__(
            f"The model {model} does not take {parameter}; it is asked without.",
            charge=Charge.NONE,
            status=status,
        )
        self.parameter = parameter


class TextTooLongError(LanguageModelError):
    """The text does not fit the model; a shorter one may."""


class AnswerUnusableError(LanguageModelError):
    """It answered, and was paid, but there is nothing to use: cut short, refused, or empty."""


def refusal_of(
    exc: openai.APIStatusError, *, model: str, left_out: frozenset[str]
) -> LanguageModelError:
    """The error for an answer with a status above 399; ``left_out`` was not sent."""
    code = exc.code if isinstance(exc.code, str) else ""
    status = exc.status_code
    if status in {400, 422} and (name := _refused_parameter(exc, code, left_out)):
        return ParameterRefusedError(name, model=model, status=status)
    if code == "context_length_exceeded":
        return TextTooLongError(
            f"The text is too long for the model {model}.", charge=Charge.NONE, status=status
        )
    if status == 403 and not isinstance(exc.body, dict):
        return LanguageModelError(  # a protective layer's page: nobody has looked at the key
            "Something before the language model refused the call (403).",
            retryable=True, charge=Charge.NONE, status=status,
        )  # fmt: skip
    sentence, halt, retryable, charge = _meaning(status, code, model)
    return LanguageModelError(
        sentence, halt=halt, retryable=retryable, charge=charge, status=status,
        retry_after=_retry_after(exc.response.headers),
    )  # fmt: skip


def _meaning(status: int, code: str, model: str) -> tuple[str, Halt, bool, Charge]:
    """Sentence, halt, whether a repeat may help, and whether it may have been charged."""
    if status in REFUSALS:
        return REFUSALS[status].format(model=model), Halt.KEY, False, Charge.NONE
    if status == 429 and code == "insufficient_quota":
        return NO_MONEY, Halt.CREDITS, False, Charge.NONE
    if status in {409, 429}:
        return f"The language model asks to wait ({status}).", Halt.NO, True, Charge.NONE
    if status >= 500:
        return f"The language model is in trouble ({status}).", Halt.NO, True, Charge.UNKNOWN
    known = f", {code}" if re.fullmatch(r"[a-z_]{1,40}", code) else ""
    sentence = f"The language model {model} refused the question ({status}{known})."
    return sentence, Halt.NO, False, Charge.NONE


def _refused_parameter(exc: openai.APIStatusError, code: str, left_out: frozenset[str]) -> str:
    """The optional parameter a server does not take, when that is why it refused.

    Compatible servers leave ``code`` or ``param`` out, so the text is searched for the name too.
    """
    text = str(exc.message).casefold()
    speaks_of_it = code.startswith(("unsupported_", "unknown_parameter")) or any(
        word in text for word in ("unsupported", "not supported", "unrecognized", "unknown param",
                                  "extra_forbidden", "extra inputs")
    )  # fmt: skip
    if not speaks_of_it:
        return ""
    place = f"{exc.param or ''} {text}"
    named = [what for name, what in OPTIONAL.items() if re.search(rf"\b{name}\b", place)]
    if "json_schema" in named:
        named.append("json_object")  # the milder form, once the stricter one was refused
    return next((what for what in named if what not in left_out), "")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from ``retry-after-ms`` or ``retry-after``; dates are not worth reading."""
    for name, share in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / share
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None
