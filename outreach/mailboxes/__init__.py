"""Mailboxes and what signs in to them: consent, tokens, pauses, what DNS says of their domain."""
