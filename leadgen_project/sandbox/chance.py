"""The only source of chance in the sandbox."""

from random import Random


def dice(*parts: str | int) -> Random:
    """Return a generator that depends on ``parts`` alone: same parts, same throws, any Python.

    Text seeds go through SHA-512, so neighbours (seed 1 entity 7, seed 17) are unrelated.
    """
    return Random("/".join(str(part) for part in parts))  # noqa: S311 -- repeatable, no secret
