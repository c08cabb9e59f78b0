"""Two million made-up companies, written by SQL in about a minute: for measurements that only ask.

Shares as in the register (register-facts sections 2 and 7): 31 % live, half of these registered
since 2019, 17 % in a few addresses of registration services. Same rows at each call.
"""

from __future__ import annotations

from django.db import connection, transaction

from acra.indexes import ensure_search_indexes, without_indexes
from tenants.isolation import as_owner

COMPANIES = 2_000_000
FILL = """
INSERT INTO acra_registeredcompany (uen, name, name_key, former_names, former_keys, entity_type,
    company_type, constitution, status, status_class, registered_on, uen_issued_on, block, street,
    level, unit, building, postal_code, district, address_key, primary_ssic, secondary_ssic,
    primary_activity, annual_return_on, accounts_due_on, officers_count, published, first_seen_at,
    changed_at)
SELECT to_char(n, 'FM000000000') || 'A', 'MADE UP ' || word || ' ' || n || ' PTE. LTD.',
    'MADE UP ' || word || ' ' || n,
    CASE WHEN f < 0.1 THEN '["OLD NAME"]'::jsonb ELSE '[]' END, '',
    CASE WHEN is_company THEN 'Local Company' ELSE 'Sole Proprietorship/ Partnership' END,
    CASE WHEN is_company THEN 'Exempt Private Company Limited by Shares' ELSE '' END, '',
    CASE WHEN s < 0.31 THEN 'Live Company' WHEN s < 0.316 THEN 'Gazetted To Be Struck Off'
         ELSE 'Struck Off' END,
    CASE WHEN s < 0.31 THEN 'LIVE' WHEN s < 0.316 THEN 'PENDING' ELSE 'CEASED' END,
    day, day, '1', 'MADE UP ROAD', '03', '01', '', postal, district,
    CASE WHEN f > 0.83 THEN 'shared-' || (n %% 900) ELSE postal || '-' || n END,
    code, CASE WHEN f < 0.5 THEN '' ELSE code END, 'MADE UP ACTIVITY',
    CASE WHEN is_company THEN DATE '2026-06-30' - (n %% 700)::int END, NULL, 1 + n %% 4,
    repeat('x', 300), now(), now()
FROM (
    SELECT n, random() AS s, random() AS f, random() < 0.75 AS is_company,
           translate(left(md5((n %% 500)::text), 6), '0123456789abcdef', 'GHIJKLMNOPABCDEF')
               AS word,
           1 + (n %% 28)::int AS district, to_char(n %% 829999, 'FM000000') AS postal,
           DATE '2026-10-31' - (8000 * random() ^ 1.6)::int AS day,
           codes.list[1 + (random() ^ 2 * (array_length(codes.list, 1) - 1))::int] AS code
    FROM generate_series(1, %s) n, codes
) made
"""
CODES = """
WITH codes AS MATERIALIZED (
    SELECT array_agg(code ORDER BY md5(code)) AS list FROM acra_ssiccode WHERE length(code) = 5
)
"""


def fill_register(companies: int = COMPANIES) -> None:
    """Fill the empty register of the current database."""
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        again = without_indexes()
        cursor.execute("SELECT setseed(0.4711)")
        cursor.execute(FILL.replace("INSERT", f"{CODES} INSERT", 1), [companies])
        for statement in again:
            cursor.execute(statement)
    ensure_search_indexes()
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) acra_registeredcompany")
