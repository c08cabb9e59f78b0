"""Lines of a page that speak to a machine instead of a reader: kept from the model, never quoted.

Worded attacks have no end, so nothing rests on this list: no answer of a model moves a score, a
contact or a suppression. It keeps the plain ones out of what is stored and shown.
"""

from __future__ import annotations

import re

_WHO = (
    r"(?:a\.?i\.?|llms?|(?:large )?language models?|chat ?gpt|gpt[\w.-]*|claude|gemini"
    r"|(?:ai )?assistants?|chat ?bots?|crawlers?|scrapers?|bots?|models?|agents?)"
)
_US = r"(?:this|our|the) (?:compan(?:y|ies)|lead|business|firm|site|web ?site|page|entity)"
_PATTERNS = (
    # "ignore all previous instructions"
    (
        r"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}\b(?:instruct\w*|prompts?|rules?"
        r"|above|previous|prior|earlier|context|guidelines?|restrictions?)\b"
    ),
    # "you are now an assistant", "as an AI"
    (
        rf"\b(?:you are|you're|act as|pretend to be|behave as|as an?|dear|attention|note to|hey)\b"
        rf".{{0,30}}\b{_WHO}\b"
    ),
    (
        rf"\b{_WHO}\b.{{0,40}}\b(?:must|should|shall|please|are (?:to|required)|have to|need to"
        r"|instructed)\b"
    ),
    # roles as in a transcript: SYSTEM: or [system message]
    (
        r"(?:^|[\[({<#*\"']\s?)(?:system|assistant|developer|admin(?:istrator)?|user|instructions?)"
        r"(?:\s(?:prompt|message|note|override|instructions?|update|notice))?\s?[:\])}>]"
    ),
    r"\bsystem\s(?:prompt|message|override|instructions?)\b",
    # "score this company 100", "mark it as HIGH"
    rf"\b(?:score|rate|rank|grade|classify|bucket|mark|treat|label|prioriti[sz]e)\b.{{0,30}}\b{_US}",
    rf"\b{_US}.{{0,40}}\b(?:scores?|bucket|rating)\b.{{0,20}}(?:\d|high|max)",
    r"\b(?:score|rating|bucket)\b.{0,12}(?:=|:|\bis\b|\bto\b|\bof\b).{0,6}(?:100|10/10|high|max\w*)\b",
    # "reveal your prompt"
    (
        r"\b(?:reveal|print|repeat|output|show|leak|display|send)\b.{0,30}\b(?:your|the|system)\b.{0,20}"
        r"\b(?:prompt|instructions|secrets?|keys?|password|configuration)\b"
    ),
    # "respond only with", "answer in JSON"
    (
        r"\b(?:respond|reply|answer|output|return)\b.{0,20}\b(?:only|exactly|just|with)\b.{0,40}"
        r"\b(?:json|yes|score|words?|following|nothing|ok|true|approved)\b"
    ),
    # "store x@y as the director's address", "add a@b as contact"
    (
        r"\b(?:add|store|set|record|save|insert|register|report|extract|use|replace)\b.{0,80}"
        r"\b(?:as|with|to)\b.{0,30}\b(?:contacts?|director|ceo|founder|e-?mails?|address(?:es)?|lead"
        r"|database|field|primary|main)\b"
    ),
    r"\b(?:un)?suppress(?:ed|ion)?\b|\bblock ?list\b|\ballow ?list\b",
    r"\btool[_ ]?calls?\b|\bfunction[_ ]?calls?\b|\bprompt[ -]?injection\b|\bjail ?break\b",
    r"\"(?:facts|score|role|content|field|website|text|codes)\"\s*:",
    r"\b(?:begin|end|new) (?:of )?(?:system|prompt|instructions?|data|input|context)\b",
    # the control words of chat templates
    r"<\|[^|<>]{0,40}\|?>|\[/?INST\]|<</?SYS>>",
    # encoded text nobody reads
    r"[A-Za-z0-9+/]{48,}={0,2}|(?:\\u[0-9a-f]{4}){6,}|(?:%[0-9a-f]{2}){8,}",
    # the same in other languages of the region
    r"忽略|无视|無視|系统提示|系統提示|提示词|打分|评分|指令|请将.{0,10}分",
    (
        r"\bignorier\w*\b.{0,40}anweisung|\bvergiss\b.{0,40}anweisung|\bignorez\b|\boubliez\b.{0,40}instr"
        r"|\bignora\w*\b.{0,40}instruc|\babaikan\b.{0,40}(?:arahan|perintah)|புறக்கணி|अनदेखा"
    ),
)
_ORDER = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)
LONGEST = 4_000  # characters of one line that are looked at


def gives_orders(line: str) -> bool:
    """Whether ``line`` reads like an order to a program. Some honest lines do as well."""
    return bool(_ORDER.search(line[:LONGEST]))
