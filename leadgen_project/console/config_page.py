"""Upload a config.json: see what it would change, take it over, undo it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from leadgen_project.import_config import (
    MOST_BYTES,
    REASON,
    UPDATE,
    ConfigFileError,
    import_config,
    imports_of_config,
    preview_config,
    undo_import,
)
from tenants.console import is_platform_admin, may_do
from tenants.models import AuditEvent
from tenants.row_number import row_number

ACTION = "tenants.edit_settings"


def config_page(request: HttpRequest) -> HttpResponse:
    """The form, the preview of a file, or what was done with it."""
    if tenant_of(request) is None or not may_do(request, ACTION):
        raise PermissionDenied("Settings are changed by owners of the tenant.")
    context: dict[str, Any] = {"title": "Configuration file", "text": "", "name": ""}
    if request.method == "POST":
        try:
            done = _do(request, context)
        except ConfigFileError as exc:
            context |= {"mistake": str(exc), "preview": None}
        else:
            if done:
                messages.success(request, done)
                return HttpResponseRedirect(link("config-import"))
    shown = {**admin.site.each_context(request), "past": imports_of_config(), **context}
    return TemplateResponse(request, "console/config.html", shown)


def _do(request: HttpRequest, context: dict[str, Any]) -> str:
    """What was done, in words; nothing after a preview, which goes into ``context``."""
    actor, verb = request.user.get_username(), request.POST.get("verb", "")
    if verb == "undo":
        event = get_object_or_404(
            AuditEvent, pk=row_number(request.POST.get("event", "")), action=UPDATE,
            reason__startswith=REASON,
        )  # fmt: skip
        undo_import(event, actor=actor)
        return "Set back to what it was before that import."
    text, name = _given(request)
    is_admin = is_platform_admin(request)
    if verb == "import":
        preview = import_config(text, file_name=name, actor=actor, is_admin=is_admin)
        return f"Imported; {len(preview.changes)} settings changed."
    context |= {"text": text, "name": name, "preview": preview_config(text, is_admin=is_admin)}
    return ""


def _given(request: HttpRequest) -> tuple[str, str]:
    file = request.FILES.get("file")
    if file is None:
        text = request.POST.get("text", "")
        if not text.strip():
            raise ConfigFileError("Choose a file.")
        return text, request.POST.get("name", "config.json")[:200]
    if (file.size or 0) > MOST_BYTES:
        raise ConfigFileError(f"The file is larger than {MOST_BYTES // 1000} kB.")
    try:
        return file.read().decode("utf-8-sig"), (file.name or "config.json")[:200]
    except UnicodeDecodeError:
        raise ConfigFileError("The file is not UTF-8 text.") from None
