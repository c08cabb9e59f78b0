"""The sandbox's mail providers."""

from __future__ import annotations

import requests

from leadgen_project.sandbox.vendors.mail_catalogue import mail_providers


def test_both_providers_stand_where_the_settings_lead():
    with mail_providers() as environment:
        places = ["/v1.0/me", "/gmail/v1/users/me/profile"]
        bases = [environment["GRAPH_BASE_URL"], environment["GMAIL_BASE_URL"]]
        answers = [requests.get(base + place, timeout=10)
                   for base, place in zip(bases, places, strict=True)]  # fmt: skip

    assert [answer.status_code for answer in answers] == [401, 401]
    assert {name.partition("_")[0] for name in environment} == {"MICROSOFT", "GRAPH", "GOOGLE",
                                                                "GMAIL"}  # fmt: skip
