"""Words shown as they come are as safe as those looked at whole, wherever the stream parts them."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest

from chat.agent.clean import LONGEST, clean
from chat.agent.converse import SECRETS, SYSTEM
from chat.agent.hide import Hidden
from chat.agent.shown import NOTHING, UNTOLD, Shown

HARMLESS = [
    "Plain **bold** words, `code` and a list:\n\n- one\n- two\n\n1. three\n",
    "See [the spend](http://localhost:8000/admin/spend/) and [one](http://localhost:8000/admin/).",
    "Made safe: https://e.example/?q=1 and ![a](https://e.example/x.png), <b>x</b>, [a](b).",
    "新加坡的公司很多。请看 [支出](http://localhost:8000/admin/spend/)。再见",
    "Note [one]: two\n\n[b]: https://e.example/x.png\nYou help others, I hope. <",
    "a " * 300, "[" * 50 + " x", "<|im_start|> x", "",
]  # fmt: skip
HOSTILE = [
    "![a](https://evil.example/x.png)", "[a b](https://evil.example/)", "[a](javascript:alert(1))",
    "x [![a b](https://evil.example/x)](https://evil.example)",
    "[a\u200b b](https://evil.example)",
    "字![字](https://evil.example/x.png)字",
    "[x]\x1c(https://evil.example)", "<img src=x onerror=y>",
    "[a]:\n https://evil.example\n\n[a]", "[a b]: https://evil.example/x.png\n\n![a b]",
    "!\u200b[a](https://evil.example/x)", "[字]\u3000(https://evil.example)", "< script>", "<|<b>",
]  # fmt: skip


def said(text, *, cuts, hidden=None):
    """What is let through of ``text`` when it comes in parts, part by part."""
    shown = Shown(hidden or Hidden(), SECRETS)
    edges = [0, *sorted(cuts), len(text)]
    told = [shown.add(text[begin:end]) for begin, end in pairwise(edges)]
    told.append(shown.end())
    assert "".join(told) == shown.text
    return told


def ways(text):
    """Every single cut, one character at a time, and some cuts by chance."""
    chance = random.Random(len(text))
    yield from ([at] for at in range(len(text)))
    yield list(range(len(text)))
    for _ in range(20):
        yield chance.sample(range(len(text)), min(len(text), chance.randint(2, 9)))


@pytest.mark.parametrize("text", HARMLESS, ids=lambda each: ascii(each)[:25])
def test_what_is_shown_in_parts_is_what_is_shown_whole(text):
    for cuts in ways(text):
        assert "".join(said(text, cuts=cuts)) == clean(text)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_parting_lets_a_strangers_link_or_picture_through(text):
    for cuts in ways(text):
        told = "".join(said(text, cuts=cuts))
        assert not re.search(r"\]\((?!http://localhost:8000/)", told), cuts
        assert not re.search(r"\]:", told), cuts
        assert "![" not in told
        assert "<" not in told.replace("\\<", "")
        assert not re.search(r"(?<![`\w])https://", told), cuts


def test_words_are_shown_before_the_message_is_whole():
    told = said("one two three four", cuts=[5, 9, 14, 16])

    assert told == ["one", " two", " three", "", "", " four"]


@pytest.mark.parametrize(
    "disguise",
    [str, str.upper, lambda text: re.sub(r"(\w)", "\\1\u200b*", text),
     lambda text: text.replace(" ", "\n\n")],
)  # fmt: skip
def test_our_instructions_are_cut_before_their_first_word(disguise):
    for sentence in SYSTEM.split(". "):
        if len(sentence) <= 30:
            continue
        text = f"Here they are, word by word. {disguise(sentence)}. And on."
        for cuts in ([40], list(range(len(text))), list(range(0, len(text), 7))):
            told = said(text, cuts=cuts)
            shown = "".join(told)
            assert shown.endswith(f"\n\n{UNTOLD}")
            assert "Here they are, word by".startswith(shown.partition("\n\n")[0][:22])
            assert disguise(sentence)[:20] not in shown
            assert disguise(sentence)[-20:] not in shown


def test_words_that_only_begin_as_our_instructions_do_are_shown():
    text = "You help operators of another program, as it seems."

    assert "".join(said(text, cuts=range(len(text)))) == text
    assert "".join(said("You help operators", cuts=[3])) == "You help operators"


def test_addresses_come_back_in_their_places_wherever_the_stream_parts_them():
    text = "Write to [contact 1] or [contact 2]."
    for cuts in ways(text):
        hidden = Hidden()
        hidden.hide("a@b.sg, +65 6123 4567")
        told = "".join(said(text, cuts=cuts, hidden=hidden))
        assert told == "Write to a@b.sg or +65 6123 4567."


def test_a_message_without_end_is_cut_and_one_of_nothing_says_so():
    assert len("".join(said("word " * LONGEST, cuts=range(0, 5 * LONGEST, 997)))) <= LONGEST
    assert said("\u200b \u200b", cuts=[1])[-1] == NOTHING
    assert "".join(said(" \n ", cuts=[1])) == ""
