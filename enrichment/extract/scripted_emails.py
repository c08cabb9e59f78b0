"""E-mail addresses that only a script would show: pieces joined, codes, shifted letters.

No script is run. What is understood: string literals, variables holding one, ``+``, arrays with
``join``, ``reverse``, ``String.fromCharCode``, ``unescape``/``decodeURIComponent``, ``atob``; and
what protects addresses on a large part of the web: Cloudflare's ``data-cfemail``, TYPO3's shifted
``mailto``, rot13 attributes.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

MAX_SCRIPT = 60_000  # characters; longer ones are libraries and application state
MAX_CHAINS = 4_000
MAX_VALUE = 5_000

_STRING = r"\"(?:[^\"\\\n]|\\.){0,2000}\"|'(?:[^'\\\n]|\\.){0,2000}'"
_NAME = r"[A-Za-z_$][\w$]{0,40}"
_CODES = r"String\.fromCharCode\([\d\sxa-fA-F,]{1,2000}\)"
_ARRAY = rf"\[(?:\s*(?:{_STRING})\s*,?){{1,60}}\]"
_CALL = rf"(?:unescape|decodeURIComponent|decodeURI|atob|window\.atob)\(\s*(?:{_STRING})\s*\)"
_METHODS = (
    r"(?:\.split\(\s*['\"]{2}\s*\)|\.reverse\(\)|\.join\(\s*(?:''|\"\"|'[^'\n]{1,5}'"
    r"|\"[^\"\n]{1,5}\")\s*\)"
    r"|\.concat\([^()\n]{0,200}\)|\.toLowerCase\(\)"
    r"|\.replace\(\s*(?:'[^'\n]{1,20}'|\"[^\"\n]{1,20}\"|/[^/\n]{1,20}/g?i?)\s*,\s*"
    r"(?:'[^'\n]{0,5}'|\"[^\"\n]{0,5}\")\s*\))"
)
_TERM = rf"(?:{_CODES}|{_CALL}|{_ARRAY}|{_STRING}|{_NAME}){_METHODS}{{0,4}}"
_TERM_PARTS = re.compile(
    rf"(?P<head>{_CODES}|{_CALL}|{_ARRAY}|{_STRING}|{_NAME})(?P<tail>{_METHODS}{{0,4}})"
)
_CHAIN = re.compile(rf"{_TERM}(?:\s{{0,20}}\+\s{{0,20}}{_TERM}){{0,40}}")
_ASSIGNMENT = re.compile(
    rf"(?<![\w$.])({_NAME})\s{{0,5}}(\+?=)(?!=)\s{{0,20}}({_TERM}(?:\s{{0,20}}\+\s{{0,20}}{_TERM}){{0,40}})"
)
_REPLACE = re.compile(
    r"\.replace\(\s*('[^'\n]{1,20}'|\"[^\"\n]{1,20}\"|/[^/\n]{1,20}/g?i?)\s*,\s*(.{2,7}?)\s*\)$"
)
_STRINGS = re.compile(_STRING)
_ESCAPES = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,4}|\d{1,5}")
_WORTH_READING = re.compile(
    r"@|%40|\\x40|\\u0040|&#|fromCharCode|unescape|atob|\[at\]|reverse\(|replace\("
)
_WRITING = re.compile(
    r"document\.write|innerHTML|innerText|textContent|mailto|\.href|\.html\(|\.text\(|\.append\("
    r"|location"
)
_TYPO3 = re.compile(r"linkTo_UnCryptMailto\(\s*(?:%27|['\"])([^'\")]{5,300}?)(?:%27|['\"])")
_TYPO3_RANGES = ((0x2B, 0x3A), (0x40, 0x5A), (0x61, 0x7A))
_CFEMAIL = re.compile(r"(?:data-cfemail=[\"']?|/cdn-cgi/l/email-protection#)([0-9a-fA-F]{6,600})")


def decode_cfemail(code: str) -> str:
    """Cloudflare's code: the first byte is the key of all others. ``""`` for a broken one."""
    try:
        numbers = bytes.fromhex(code)
        return bytes(number ^ numbers[0] for number in numbers[1:]).decode("utf-8")
    except (ValueError, IndexError):
        return ""


def cloudflare_addresses(html: str) -> Iterator[str]:
    """Decoded addresses in page order; Cloudflare itself writes each one once or twice."""
    for found in _CFEMAIL.finditer(html):
        address = decode_cfemail(found.group(1))
        if address:
            yield address.partition("?")[0]


def typo3_addresses(html: str) -> Iterator[str]:
    """Addresses behind ``linkTo_UnCryptMailto``: the shift that gives ``mailto:`` is the key."""
    for found in _TYPO3.finditer(html):
        text = unquote(found.group(1))
        for shift in range(-26, 27):
            plain = "".join(_shifted(letter, shift) for letter in text)
            if plain.startswith("mailto:"):
                yield plain.removeprefix("mailto:").partition("?")[0]
                break


