"""The shape of each value of the configuration, for the API and for imported files."""

from __future__ import annotations

from rest_framework import serializers

from leadgen_project.config import MOST_ZONES, TRANSPORTS
from outreach.windows import DAYS
from tenants.rest.strict import StrictSerializer

MOST_SPANS = 10

WorkingHours = type(
    "WorkingHours",
    (StrictSerializer,),
    {
        "__doc__": "Hours by weekday; a day that is not named is closed.",
        **{
            day: serializers.ListField(
                child=serializers.RegexField(r"^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"),
                max_length=MOST_SPANS, required=False, help_text="Spans such as 09:00-17:30.",
            )
            for day in DAYS
        },
    },
)  # fmt: skip


class EmailProvider(StrictSerializer):
    """What a mailbox begins with that is added from now on; its own page says what holds for it."""

    transport = serializers.ChoiceField(TRANSPORTS, required=False)
    fromName = serializers.CharField(max_length=100, required=False)  # noqa: N815 -- the plan's style
    replyTo = serializers.EmailField(max_length=254, required=False)  # noqa: N815 -- as above


class ConfigSerializer(StrictSerializer):
    llmTransactionLimit = serializers.IntegerField(  # noqa: N815 -- the plan's name
        min_value=0, max_value=100_000, required=False,
        help_text="Calls of the language model a minute, of all tenants together.",
    )  # fmt: skip
    workingHours = WorkingHours(required=False)  # noqa: N815 -- as above
    activeTimezones = serializers.ListField(  # noqa: N815 -- as above
        child=serializers.CharField(max_length=64), max_length=MOST_ZONES, required=False,
        help_text="IANA names; mail goes only to places in these. None: to all.",
    )  # fmt: skip
    emailProvider = EmailProvider(required=False)  # noqa: N815 -- as above
    nightlyEnabled = serializers.BooleanField(required=False)  # noqa: N815 -- as above
    nightlyAt = serializers.RegexField(  # noqa: N815 -- as above
        r"^([01][0-9]|2[0-3]):[0-5][0-9]$", required=False,
        help_text="Local time of the deployment's nightly zone.",
    )  # fmt: skip
    candidatesPerNight = serializers.IntegerField(  # noqa: N815 -- as above
        min_value=1, max_value=100_000, required=False
    )
    shortlistCap = serializers.IntegerField(  # noqa: N815 -- as above
        min_value=1, max_value=10_000, required=False
    )
