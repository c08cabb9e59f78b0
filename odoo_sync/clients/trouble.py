"""What may go wrong with an Odoo, in one class. No text holds a key; none quotes a traceback."""

from __future__ import annotations

from enum import StrEnum


class Trouble(StrEnum):
    AWAY = "AWAY"  # no answer, or none from Odoo itself
    KEY = "KEY"  # wrong, withdrawn, or expired
    RIGHT = "RIGHT"  # the key's user may not do that
    PLACE = "PLACE"  # no Odoo there, or no such database
    FIELD = "FIELD"  # a field, model or method this Odoo does not have: our mapping is wrong
    REFUSED = "REFUSED"  # a value Odoo does not take
    GONE = "GONE"  # the record was deleted there
    STRANGE = "STRANGE"  # an answer no Odoo gives


class OdooError(Exception):
    """Odoo did not do what it was asked.

    ``retryable``: the same call may succeed later; ``load`` with external ids and ``write`` bear
    being repeated. ``perhaps_done``: it may have been done all the same.
    """

    def __init__(
        self, sentence: str, *, trouble: Trouble, retryable: bool = False,
        perhaps_done: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(sentence)
        self.sentence, self.trouble = sentence, trouble
        self.retryable, self.perhaps_done = retryable, perhaps_done


# By what Odoo calls its exceptions, in JSON-2's ``name`` and JSON-RPC's ``data.name``.
BY_NAME = {
    "odoo.exceptions.AccessDenied": Trouble.KEY,
    "odoo.exceptions.AccessError": Trouble.RIGHT,
    "odoo.exceptions.MissingError": Trouble.GONE,
    "odoo.exceptions.ValidationError": Trouble.REFUSED,
    "odoo.exceptions.UserError": Trouble.REFUSED,
    "odoo.exceptions.RedirectWarning": Trouble.REFUSED,
}
SENTENCES = {
    Trouble.KEY: "Odoo does not accept the key: it is wrong, withdrawn, or has expired. Make a new"
    " one there (Preferences > Account security) and enter it.",
    Trouble.RIGHT: "The key's user may not do that in Odoo",
    Trouble.GONE: "The record was deleted in Odoo",
    Trouble.REFUSED: "Odoo refused a value",
    Trouble.FIELD: "This Odoo does not have a field, model or method that was used: test the"
    " connection and look at the mapping",
}
MOST_WORDS = 300
_UNKNOWN_REFERENCE = "External ID not found in the system"


def named(name: str, message: str) -> OdooError:
    """The error for an exception Odoo names. A conflict of two writers passes by itself."""
    if name.startswith("psycopg2."):
        if "does not exist" in message and "database" in message:
            return OdooError("There is no such database at that address.", trouble=Trouble.PLACE)
        return OdooError("Odoo's database was busy or away.", trouble=Trouble.AWAY, retryable=True)
    trouble = BY_NAME.get(name, Trouble.FIELD)
    if name == "builtins.ValueError" and message.startswith(_UNKNOWN_REFERENCE):
        trouble = Trouble.GONE  # of ``check_object_reference``: there is no such external id
    return OdooError(_sentence(trouble, message), trouble=trouble)


def _sentence(trouble: Trouble, message: str) -> str:
    """Our words, and Odoo's own where they are meant for people."""
    ours = SENTENCES[trouble]
    if trouble in (Trouble.KEY, Trouble.FIELD):
        return f"{ours.rstrip('.')}."
    words = " ".join(message.split())[:MOST_WORDS]
    return f"{ours}: {words}" if words else f"{ours}."
