"""What the buttons of a mailbox's page do: each makes one call and says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from outreach import self_test
from outreach.mailboxes import oauth
from outreach.mailboxes.dns_look import look_at_dns
from outreach.mailboxes.makers import maker_of
from outreach.mailboxes.pause_mailbox import MailboxError, disconnect, pause, resume
from outreach.models import Mailbox
from tenants.console import may_do, reason_of
from tenants.context import is_public
from tenants.tenant_page import TenantPage, name_of

EDIT, WORK = "outreach.edit_mailboxes", "outreach.work_mailboxes"
NEEDS_ADMIN = ("AADSTS90094", "AADSTS65001", "AADSTS90008")


class MailboxWork(TenantPage):
    """The addresses behind the buttons. All change something, so all but the way back are POSTs."""

    what_belongs = "Mailboxes"

    def get_urls(self) -> list[URLPattern]:
        works: dict[str, Callable[[HttpRequest, Mailbox], str]] = {
            "pause": self._pause, "resume": self._resume, "test": self._test, "look": self._look,
            "dns": self._dns, "disconnect": self._disconnect,
        }  # fmt: skip
        own = [self._work(name, do) for name, do in works.items()]
        connect = self.admin_site.admin_view(require_POST(self.connect_view))
        back = self.admin_site.admin_view(require_GET(self.signed_in_view))
        return [path("signed-in/", back, name="mailbox-signed-in"),
                path("<int:pk>/connect/", connect, name="mailbox-connect"), *own,
                *super().get_urls()]  # fmt: skip

    def callback_address(self, request: HttpRequest) -> str:
        """What has to be registered with the maker, letter for letter."""
        return request.build_absolute_uri(reverse("admin:mailbox-signed-in"))

    def _work(self, name: str, do: Callable[[HttpRequest, Mailbox], str]) -> URLPattern:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            mailbox = self._mailbox(request, pk, EDIT if name == "disconnect" else WORK)
            try:
                said = do(request, mailbox)
            except MailboxError as exc:
                self.message_user(request, str(exc), messages.ERROR)
            else:
                self.message_user(request, said, messages.SUCCESS)
            return self._page_of(mailbox)

        address = f"<int:pk>/{name}/"
        return path(address, self.admin_site.admin_view(require_POST(view)), name=f"mailbox-{name}")

    def _mailbox(self, request: HttpRequest, pk: int, action: str) -> Mailbox:
        if is_public() or not may_do(request, action):
            raise PermissionDenied(f"Your role may not do this: {action}.")
        mailbox = Mailbox.objects.filter(pk=pk).first()
        if mailbox is None:
            raise Http404("There is no such mailbox here.")
        return mailbox

    @staticmethod
    def _page_of(mailbox: Mailbox) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:outreach_mailbox_change", args=[mailbox.pk]))

    # --- signing in -----------------------------------------------------------------------------
    def connect_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A page with the link to the maker: no form may lead elsewhere (``form-action``)."""
        mailbox = self._mailbox(request, pk, WORK)
        here = self.callback_address(request)
        try:
            address = oauth.begin(
                mailbox, transport=mailbox.transport, redirect_uri=here,
                caller=_caller(request), now=timezone.now(),
            )  # fmt: skip
        except oauth.SignInError as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return self._page_of(mailbox)
        response = self.page(
            request, "mailbox_connect", f"Connect {mailbox.address}", mailbox=mailbox,
            address=address, maker=maker_of(mailbox.transport), account=oauth.account_of(mailbox),
        )  # fmt: skip
        response.headers["Cache-Control"] = "no-store"
        return response

    def signed_in_view(self, request: HttpRequest) -> HttpResponse:
        """Where the maker sends the browser back to. What it brings is checked before it counts."""
        if is_public() or not may_do(request, WORK):
            raise PermissionDenied("Connecting a mailbox takes a tenant and the right to.")
        if request.GET.get("admin_consent"):
            text = "An administrator has consented for everybody there. Now connect the mailbox."
            self.message_user(request, text, messages.SUCCESS)
            return self._list()
        caller, state, now = _caller(request), request.GET.get("state", ""), timezone.now()
        try:
            if "error" in request.GET:
                return self._declined(request, oauth.spend(state=state, caller=caller, now=now))
            code = request.GET.get("code", "")
            mailbox = oauth.finish(state=state, code=code, caller=caller, now=now)
        except oauth.SignInError as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return self._list()
        text = f"{mailbox.address} is connected. Send a test to see which headers arrive."
        self.message_user(request, text, messages.SUCCESS)
        return self._page_of(mailbox)

    def _declined(self, request: HttpRequest, begun: Any) -> HttpResponse:
        """The maker said no. Its own text is not shown: anybody can write it into the address."""
        maker = maker_of(begun.transport)
        name = maker.name if maker else "The provider"
        said = request.GET.get("error_description", "")
        if maker and maker.name == "Microsoft" and any(code in said for code in NEEDS_ADMIN):
            link = oauth.admin_consent_address(begun.redirect_uri)
            text = (f"An administrator of your Microsoft 365 has to consent first. Send them this"
                    f" address: {link}")  # fmt: skip
        else:
            text = f"{name} did not let you in, or you declined. Nothing was changed."
        self.message_user(request, text, messages.ERROR)
        return self._page_of(begun.mailbox) if begun.mailbox else self._list()

    @staticmethod
    def _list() -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:outreach_mailbox_changelist"))

    # --- the other buttons ----------------------------------------------------------------------
    def _pause(self, request: HttpRequest, mailbox: Mailbox) -> str:
        pause(mailbox, reason=reason_of(request), actor=name_of(request))
        return "It is paused. What waits in its queue waits on."

    def _resume(self, request: HttpRequest, mailbox: Mailbox) -> str:
        resume(mailbox, actor=name_of(request))
        return "It sends again."

    def _test(self, request: HttpRequest, mailbox: Mailbox) -> str:
        self_test.send_test(mailbox, actor=name_of(request), now=timezone.now())
        return self._look(request, mailbox)

    def _look(self, request: HttpRequest, mailbox: Mailbox) -> str:
        return self_test.look_for_test(mailbox, now=timezone.now())

    def _dns(self, request: HttpRequest, mailbox: Mailbox) -> str:
        selector = str(mailbox.options.get("dkim_selector") or "")
        found = look_at_dns(
            mailbox.domain, transport=mailbox.transport,
            selectors=[selector] if selector else [],
        )  # fmt: skip
        told = {"at": timezone.now().isoformat(), "found": [asdict(each) for each in found]}
        with transaction.atomic():
            locked = Mailbox.objects.select_for_update(of=("self",)).get(pk=mailbox.pk)
            locked.findings = {**locked.findings, "dns": told}
            locked.save(update_fields=["findings"])
        wrong = [each.what for each in found if each.grade == "bad"]
        return f"Looked: {', '.join(wrong)} wrong." if wrong else "Looked: nothing is wrong."

    def _disconnect(self, request: HttpRequest, mailbox: Mailbox) -> str:
        disconnect(mailbox, actor=name_of(request))
        return "Its tokens or password are forgotten. It sends nothing until it is connected again."


def _caller(request: HttpRequest) -> oauth.Caller:
    return oauth.Caller(
        number=request.user.pk or 0,
        name=name_of(request),
        session=request.session.session_key or "",
        may_add=may_do(request, EDIT),
    )
