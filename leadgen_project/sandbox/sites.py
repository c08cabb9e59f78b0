"""Made-up sites, ready to be served: prepared answers by path."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from leadgen_project.sandbox import page_parts as parts
from leadgen_project.sandbox.companies import CLIENT, NAMESAKE_PHONE, Company
from leadgen_project.sandbox.layouts import LAYOUTS, Page
from leadgen_project.sandbox.loopback import Raw, Reply, Request
from leadgen_project.sandbox.uen import check_letter

Content = Reply | Raw
NOT_FOUND = Reply(
    404, b"<!doctype html><title>Not found</title><h1>404</h1><p>Sandbox: no such page.</p>"
)


def not_found(_request: Request) -> Content:
    return NOT_FOUND


@dataclass(slots=True)
class Site:
    """What one host answers: by path with query, by path, or by ``otherwise``.

    ``first`` may answer before anything else (walls, limits); ``None`` lets the page through.
    """

    pages: dict[str, Content] = field(default_factory=dict)
    otherwise: Callable[[Request], Content] = not_found
    first: Callable[[Request], Content | None] | None = None

    def answer(self, request: Request) -> Content:
        if self.first is not None and (before := self.first(request)) is not None:
            return before
        found = self.pages.get(request.path_and_query) or self.pages.get(request.path)
        return self.otherwise(request) if found is None else found


def html(text: str, status: int = 200) -> Reply:
    return Reply(status, text.encode())


def text_file(text: str, status: int = 200) -> Reply:
    return Reply(status, text.encode(), "text/plain; charset=utf-8")


def site_of(company: Company) -> Site:
    """Return the ordinary site of a company in its layout, robots.txt and sitemap included."""
    pages = _pages_of(company)
    dress = LAYOUTS[company.layout]
    answers: dict[str, Content] = {page.path: html(dress(company, pages, page)) for page in pages}
    address = f"http://{company.host}"
    locations = "".join(f"<url><loc>{address}{page.path}</loc></url>" for page in pages)
    answers["/sitemap.xml"] = Reply(
        200, f"<urlset>{locations}</urlset>".encode(), "application/xml"
    )
    if company.registered.index % 3:
        answers["/robots.txt"] = text_file(
            f"User-agent: *\nDisallow: /admin/\nSitemap: {address}/sitemap.xml\n"
        )
    if "Cloudflare" in company.technologies:
        answers = {path: _behind_cloudflare(reply) for path, reply in answers.items()}
    return Site(answers)


def _behind_cloudflare(content: Content) -> Content:
    if isinstance(content, Reply):
        return Reply(
            content.status,
            content.body,
            content.content_type,
            (*content.headers, ("Server", "cloudflare"), ("CF-RAY", "sandbox-SIN")),
        )
    return content


def _pages_of(company: Company) -> list[Page]:
    name = escape(company.trade_name)
    hello = f"<h1>{name}</h1>{parts.introduction(company)}"
    reach = f"<h1>Contact us</h1>{parts.contact(company)}{parts.contact_form()}"
    is_old = company.layout == "table"
    people = parts.team(company.people, in_table=is_old) if company.people else ""
    if company.layout == "single":
        body = f"{hello}{parts.about(company)}{parts.services(company)}{people}{reach}"
        return [Page("/", "Home", f'{body}<p id="legal">{parts.privacy(company)}</p>')]
    where = company.contact_at
    pages = [
        Page("/", "Home", hello),
        Page(
            "/about",
            "About us",
            f"<h1>About us</h1>{parts.about(company)}"
            + (parts.contact(company) if where == "about" else ""),
        ),
        Page("/services", "Services", parts.services(company)),
    ]
    if people:
        pages.append(Page("/team", "Our team", people))
    if where in {"contact", "both"}:
        pages.append(Page(company.contact_path, "Contact", reach))
    else:
        pages.append(Page(company.contact_path, "Contact", parts.contact_form()))
    pages.append(Page("/news", "News", parts.news(company)))
    pages.append(Page("/privacy", "Privacy", parts.privacy(company)))
    pages += _noise(company)
    if company.layout == "languages":
        pages += _in_chinese(company)
    return pages


def _noise(company: Company) -> list[Page]:
    """Return pages a shortlist of pages should not need: posts, jobs, clients, products."""
    posts = [
        Page(
            f"/news/{number}",
            f"Post {number}" if number == 1 else "",
            f"<h1>Post {number}</h1><p>Ref 2026-0{number}-1{number}: 6{number}00 units.</p>",
        )
        for number in range(1, 4)
    ]
    clients = Page(
        "/clients",
        "Clients",
        f"<h1>Clients</h1><p>Happy Client Sandbox, {CLIENT}, +65 6000 0002</p>",
    )
    if company.layout != "shop":
        return [*posts, clients]
    goods = [
        Page(
            f"/product/{number}",
            f"Product {number}",
            f"<h1>Item {number}</h1><p>SKU 8{number}00 000{number}</p><p>S$ {number * 12}.90</p>",
        )
        for number in range(1, 7)
    ]
    return [*posts, clients, *goods, Page("/cart", "Basket", "<h1>Your basket is empty</h1>")]


def _in_chinese(company: Company) -> list[Page]:
    name = escape(company.trade_name)
    return [
        Page("/zh/", "中文", f"<h1>{name}</h1><p>我们在新加坡提供专业服务。</p>", "zh"),
        Page(
            "/zh/lianxi",
            "联系我们",
            f"<h1>联系我们</h1><p>电邮 {parts.email(company)}</p>"
            f"<p>电话 {'、'.join(parts.phones(company))}</p>"
            f"{parts.team_in_chinese(company.people)}",
            "zh",
        ),
    ]


def namesake_site(company: Company) -> Site:
    """Return the site of another company, of a similar name, at the host of this one.

    It is complete and honest: its own legal name, address and contacts. Everything on it belongs
    to others. One in three is abroad, one has its own UEN, one shows no number at all.
    """
    host = company.other_host
    variant = company.registered.index % 3
    name = escape(company.trade_name) + (" Worldwide", " Asia Holdings", " Group")[variant]
    who, where, number = _NAMESAKES[variant]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>'
        f'<body><nav><a href="/">Home</a> <a href="/contact">Contact</a></nav><h1>{name}</h1>'
        f"<p>{name} {who} has been a trading house since 1987. {number}</p>"
        f"<p>{where}. Tel {NAMESAKE_PHONE}. "
        f'<a href="mailto:sales@{host}">sales@{host}</a></p>'
        "<footer>Sandbox: a made-up company, not the one you look for.</footer></body></html>"
    )
    return Site({"/": html(page), "/contact": html(page), "/about": html(page)})


_NAMESAKES = (
    ("Sdn. Bhd.", "88 Jalan Contoh, 80000 Johor Bahru, Malaysia", "Company No. 900001-X"),
    (
        "Pte. Ltd.",
        "77 Kolena Lane #05-05, Singapore 209998",
        "UEN 198799990" + check_letter("198799990"),
    ),
    ("Pte. Ltd.", "66 Jalan Belida #01-09, Singapore 409997", "We are hiring."),
)


def parked_site(company: Company) -> Site:
    """Return the page of a domain dealer."""
    host = company.other_host
    page = html(
        f"<!doctype html><html><head><title>{host} is for sale</title></head><body><h1>{host}</h1>"
        f"<p>This domain is for sale. Make an offer: broker@{host}, {NAMESAKE_PHONE}.</p>"
        '<p>Related searches: <a href="/s?q=loans">loans</a> <a href="/s?q=hotels">hotels</a></p>'
        "<footer>Sandbox: a parked domain.</footer></body></html>"
    )
    return Site({"/": page}, otherwise=lambda _request: page)
