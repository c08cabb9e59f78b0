"""The operator's jobs here: judge the shortlist, look back at older ones, tune the points."""

from __future__ import annotations

from django.contrib import admin

from scoring.card_admin import ScoreCardAdmin
from scoring.models import ScoreCard, Shortlist, ShortlistEntry
from scoring.review_admin import ReviewAdmin, ShortlistAdmin

admin.site.register(ShortlistEntry, ReviewAdmin)
admin.site.register(Shortlist, ShortlistAdmin)
admin.site.register(ScoreCard, ScoreCardAdmin)
