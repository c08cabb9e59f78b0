"""Leads, rules, suppressions and "why not?" over the API. Each call is one domain function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from icp import decide_leads, serializers, suppressions
from icp.current_rule import day_of, read_version
from icp.explain import explain
from icp.find_leads import find_leads
from icp.give_site import SiteError, give_site
from icp.models import IcpRule, Lead, Suppression
from icp.normalise import NotAValueError, guess_kind
from icp.preview import preview_rule
from icp.rules import InvalidRuleError, Rule, read_rule
from icp.save_rule import RuleError, save_rule, use_version
from icp.suppressions import SuppressionError, hashes_of
from icp.taxonomy import SsicTitles
from tenants.console import audit_subject
from tenants.rest.doors import EVERY_MEMBER
from tenants.rest.paging import Order, moment, text, whole
from tenants.rest.problems import ConflictError
from tenants.rest.resource import Resource
from tenants.rest.strict import ReasonSerializer

UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
NUMBER = "[0-9]{1,18}"
PLAN_PAYLOAD = {
    "industries": ["technology"],
    "employee_range": {"min": 2, "max": 100},
    "incorporation_year": {"min": 2000, "max": 2025},
}
# NULL stands below every score, so that one index serves every page (icp: lead_by_any_score).
ANY_SCORE = Coalesce(F("score"), Value(-1))


class LeadResource(Resource):
    """Companies the tenant works on. The apps above add what needs them."""

    queryset = Lead.objects.none()
    serializer_class = serializers.LeadSerializer
    query_class = serializers.LeadQuery
    saved_views_of = "leads"
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = UUID
    ordering = "-id"
    orders = {
        "score": Order(ANY_SCORE, whole),
        "stage_since": Order(F("stage_since"), moment),
        "name": Order(F("name"), text),
    }
    rights = {
        "give_site": "icp.work_lead", "send_back": "icp.work_lead", "suppress": "icp.suppress",
    }  # fmt: skip
    domain_errors = {SiteError: 400, decide_leads.DecisionError: 409, SuppressionError: 409}

    def get_queryset(self) -> QuerySet[Lead]:
        return find_leads().select_related("rule").defer("trace")

    @extend_schema(parameters=[serializers.LeadQuery])
    def list(self, request: Request) -> Response:
        """Leads that meet all filters, newest first."""
        leads = find_leads(**self.asked()).select_related("rule").defer("trace")
        return self.page_of(leads, serializers.LeadSerializer)

    @extend_schema(
        request=serializers.GiveSite,
        responses=serializers.LeadSerializer,
        examples=[OpenApiExample("a site", {"address": "www.example.com.sg"}, request_only=True)],
    )
    @action(detail=True, methods=["post"], url_path="give-site")
    def give_site(self, request: Request, id: str) -> Response:  # noqa: A002 -- the address's word
        """Say which web site is the company's; the next night reads that one and no other."""
        lead = self.get_object()
        given = self.body(serializers.GiveSite)
        try:
            give_site(lead, given["address"], actor=self.actor, subject=audit_subject(lead))
        except SiteError as exc:
            raise ValidationError({"address": [str(exc)]}) from exc
        return self.answer(lead)

    @extend_schema(
        request=ReasonSerializer,
        responses=serializers.LeadSerializer,
        examples=[OpenApiExample("why", {"reason": "Its site is back."}, request_only=True)],
    )
    @action(detail=True, methods=["post"], url_path="send-back")
    def send_back(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Make it a candidate again, for the next night."""
        lead, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        self.must(decide_leads.back_to_candidates(self.one(lead), reason=reason, actor=self.actor),
                  lead)  # fmt: skip
        return self.answer(lead)

    @extend_schema(
        request=ReasonSerializer,
        responses=serializers.LeadSerializer,
        examples=[OpenApiExample("why", {"reason": "They asked us not to."}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def suppress(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Never contact this company again: its UEN goes on the suppression list."""
        lead, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        decide_leads.suppress(self.one(lead), reason=reason, actor=self.actor)
        return self.answer(lead)

    def one(self, lead: Lead) -> QuerySet[Lead]:
        return Lead.objects.filter(pk=lead.pk)

    def answer(self, lead: Lead) -> Response:
        return Response(serializers.LeadSerializer(self.get_queryset().get(pk=lead.pk)).data)

    def must(self, changed: int, lead: Lead) -> None:
        if not changed:
            raise ConflictError(f"Nothing changed: the lead is {lead.get_stage_display().lower()}.")


class RuleResource(Resource):
    """Versions of ICP rules: which companies are wanted. A saved version never changes."""

    queryset = IcpRule.objects.none()
    serializer_class = serializers.RuleSerializer
    query_class = serializers.RuleQuery
    lookup_value_regex = NUMBER
    orders = {"created_at": Order(F("created_at"), moment)}
    rights = {"create": "icp.edit_rule", "use": "icp.edit_rule", "preview": EVERY_MEMBER}
    domain_errors = {RuleError: 409}

    def get_queryset(self) -> QuerySet[IcpRule]:
        return IcpRule.objects.all()

    @extend_schema(parameters=[serializers.RuleQuery])
    def list(self, request: Request) -> Response:
        """All versions, newest first; ``is_current=true`` shows those in force."""
        asked = {name: value for name, value in self.asked().items() if value is not None}
        page = self.paginate_queryset(IcpRule.objects.filter(**asked))
        return self.get_paginated_response(_shown(page or []))

    def retrieve(self, request: Request, pk: str) -> Response:
        self.nothing_asked()
        return Response(_shown([self.get_object()])[0])

    @extend_schema(
        request=serializers.SaveRule,
        responses={201: serializers.RuleSerializer},
        examples=[
            OpenApiExample(
                "the development plan's rule",
                {"name": "default", "payload": PLAN_PAYLOAD, "reason": "First rule."},
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """Save a payload as the new current version. The same payload again changes nothing."""
        given = self.body(serializers.SaveRule)
        with _mistakes_named():
            saved = save_rule(given["name"], given["payload"], actor=self.actor,
                              reason=given["reason"])  # fmt: skip
        return Response(_shown([saved])[0], status=201)

    @extend_schema(
        request=serializers.ProposedRule,
        responses=serializers.PreviewSerializer,
        examples=[OpenApiExample("a proposal", {"payload": PLAN_PAYLOAD}, request_only=True)],
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What a payload would take from the register, against the version in force."""
        given, now = self.body(serializers.ProposedRule), timezone.now()
        with _mistakes_named():
            rule = read_rule(given["payload"], taxonomy=SsicTitles(), as_of=day_of(now))
        current = IcpRule.objects.filter(name=given["name"], is_current=True).first()
        preview = preview_rule(rule, saved=_readable(current))
        return Response(_previewed(rule, preview))

    @extend_schema(
        request=ReasonSerializer,
        responses=serializers.RuleSerializer,
        examples=[OpenApiExample("why", {"reason": "The new one was too wide."},
                                 request_only=True)],
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def use(self, request: Request, pk: str) -> Response:
        """Make an old version current again."""
        version, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        return Response(_shown([use_version(version, actor=self.actor, reason=reason)])[0])


class SuppressionResource(Resource):
    """Whom nobody may contact. Rows are only added; lifting one keeps the row and says why."""

    queryset = Suppression.objects.none()
    serializer_class = serializers.SuppressionSerializer
    query_class = serializers.SuppressionQuery
    saved_views_of = "suppressions"
    lookup_value_regex = NUMBER
    orders = {"created_at": Order(F("created_at"), moment)}
    rights = {"create": "icp.suppress", "lift": "icp.lift_suppression"}
    domain_errors = {SuppressionError: 409}

    def get_queryset(self) -> QuerySet[Suppression]:
        return Suppression.objects.all()

    @extend_schema(parameters=[serializers.SuppressionQuery])
    def list(self, request: Request) -> Response:
        """Suppressions, newest first."""
        asked, rows = self.asked(), Suppression.objects.all()
        if asked.get("kind"):
            rows = rows.filter(kind__in=asked["kind"])
        if state := asked.get("state"):
            rows = rows.filter(lifted_at__isnull=state == "standing")
        if q := asked.get("q"):
            kind = guess_kind(q)
            covering = hashes_of(kind, q) if kind else []
            rows = rows.filter(Q(value__icontains=q) | Q(value_hash__in=covering))
        return self.page_of(rows, serializers.SuppressionSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        self.nothing_asked()
        return Response(serializers.SuppressionSerializer(self.get_object()).data)

    @extend_schema(
        request=serializers.Suppress,
        responses={201: serializers.SuppressionSerializer, 200: serializers.SuppressionSerializer},
        examples=[
            OpenApiExample(
                "a domain",
                {"kind": "DOMAIN", "value": "example.com.sg", "reason": "They asked us not to."},
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """Suppress an address, domain, UEN or number; 200 when it stands already."""
        given = self.body(serializers.Suppress)
        try:
            row, is_new = suppressions.add(given["kind"], given["value"], reason=given["reason"],
                                           actor=self.actor, source="api")  # fmt: skip
        except NotAValueError as exc:
            raise ValidationError({"value": [str(exc)]}) from exc
        data = serializers.SuppressionSerializer(row).data
        return Response(data, status=201 if is_new else 200)

    @extend_schema(
        request=serializers.Lift,
        responses={200: serializers.SuppressionSerializer, 202: serializers.SuppressionSerializer},
        examples=[OpenApiExample("why", {"reason": "Entered by mistake."}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: str) -> Response:
        """End a suppression that somebody else asked to end, or ask for it (202).

        It takes two people; both reasons stay beside it.
        """
        row, reason = self.get_object(), self.body(serializers.Lift)["reason"]
        lifted = suppressions.lift(row, reason=reason, actor=self.actor)
        return Response(serializers.SuppressionSerializer(row).data, status=200 if lifted else 202)


class WhyNot(Resource):
    """Why a company is (not) on the list: the first true reason."""

    serializer_class = serializers.WhyNotAnswer

    @extend_schema(parameters=[serializers.WhyNotQuery], operation_id="why_not")
    def retrieve(self, request: Request) -> Response:
        """The reason of each company that a UEN or a name may mean; at most ten."""
        asked = serializers.WhyNotQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        reasons = explain(asked.validated_data["q"], now=timezone.now())
        of_leads = [reason.lead_id for reason in reasons if reason.lead_id]
        ids = dict(Lead.objects.filter(pk__in=of_leads).values_list("pk", "public_id"))
        found = [{**asdict(each), "lead_id": ids.get(each.lead_id or 0)} for each in reasons]
        return Response(serializers.WhyNotAnswer({"results": found}).data)


@contextmanager
def _mistakes_named() -> Iterator[None]:
    """Turn the mistakes in a payload into field errors with their paths."""
    try:
        yield
    except InvalidRuleError as exc:
        named: dict[str, list[str]] = {}
        for problem in exc.problems:
            path = f"payload.{problem.path}" if problem.path else "payload"
            named.setdefault(path, []).append(problem.sentence)
        raise ValidationError(named) from exc


def _readable(version: IcpRule | None) -> Rule | None:
    if version is None:
        return None
    try:
        return read_version(version, now=timezone.now())
    except InvalidRuleError:
        return None  # there is nothing to compare with


def _shown(versions: list[IcpRule]) -> Any:
    words = {}
    for version in versions:
        rule = _readable(version)
        words[version.pk] = rule.words() if rule else []
    return serializers.RuleSerializer(versions, many=True, context={"words": words}).data


def _previewed(rule: Rule, preview: Any) -> Any:
    warnings = [asdict(each) for each in rule.warnings]
    data = {**asdict(preview), "total": preview.total, "words": rule.words(),
            "warnings": warnings, "order": str(rule.order)}  # fmt: skip
    return serializers.PreviewSerializer(data).data