def _shifted(letter: str, shift: int) -> str:
    code = ord(letter)
    for low, high in _TYPO3_RANGES:
        if low <= code <= high:
            return chr(low + (code - low + shift) % (high - low + 1))
    return letter


def attribute_strings(element: Any) -> Iterator[str]:
    """Readings of an element's ``data-`` attributes that may hold an address, likeliest first."""
    values = {name: value for name, value in element.attrib.items() if name.startswith("data-")}
    user = _first(values, "user", "name", "local", "account", "u", "mailbox", "part1", "email-user")
    domain = _first(values, "domain", "host", "d", "part2", "site", "email-domain", "server")
    tld = _first(values, "tld", "ext", "suffix")
    if user and domain and "@" not in user:
        yield f"{user}@{domain}" + (f".{tld.lstrip('.')}" if tld else "")
    for value in values.values():
        if 5 < len(value) < 400:
            yield from (value, *_decoded(value))


def _first(values: dict[str, str], *names: str) -> str:
    for name in names:
        for known in (name, f"email-{name}", f"mail-{name}", f"e-{name}"):
            if values.get(f"data-{known}"):
                return values[f"data-{known}"].strip()
    return ""


def _decoded(value: str) -> Iterator[str]:
    if "@" in value or "[at]" in value:
        yield codecs.encode(value, "rot13")
        yield value[::-1]
    elif "%40" in value:
        yield unquote(value)
    elif re.fullmatch(r"[A-Za-z0-9+/]{8,300}={0,2}", value):
        yield _from_base64(value)


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def scripted_strings(script: str) -> Iterator[str]:
    """Strings a script puts together or writes into the page, as far as they can be worked out."""
    if len(script) > MAX_SCRIPT or not _WRITING.search(script):
        return  # what is not written into the page is nothing a visitor sees
    if not _WORTH_READING.search(script):
        return
    known: dict[str, str] = {}
    for assignment in _ASSIGNMENT.finditer(script):
        name, sign, chain = assignment.groups()
        value = _worked_out(chain, known)
        if value is not None:
            before = known.get(name, "") if sign == "+=" else ""
            known[name] = (before + value)[:MAX_VALUE]
    for number, chain in enumerate(_CHAIN.finditer(script)):
        if number >= MAX_CHAINS:
            return
        value = _worked_out(chain.group(0), known)
        if value and ("@" in value or "[at]" in value):
            yield value


def _worked_out(chain: str, known: dict[str, str]) -> str | None:
    """The value of a chain; ``None`` when a part of it cannot be known."""
    parts = []
    for term in _TERM_PARTS.finditer(chain):
        value = _term(term.group("head"), known)
        if value is None:
            return None
        parts.append(_after_methods(value, term.group("tail")))
    return "".join(parts)[:MAX_VALUE] if parts else None


def _term(head: str, known: dict[str, str]) -> str | list[str] | None:
    if head[0] in "\"'":
        return _literal(head)
    if head[0] == "[":
        return [_literal(item) for item in _STRINGS.findall(head)]
    if head.startswith("String.fromCharCode"):
        return "".join(chr(int(code, 0)) for code in _NUMBER.findall(head) if _is_code(code))
    literal = _STRINGS.search(head)
    if literal and "(" in head:
        text = _literal(literal.group(0))
        return _from_base64(text) if "atob" in head else unquote(text)
    return known.get(head)


def _is_code(code: str) -> bool:
    return (len(code) == 1 or code[:2] == "0x" or code[0] != "0") and int(code, 0) < 0x110000


def _literal(text: str) -> str:
    return _ESCAPES.sub(
        lambda code: chr(int(code[1] or code[2], 16)) if code[1] or code[2] else code[3],
        text[1:-1],
    )


def _after_methods(value: str | list[str], methods: str) -> str:
    for method in re.findall(_METHODS, methods):
        if method.startswith(".split"):
            value = list(value)
        elif method.startswith(".reverse") and isinstance(value, list):
            value = value[::-1]
        elif method.startswith(".join"):
            glue = _STRINGS.search(method)
            value = (_literal(glue.group(0)) if glue else "").join(value)
        elif method.startswith(".concat"):
            value = "".join(value) + "".join(_literal(item) for item in _STRINGS.findall(method))
        elif method.startswith(".replace") and isinstance(value, str):
            value = _replaced(value, method)
    return value if isinstance(value, str) else ",".join(value)


def _replaced(value: str, method: str) -> str:
    found = _REPLACE.match(method)
    if found is None:
        return value
    old, new = found.groups()
    if old[0] in "'\"":
        return value.replace(_literal(old), _literal(new), 1)
    plain = old[1 : old.rindex("/")].replace("\\", "")
    return value.replace(plain, _literal(new))
