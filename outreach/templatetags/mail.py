"""Words and links of the templates of mail."""

from __future__ import annotations

from django import template

from outreach.code_words import words_of_code
from outreach.setting_links import link_of_setting

register = template.Library()
_TAGS = {"SENT": "good", "QUEUED": "", "SENDING": "busy", "HELD": "wait", "IN_DOUBT": "wait",
         "REFUSED": "bad", "ERROR_NO_EMAIL": "bad", "ERROR_API_FAILURE": "bad", "CANCELLED": "",
         "RUNNING": "busy", "PAUSED": "wait", "STOPPED": "bad", "FINISHED": "good",
         "DRAFT": ""}  # fmt: skip


@register.simple_tag
def setting_link(setting: str) -> tuple[str, str]:
    """Words and address of the page a rule names as its setting; empty if there is none."""
    return link_of_setting(setting)


@register.filter
def code_words(code: str) -> str:
    """What a code of the gate is called."""
    return words_of_code(code)


@register.filter
def status_class(status: str) -> str:
    """The class that colours a status word."""
    tag = _TAGS.get(status, "")
    return f"lg-tag lg-tag-{tag}" if tag else "lg-tag"
