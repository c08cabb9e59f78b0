"""The page of the documentation that says what each role may do, made from the one table."""

from __future__ import annotations

from tenants.roles import ACTIONS, SCOPES, WORDS, Role

HEAD = """# Roles

What somebody may do is decided by their membership's role in the tenant they are in. The
console, the API and chat ask the same table, `ACTIONS` in `tenants/roles.py`. This page is made
from it by `manage.py write_roles_page`; a test fails when the two differ.

| role | is for |
|---|---|
| owner | whoever answers for the tenant: people, sign-in, money, and all below |
| operator | daily work: rules, leads, runs, lists |
| reviewer | judging: approve and reject, export, add suppressions |
| auditor | reading everything, changing nothing |

Platform admins stand above tenants: they make tenants and accounts, load the register, and may do
everything in a tenant they enter. What they do there is in that tenant's audit like anybody's.
"""

TAIL = """
## API tokens

A token acts for one person in one tenant. Its scopes are `read` and the actions above, and each
request is held to what its owner's role allows at that moment: a demoted owner's tokens are
demoted, and those of somebody who left are refused. A token of a platform admin is a token of that
person's membership.

## Bearer tokens of a provider

The role is the strongest known one in the token's roles claim, and never more than an owner gave
the person by hand. See [sign-in](runbooks/sign-in.md).
"""


def roles_page() -> str:
    """The whole page, as Markdown."""
    roles = list(Role)
    heads = " | ".join(role.label.lower() for role in roles)
    lines = [
        HEAD,
        f"| may | {heads} | action |",
        f"|---|{'---|' * len(roles)}---|",
        f"| {SCOPES['read']} |{' yes |' * len(roles)} `read` |",
    ]
    for action, allowed in ACTIONS.items():
        marks = " | ".join("yes" if role in allowed else "" for role in roles)
        lines.append(f"| {WORDS[action]} | {marks} | `{action}` |")
    return "\n".join(lines) + "\n" + TAIL
