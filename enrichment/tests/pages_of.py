"""Made-up sites as crawls bring them home, without a network."""

from datetime import UTC, datetime

from enrichment.web.pages import CrawledPage, CrawlResult, FetchedPage, Outcome, Reason, Skipped
from enrichment.web.parse import parse

AT = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


def site(host, pages, *, content_type="text/html; charset=utf-8"):
    """A crawl of ``host`` that kept ``pages``: path -> HTML."""
    crawled = []
    for path, html in pages.items():
        url = f"https://{host}{path}"
        body = html.encode()
        fetched = FetchedPage(
            url=url,
            final_url=url,
            status=200,
            headers={"content-type": content_type},
            body=body,
            is_cut=False,
            fetched_at=AT,
            over_tls=True,
        )
        crawled.append(CrawledPage(fetched, parse(body, content_type, url), "home"))
    return CrawlResult(
        site=host,
        home_url=f"https://{host}/",
        pages=tuple(crawled),
        skipped=(),
        outcome=Outcome.OK,
        sentence="",
        requests=len(crawled) + 1,
        seconds=0.1,
    )


def no_site(host, *, outcome=Outcome.UNREACHABLE, reason=Reason.NO_ADDRESS, retryable=True):
    """A crawl of ``host`` that brought nothing."""
    sentence = f"{host} gave nothing"
    return CrawlResult(
        site=host,
        home_url="",
        pages=(),
        skipped=(Skipped(f"https://{host}/", reason, sentence),),
        outcome=outcome,
        sentence=sentence,
        requests=1,
        seconds=0.1,
        retryable=retryable,
    )


class MadeUpWeb:
    """Answers crawls from a table and remembers what was asked."""

    def __init__(self, sites):
        self.sites = sites
        self.asked = []

    def __call__(self, host):
        self.asked.append(host)
        return self.sites.get(host) or no_site(host)


FOOTER = (
    "<footer>&copy; 2026 Kolina Widgets Pte. Ltd. UEN 201912345{letter}<br>"
    "12 Kolina Lane #05-06 Singapore 408965<br>Tel: 6123 4567<br>"
    "<a href='mailto:sales@kolinawidgets.com.sg'>Write to us</a>"
    "<p>Website by <a href='mailto:hi@webdesigner.com'>Web Designer</a></footer>"
)


def kolina_pages(letter, *, more=""):
    """The site of Kolina Widgets Pte. Ltd., whose UEN ends in ``letter``."""
    footer = FOOTER.format(letter=letter)
    return {
        "/": f"<title>Kolina Widgets | Home</title><h1>Kolina Widgets</h1><p>We supply widgets and"
        f" install them for factories in Singapore since 2019.</p>{more}{footer}",
        "/team": "<title>Team</title><h1>Our team</h1><div><h3>Siti Lee</h3><p>Sales Manager</p>"
        f"<a href='mailto:siti.lee@kolinawidgets.com.sg'>mail</a></div>{footer}",
    }
