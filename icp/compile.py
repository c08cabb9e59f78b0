"""Turn a rule into the SQL that asks the register: whom it takes, how sure that is, and why.

All texts speak of ``acra_registeredcompany c`` and carry their values as parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db import connection

from icp.conditions import LIVE, Addresses, Condition, Policy, Sql
from icp.rules import Order, Rule

ORDER_BY = {
    Order.NEWEST: "c.registered_on DESC NULLS LAST, c.uen",
    Order.OLDEST: "c.registered_on NULLS LAST, c.uen",
    Order.RECENT_RETURNS: "c.annual_return_on DESC NULLS LAST, c.uen",
}
MISSING = {Policy.MATCH: "assumed", Policy.MATCH_LOWER: "unknown", Policy.NO_MATCH: "fails"}


@dataclass(frozen=True, slots=True)
class CompiledRule:
    where: Sql  # true, false, or NULL for false
    meets: Sql  # of a company taken: whether every fact asked for is known
    sure: bool | None  # the value of ``meets`` where it is the same for all
    order_by: Sql  # sure ones first, then the rule's order
    plain_order: str  # the rule's order alone, quicker over many rows
    trace: Sql  # jsonb, one object per condition
    limit: int | None
    failing: Sql  # text: the first condition that fails, in words; NULL when all hold


def compile_rule(rule: Rule) -> CompiledRule:
    """The SQL of ``rule``. Asks the database only for addresses that many companies share."""
    rule = replace(rule, conditions=tuple(map(_resolved, rule.conditions)))
    where = _all([_taken(each) for each in rule.conditions])
    sure, meets = _sure(rule)
    order = ORDER_BY[rule.order]
    if sure is None:
        order = f"({meets.text}) DESC, {order}"
    return CompiledRule(
        where=where, meets=meets, sure=sure, order_by=Sql(order, meets.params),
        plain_order=ORDER_BY[rule.order],
        trace=_trace(rule), limit=rule.limit, failing=_failing(rule),
    )  # fmt: skip


SHARED = """
SELECT coalesce(array_agg(address_key), '{{}}') FROM (
    SELECT c.address_key FROM acra_registeredcompany c WHERE {live} AND c.address_key <> ''
    GROUP BY c.address_key HAVING count(*) >= %s AND (%s::int IS NULL OR count(*) <= %s)
) shared
"""


def _resolved(condition: Condition) -> Condition:
    """Look up, once per rule, the addresses it asks for: a tenth of a second by their index.

    As values in the statement they are hashed; as a subquery they were counted anew at each of the
    several places where a preview mentions them.
    """
    if condition.holds is None or not any(isinstance(p, Addresses) for p in condition.holds.params):
        return condition
    params = tuple(
        _addresses(each) if isinstance(each, Addresses) else each for each in condition.holds.params
    )
    return replace(condition, holds=Sql(condition.holds.text, params))


def _addresses(asked: Addresses) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(SHARED.format(live=LIVE), [asked.least, asked.most, asked.most])
        return list(cursor.fetchone()[0])


def _taken(condition: Condition) -> Sql | None:
    """What must be true of a company for this condition to let it pass; ``None``: always passes."""
    refuses = condition.policy == Policy.NO_MATCH
    if condition.holds is None:
        return Sql("FALSE") if refuses else None
    if condition.lacks is None or refuses:
        return condition.holds  # which is not true where the fact is lacking
    text, params = condition.holds
    return Sql(f"({text} OR {condition.lacks.text})", (*params, *condition.lacks.params))


def _sure(rule: Rule) -> tuple[bool | None, Sql]:
    """A company meets the rule when no key with ``match_lower`` had to let a missing fact pass."""
    lower = [each for each in rule.conditions if each.policy == Policy.MATCH_LOWER]
    if any(each.never_known for each in lower):
        return False, Sql("FALSE")
    unsure = [each for each in lower if each.lacks is not None]
    if not unsure:
        return True, Sql("TRUE")
    return None, _all([_known(each) for each in unsure])


def _known(condition: Condition) -> Sql:
    """Of a company that was taken: that it was not for want of the fact."""
    if condition.is_known_when_it_holds:
        assert condition.holds is not None  # noqa: S101 -- else nothing could hold
        return Sql(f"({condition.holds.text}) IS TRUE", condition.holds.params)
    assert condition.lacks is not None  # noqa: S101 -- asked of those alone
    return Sql(f"NOT ({condition.lacks.text})", condition.lacks.params)


def _trace(rule: Rule) -> Sql:
    """Of a company: which key, what the register says, what came out, what was wanted."""
    parts = [_traced(each) for each in rule.conditions]
    return Sql(
        f"jsonb_build_array({', '.join(part.text for part in parts)})",
        tuple(value for part in parts for value in part.params),
    )


def _traced(condition: Condition) -> Sql:
    outcome = outcome_of(condition)
    return Sql(
        "jsonb_build_object('key', %s::text, 'wanted', %s::text, 'value', "
        f"{condition.value.text}, 'outcome', {outcome.text})",
        (condition.key, condition.words, *condition.value.params, *outcome.params),
    )


def outcome_of(condition: Condition) -> Sql:
    """``meets``, ``fails``, and for a missing fact ``unknown`` or, by the policy, a verdict."""
    if condition.holds is None:
        return Sql(f"'{MISSING[condition.policy]}'")
    text, params = condition.holds
    if condition.lacks is None:
        return Sql(f"CASE WHEN {text} THEN 'meets' ELSE 'fails' END", params)
    return Sql(
        f"CASE WHEN {text} THEN 'meets' WHEN {condition.lacks.text}"
        f" THEN '{MISSING[condition.policy]}' ELSE 'fails' END",
        (*params, *condition.lacks.params),
    )


def _failing(rule: Rule) -> Sql:
    whens, params = [], []
    for condition in rule.conditions:
        taken = _taken(condition)
        if taken is None:
            continue
        said = f"coalesce(nullif({condition.value.text}, ''), 'nothing')"
        whens.append(
            f"WHEN ({taken.text}) IS NOT TRUE THEN %s::text || ' (register: ' || {said} || ')'"
        )
        params += [*taken.params, condition.words, *condition.value.params]
    if not whens:
        return Sql("NULL::text")
    return Sql(f"CASE {' '.join(whens)} END", tuple(params))


def _all(parts: list[Sql | None]) -> Sql:
    asked = [part for part in parts if part is not None]
    if not asked:
        return Sql("TRUE")
    return Sql(
        " AND ".join(part.text for part in asked),
        tuple(value for part in asked for value in part.params),
    )
