"""Word lists written as prose, so that they can be read and changed at a glance."""


def word_set(text: str) -> frozenset[str]:
    """The words of ``text``, which are parted by white space."""
    return frozenset(text.split())
