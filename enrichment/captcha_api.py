"""The CAPTCHA desk over the API: ``resolveCaptcha`` of the plan, and the queue with its leases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from django.db.models import F, Q, QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from enrichment import captcha_serializers as serializers
from enrichment.api import find_lead
from enrichment.captcha import claim as claims
from enrichment.captcha import figures
from enrichment.captcha.errors import ChallengeError, FoundError, SettledError
from enrichment.captcha.resolve import fail, resolve
from enrichment.captcha.tidy import challenge_of
from enrichment.captcha_models import CaptchaChallenge
from icp.api import UUID
from icp.models import Lead
from tenants.clock import database_now
from tenants.models import User
from tenants.rest.events import EVENT, Look, stream
from tenants.rest.paging import Order, moment
from tenants.rest.resource import Resource
from tenants.rest.strict import EmptySerializer

WORK = "enrichment.work_desk"
PLAN_EXAMPLE = {
    "leadId": "2f1c9a52-6f0e-4d5c-9d7e-0c8a51a9b7e4",
    "captchaSuccess": True,
    "extractedEmail": "owner@example.com",
}
FOUND = [OpenApiExample("an address", {"found": "owner@example.com"}, request_only=True)]
LEASE = [OpenApiExample("of this claim", {"lease": 1}, request_only=True)]


class ResolveCaptcha(Resource):
    """What a person found behind a lead's wall, or that nobody could pass."""

    serializer_class = serializers.Resolved
    rights = {"create": WORK}
    domain_errors = {ChallengeError: 409}

    @extend_schema(
        operation_id="resolveCaptcha",
        request=serializers.Resolution,
        responses=serializers.Resolved,
        examples=[OpenApiExample("the plan's own", PLAN_EXAMPLE, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        """Success moves the lead on, failure returns it to the queue; saying so twice is once.

        409 when somebody else has it in hand, when the caller's own claim has ended, or when it is
        settled otherwise. What nobody has in hand may be settled without claiming it first.
        """
        given = self.body(serializers.Resolution)
        challenge = _of(find_lead(str(given["leadId"])))
        if given["captchaSuccess"]:
            with _field_named("extractedEmail"):
                resolve(challenge, given["extractedEmail"], actor=self.actor)
        else:
            fail(challenge, actor=self.actor)
        fresh = CaptchaChallenge.objects.select_related("lead").get(pk=challenge.pk)
        return Response(serializers.Resolved(fresh).data)


class ChallengeResource(Resource):
    """Pages that a person has to pass. Each is claimed by one at a time, for a while."""

    queryset = CaptchaChallenge.objects.none()
    serializer_class = serializers.ChallengeSerializer
    query_class = serializers.ChallengeQuery
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = UUID
    ordering = "queued_at"
    orders = {"queued_at": Order(F("queued_at"), moment)}
    rights = dict.fromkeys(
        ("claim_next", "claim", "release", "skip", "resolve", "could_not_pass"), WORK
    )
    domain_errors = {ChallengeError: 409}

    def get_queryset(self) -> QuerySet[CaptchaChallenge]:
        return CaptchaChallenge.objects.select_related("lead", "source")

    @extend_schema(parameters=[serializers.ChallengeQuery])
    def list(self, request: Request) -> Response:
        """Challenges in the order they are given out."""
        asked, rows = self.asked(), self.get_queryset()
        if asked["mine"]:
            mine = CaptchaChallenge.objects.held_by(self.actor, now=database_now())
            rows = rows.filter(pk__in=mine.values("pk"))
        elif asked.get("state"):
            rows = rows.filter(state__in=asked["state"])
        else:
            rows = rows.filter(pk__in=CaptchaChallenge.objects.waiting().values("pk"))
        if asked.get("host"):
            rows = rows.filter(host=asked["host"].lower())
        if asked.get("lead_id"):
            rows = rows.filter(Q(lead__public_id=asked["lead_id"]))
        return self.page_of(rows, serializers.ChallengeSerializer)

    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 -- the address's word
        self.nothing_asked()
        return Response(serializers.ChallengeSerializer(self.get_object()).data)

    @extend_schema(responses=serializers.QueueSerializer)
    @action(detail=False, methods=["get"])
    def waiting(self, request: Request) -> Response:
        """How many pages wait for a person."""
        self.nothing_asked()
        return Response(figures.queue_now(now=database_now()))

    @extend_schema(
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                EVENT,
                "Events `progress` (data: as of `waiting`) when the numbers change,"
                " `again` when the stream closes after five minutes; then connect anew.",
            )
        }
    )
    @action(detail=False, methods=["get"], url_path="waiting/events")
    def events(self, request: Request) -> StreamingHttpResponse:
        """The same as server-sent events."""
        self.nothing_asked()
        return stream(
            lambda: Look(figures.queue_now(now=database_now())), user=cast(User, request.user)
        )

    @extend_schema(
        request=EmptySerializer, responses={200: serializers.ChallengeSerializer, 204: None}
    )
    @action(detail=False, methods=["post"], url_path="claim")
    def claim_next(self, request: Request) -> Response:
        """Take the one that waits longest, or the one the caller has in hand; 204 for none."""
        self.body(EmptySerializer)
        found = claims.claim_next(actor=self.actor)
        return self._answer(found) if found else Response(status=204)

    @extend_schema(request=EmptySerializer, responses=serializers.ChallengeSerializer)
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Take this very one, or begin the lease anew; 409 while somebody else has it in hand."""
        challenge = self.get_object()
        self.body(EmptySerializer)
        claims.claim(challenge, actor=self.actor)
        return self._answer(challenge)

    @extend_schema(
        request=serializers.Lease, responses=serializers.ChallengeSerializer, examples=LEASE
    )
    @action(detail=True, methods=["post"])
    def release(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Put it back where it was; 409 unless the caller has it in hand."""
        challenge, given = self.get_object(), self.body(serializers.Lease)
        claims.release(challenge, actor=self.actor, lease=given["lease"])
        return self._answer(challenge)

    @extend_schema(
        request=serializers.Lease, responses=serializers.ChallengeSerializer, examples=LEASE
    )
    @action(detail=True, methods=["post"])
    def skip(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Put it back as the last of the queue; 409 unless the caller has it in hand."""
        challenge, given = self.get_object(), self.body(serializers.Lease)
        claims.skip(challenge, actor=self.actor, lease=given["lease"])
        return self._answer(challenge)

    @extend_schema(
        request=serializers.Answer, responses=serializers.ChallengeSerializer, examples=FOUND
    )
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Keep what was found behind the wall; the lead goes on. The same again changes nothing."""
        challenge, given = self.get_object(), self.body(serializers.Answer)
        with _field_named("found"):
            resolve(challenge, given["found"], actor=self.actor, lease=given["lease"])
        return self._answer(challenge)

    @extend_schema(
        request=serializers.Lease, responses=serializers.ChallengeSerializer, examples=LEASE
    )
    @action(detail=True, methods=["post"], url_path="could-not-pass")
    def could_not_pass(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Back into the queue as its last; given up after a few such tries."""
        challenge, given = self.get_object(), self.body(serializers.Lease)
        fail(challenge, actor=self.actor, lease=given["lease"])
        return self._answer(challenge)

    def _answer(self, challenge: CaptchaChallenge) -> Response:
        fresh = self.get_queryset().get(pk=challenge.pk)
        return Response(serializers.ChallengeSerializer(fresh).data)


def _of(lead: Lead) -> CaptchaChallenge:
    """The challenge that waits for ``lead``, else its last."""
    challenge = challenge_of(lead, now=database_now())
    if challenge is None:
        stage = lead.get_stage_display().lower()
        raise SettledError(f"No CAPTCHA keeps this lead: it is {stage}.")
    return challenge


@contextmanager
def _field_named(field: str) -> Iterator[None]:
    try:
        yield
    except FoundError as exc:
        raise ValidationError({field: [str(exc)]}) from exc
