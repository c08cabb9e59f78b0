"""How gunicorn serves leadgen: ``gunicorn -c leadgen_project/gunicorn_conf.py``.

Threads, because event streams hold one each: 40 streams on 2 x 8 threads blocked other pages for
18 seconds, on 2 x 32 not at all, with the same memory. So a process has as many as it may have
streams of the chat (``CHAT_STREAMS``), streams of progress (16), and 16 for everything else; what
carries the chat's runs is beside them (``chat.live``). None holds a database connection while it
waits: a process has 16 of these however many streams there are. No ``preload_app``: processes that
fork must not share a pool. Behind a proxy on another machine set ``FORWARDED_ALLOW_IPS``.
"""

from __future__ import annotations

import os
from typing import Any

from leadgen_project.lifeline import GRACE_SECONDS, follow_parent
from tenants.sign_in.token_size import LONGEST_TOKEN

wsgi_app = "leadgen_project.wsgi:application"
bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("CHAT_STREAMS", "48")) + 32
timeout = 60  # for a process that hangs; a slow request only holds its thread
graceful_timeout = GRACE_SECONDS - 5
keepalive = 5
# gunicorn's own limit, 8,190, is below the longest bearer token we take. A proxy before us should
# allow as much.
limit_request_field_size = LONGEST_TOKEN + len("Authorization: Bearer ") + 64
# Frees what a connection that has seen many tenants holds in PostgreSQL (1.8 MB per tenant).
max_requests = 2000
max_requests_jitter = 200
# Off, because its path in the home directory is one for all instances of an account.
control_socket_disable = True
loglevel = "warning"


def post_worker_init(worker: Any) -> None:
    """Let streams and answers of the chat know when their process is about to end."""
    from tenants import stopping  # noqa: PLC0415 -- the application is loaded now and not before

    stopping.watch(lambda: not worker.alive)


def worker_exit(_server: Any, _worker: Any) -> None:
    """Give answers nobody listens to the seconds those with listeners have."""
    from chat import stopping  # noqa: PLC0415 -- as above

    stopping.wait_for_runs()


def on_starting(_server: Any) -> None:
    """End with the process that started this one, if ``manage.py run`` did."""
    follow_parent()
