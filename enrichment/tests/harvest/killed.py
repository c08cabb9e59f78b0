"""Work on one harvest in processes that kill themselves at their n-th statement, until it is over.

    python -m enrichment.tests.harvest.killed TENANT REQUEST [kill]

Prints how many died. What a dead process held is freed as the supervisor does it.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count

import django

FIRST, STEP, ROUND = 31, 37, 149  # statements; a batch gets on in about 40


def main(tenant: str, request_id: int, *, kills: bool) -> int:
    from enrichment.harvest.claim import free_harvests
    from tenants.context import connection, in_tenant

    for number in count():
        connection.close()
        child = os.fork()
        if child == 0:
            with in_tenant(tenant):
                _work(request_id, die_at=FIRST + STEP * number % ROUND if kills else 0)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            return number if os.WEXITSTATUS(status) == 0 else -1
        with in_tenant(tenant):
            free_harvests(_name_of(child), blamed=False)
    return -1


def _work(request_id: int, *, die_at: int) -> None:
    from enrichment.harvest_batch import Ending, work_on
    from tenants.context import connection

    seen = count(1)

    def die(execute, sql, params, many, context):
        if next(seen) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(die):
        while work_on(request_id).ending is Ending.AGAIN:
            pass


def _name_of(pid: int) -> str:
    from tenants.process_name import process_name

    return f"{process_name().rpartition(':')[0]}:{pid}"


if __name__ == "__main__":
    django.setup()
    died = main(sys.argv[1], int(sys.argv[2]), kills="kill" in sys.argv)
    sys.stdout.write(f"{died}\n")
    sys.exit(0 if died >= 0 else 1)
