"""What the gate's codes are called on pages."""

from __future__ import annotations

_WORDS = {
    "sending_off": "sending is off", "moved_in": "needs approval", "origin_asks": "needs a release",
    "unresolved": "something unknown", "template_faulty": "faults in the template",
    "risky": "risky address", "left_out": "kind left out",
    "no_basis": "no basis recorded", "no_notice": "no notice written",
    "zone_off": "time zone is off", "window_never": "no working hours",
    "put_off": "put off too often",
}  # fmt: skip


def words_of_code(code: str) -> str:
    """Two or three words for a code; one that is not known is shown without its underscores."""
    return _WORDS.get(code) or code.replace("_", " ")
