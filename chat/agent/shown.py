"""A model's words on their way to a person: each is shown as soon as nothing can make it unsafe.

What was shown cannot be taken back, while a link, a picture or one of our own instructions shows
only with its last letter. So text is let through in pieces, cut where a blank stands (or after a
character of a script without blanks), and never inside something that may become such a thing.
Each piece is made safe by itself; since a cut leaves a blank or a letter between two pieces,
nothing unsafe can come together out of two safe ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from chat.agent.clean import LONGEST, clean
from chat.agent.hide import Hidden

NOTHING = "There is nothing to add."
UNTOLD = "I do not repeat my instructions. Ask me what there is to do today."
SHORTEST_SECRET = 30  # characters; shorter sentences are anybody's
_BLANKS = " \t\n"  # other blanks are removed from what is shown, and would leave nothing between
_EDGE = re.compile(r"(?<![ \t\n])(?=[ \t\n])|(?<=[\u3001-\u9fff\uac00-\ud7af\uff01-\uffef])")
# What a link or a model's control word may begin with, up to the end of what came so far.
_BEGUN = re.compile(r"(?:\[[^\[\]\n]{0,200}(?:\](?:\([^()]{0,2300})?)?|<[^<>]{0,44})\Z")
_WHOLE = re.compile(r"\[[^\[\]\n]{0,200}\](?:\([^()]{0,2300}\))?")  # not to be cut in two


def letters(text: str) -> str:
    """What is left of ``text`` when it is disguised by blanks, marks and capitals."""
    return "".join(each for each in text.casefold() if each.isalnum())


def secrets_of(text: str) -> tuple[str, ...]:
    """The sentences of ``text`` that nobody says by chance, for ``Shown``."""
    return tuple(letters(each) for each in text.split(". ") if len(each) > SHORTEST_SECRET)


@dataclass(slots=True)
class Shown:
    """One message. ``text``: what was let through so far.

    A message that goes on with one of ``secrets`` is cut before it; ``is_untold`` then.
    """

    hidden: Hidden
    secrets: Iterable[str]
    text: str = ""
    is_untold: bool = False
    _left: str = ""  # not let through yet
    _room: int = field(default=LONGEST)
    _has_words: bool = False

    def add(self, words: str) -> str:
        """Take ``words``; what may be shown now."""
        words = words[: self._room]
        self._room -= len(words)
        if self.is_untold or not words:
            return ""
        self._has_words = self._has_words or bool(words.strip())
        self._left += words
        begun = self._begun_secret()
        if self.is_untold:
            self._left = ""
            return self._show(UNTOLD, apart=True)
        return self._let(self._edge(begun))

    def end(self) -> str:
        """What is left to show, now that there is no more."""
        told = self._let(len(self._left))
        if self._has_words and not self.text:
            told = self._show(NOTHING)
        return told

    def _let(self, end: int) -> str:
        piece = self._left[:end]
        core = piece.strip(_BLANKS)
        if not core:
            return ""
        self._left = self._left[end:]
        blanks = piece[: piece.index(core[0])] if self.text else ""
        is_line = not self.text or "\n" in blanks
        return self._show(f"{blanks}{self.hidden.show(clean(core, is_line=is_line))}")

    def _show(self, told: str, *, apart: bool = False) -> str:
        if apart and self.text:
            told = f"\n\n{told}"
        self.text += told
        return told

    def _edge(self, most: int) -> int:
        """The last place up to ``most`` where the text may be cut."""
        if found := _BEGUN.search(self._left):
            most = min(most, found.start())
        inside = {at for whole in _WHOLE.finditer(self._left)
                  for at in range(whole.start() + 1, whole.end())}  # fmt: skip
        edges = (each.start() for each in _EDGE.finditer(self._left))
        return max((at for at in edges if at <= most and at not in inside), default=0)

    def _begun_secret(self) -> int:
        """Where the first secret begins that the text may still become; notes a whole one."""
        places = [(each, at) for at, char in enumerate(self._left) for each in letters(char)]
        squeezed = "".join(each for each, _ in places)
        if any(secret in squeezed for secret in self.secrets):
            self.is_untold = True
        longest = max(map(len, self.secrets), default=0)
        for at in range(max(0, len(squeezed) - longest), len(squeezed)):
            rest = squeezed[at:]
            if any(secret.startswith(rest) for secret in self.secrets):
                return places[at][1]
        return len(self._left)
