"""Seven ways to build a site: each takes a company's pages and returns their HTML."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from leadgen_project.sandbox import page_parts as parts
from leadgen_project.sandbox.companies import Company


@dataclass(frozen=True, slots=True)
class Page:
    """One page before it is dressed by a layout. ``label`` is its name in the navigation."""

    path: str
    label: str
    body: str
    language: str = "en"


Layout = Callable[[Company, list[Page], Page], str]


def _navigation(pages: list[Page], *, between: str = " ") -> str:
    return between.join(f'<a href="{page.path}">{page.label}</a>' for page in pages if page.label)


def _title(company: Company, page: Page) -> str:
    what = company.registered.industry.label if page.path == "/" else page.label
    return f"{escape(company.trade_name)} | {what}"


def _has_contact_in_footer(company: Company) -> bool:
    return company.contact_at in {"footer", "both"}


def plain(company: Company, pages: list[Page], page: Page) -> str:
    foot = parts.footer(company, with_contact=_has_contact_in_footer(company))
    return (
        f'<!doctype html>\n<html lang="{page.language}"><head><meta charset="utf-8">'
        f"<title>{_title(company, page)}</title>"
        f'<meta name="description" content="{company.registered.industry.label} in Singapore">'
        f"{parts.head_markers(company)}</head>\n<body><header><nav>{_navigation(pages)}</nav>"
        f"</header>\n<main>{page.body}</main>\n<footer>{foot}</footer></body></html>\n"
    )


def cards(company: Company, pages: list[Page], page: Page) -> str:
    foot = parts.footer(company, with_contact=_has_contact_in_footer(company))
    items = "".join(
        f'<li class="nav-item"><a class="nav-link" href="{one.path}"><span>{one.label}</span></a>'
        for one in pages
        if one.label
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{page.language}"><head><meta charset="UTF-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_title(company, page)}</title>"
        f'<meta property="og:site_name" content="{escape(company.trade_name)}">'
        f"{parts.head_markers(company)}<style>.card{{padding:1rem}}</style></head>\n"
        f'<body><div id="app"><div class="wrap"><ul class="navbar">{items}</ul></div>\n'
        f'<div class="container"><div class="row"><div class="col"><div class="card">'
        f'<div class="card-body">{page.body}</div></div></div></div></div>\n'
        f'<div class="footer"><div class="inner">{foot}</div></div></div></body></html>\n'
    )


def jsonld(company: Company, pages: list[Page], page: Page) -> str:
    data = {
        "@context": "https://schema.org",
        "@type": "Organization",
        "name": company.trade_name,
        "legalName": company.name,
        "url": f"http://{company.host}/",
        "telephone": company.phones[0],
        "foundingDate": str(company.founded),
        "numberOfEmployees": {"@type": "QuantitativeValue", "value": company.head_count},
        "address": {
            "@type": "PostalAddress",
            "streetAddress": company.street_line,
            "postalCode": company.postal_code,
            "addressCountry": "SG",
        },
        "sameAs": list(company.social),
    }
    if company.way == "plain":
        data["email"] = company.role_email
    if company.shows_uen:
        data["taxID"] = company.uen
    script = f'<script type="application/ld+json">{json.dumps(data)}</script></head>'
    return plain(company, pages, page).replace("</head>", script, 1)


def table(company: Company, pages: list[Page], page: Page) -> str:
    foot = parts.footer(company, with_contact=_has_contact_in_footer(company))
    return (
        f"<HTML><HEAD><TITLE>{_title(company, page)}</TITLE>"
        '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=utf-8">'
        f"{parts.head_markers(company)}</HEAD>\n"
        '<BODY BGCOLOR="#FFFFCC"><TABLE WIDTH=760 CELLPADDING=4><TR>'
        f"<TD BGCOLOR=silver VALIGN=top WIDTH=140>{_navigation(pages, between='<BR>')}\n"
        f'<TD><FONT FACE="Arial" SIZE=2>{page.body}</FONT>\n'
        f"<TR><TD COLSPAN=2><CENTER><FONT SIZE=1>{foot}</FONT></CENTER></TABLE></BODY></HTML>\n"
    )


def shop(company: Company, pages: list[Page], page: Page) -> str:
    basket = '<aside>Basket: 0 items. <a href="/cart">Check out</a></aside></body>'
    return cards(company, pages, page).replace("</body>", basket, 1)


LAYOUTS: dict[str, Layout] = {
    "plain": plain,
    "cards": cards,
    "jsonld": jsonld,
    "table": table,
    "single": plain,
    "languages": plain,
    "shop": shop,
}
