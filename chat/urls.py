"""Addresses of the LangGraph protocol, below ``/agent``. None ends with a slash."""

from django.urls import path

from chat.api.about import AssistantSearchView, AssistantView, InfoView, OkView
from chat.api.runs import (
    CancelView,
    JoinStreamView,
    JoinView,
    OneRunView,
    RunsView,
    StreamView,
    WaitView,
)
from chat.api.threads import (
    CountView,
    HistoryView,
    OneStateView,
    SearchView,
    StateView,
    ThreadsView,
    ThreadView,
)

THREAD = "threads/<str:thread_id>"
RUN = f"{THREAD}/runs/<str:run_id>"

urlpatterns = [
    path("info", InfoView.as_view()),
    path("ok", OkView.as_view()),
    path("assistants/search", AssistantSearchView.as_view()),
    path("assistants/<str:assistant_id>", AssistantView.as_view()),
    path("threads", ThreadsView.as_view()),
    path("threads/search", SearchView.as_view()),
    path("threads/count", CountView.as_view()),
    path(THREAD, ThreadView.as_view()),
    path(f"{THREAD}/state", StateView.as_view()),
    path(f"{THREAD}/state/<str:checkpoint_id>", OneStateView.as_view()),
    path(f"{THREAD}/history", HistoryView.as_view()),
    path(f"{THREAD}/runs", RunsView.as_view()),
    path(f"{THREAD}/runs/stream", StreamView.as_view()),
    path(f"{THREAD}/runs/wait", WaitView.as_view()),
    path(RUN, OneRunView.as_view()),
    path(f"{RUN}/stream", JoinStreamView.as_view()),
    path(f"{RUN}/join", JoinView.as_view()),
    path(f"{RUN}/cancel", CancelView.as_view()),
]
