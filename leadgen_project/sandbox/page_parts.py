"""Pieces of made-up company pages: who we are, how to reach us, our people, and other people's
data nearby that is not ours."""

from html import escape

from leadgen_project.sandbox.companies import CLIENT, DESIGNER, Company, Person
from leadgen_project.sandbox.disguises import written

LABEL = "Sandbox: a made-up company"

MARKERS = {
    "WordPress": '<meta name="generator" content="WordPress 6.8"><link rel="stylesheet" '
    'href="/wp-content/themes/sandbox/style.css">',
    "WooCommerce": '<script src="/wp-content/plugins/woocommerce/cart.js"></script>',
    "Elementor": '<link rel="stylesheet" href="/wp-content/plugins/elementor/frontend.css">',
    "Joomla": '<meta name="generator" content="Joomla! - Open Source Content Management">',
    "Wix": '<meta name="generator" content="Wix.com Website Builder">',
    "Squarespace": '<script src="https://static1.squarespace.com/static/site.js"></script>',
    "Next.js": '<script src="/_next/static/chunks/main.js" defer></script>',
    "HubSpot": '<script src="https://js.hs-scripts.com/9000001.js" async></script>',
    "Calendly": '<script src="https://assets.calendly.com/assets/external/widget.js"></script>',
    "Google Analytics": '<script async src="https://www.googletagmanager.com/gtag/js?id='
    'G-SANDBOX01"></script>',
    "Google Tag Manager": "<script>/* googletagmanager.com/gtm.js?id=GTM-SANDBOX */</script>",
    "Facebook Pixel": '<script src="https://connect.facebook.net/en_US/fbevents.js"></script>',
    "reCAPTCHA": '<script src="https://www.google.com/recaptcha/api.js"></script>',
    "Cloudflare": '<script src="/cdn-cgi/scripts/email-decode.min.js"></script>',
}

_CHINESE_TITLES = {
    "Managing Director": "董事总经理",
    "Founder": "创办人",
    "Sales Manager": "销售经理",
}


def legal_name(company: Company) -> str:
    """Return the full name as sites write it, with an ordinary legal suffix, escaped."""
    suffix = company.registered.first_name[len(company.trade_name) :].strip()
    if len(suffix) > 3:  # LLP and LP stay as they are
        suffix = suffix.title()
    return escape(f"{company.trade_name} {suffix}".strip())


def introduction(company: Company) -> str:
    """Return two sentences that say what the company does and since when."""
    industry = company.registered.industry
    return (
        f"<p>{legal_name(company)} offers {industry.label} in Singapore"
        f"{f' since {company.founded}' if company.founded else ''}. We help with "
        f"{', '.join(service.lower() for service in industry.services[:3])}.</p>"
    )


def about(company: Company) -> str:
    """Return the story: age and head count are said here and nowhere else."""
    return (
        f"{introduction(company)}<p>Our team of {company.head_count} works from "
        f"{escape(company.street_line)}. {LABEL}.</p>"
        f'<blockquote>"They did a splendid job." Mdm Ong, {CLIENT}</blockquote>'
    )


def services(company: Company) -> str:
    items = "".join(f"<li>{service}</li>" for service in company.registered.industry.services)
    return f"<h1>What we do</h1><ul>{items}</ul><p>Part no. 6592-8841, from S$ 6,000.</p>"


def phone_written(number: str, position: int) -> str:
    """Return an E.164 number of Singapore in one of the usual local ways."""
    digits = number.removeprefix("+65")
    ways = (
        f"+65 {digits[:4]} {digits[4:]}",
        f"{digits[:4]} {digits[4:]}",
        f"(65) {digits[:4]}-{digits[4:]}",
        f'<a href="tel:{number}">{digits}</a>',
        f"65-{digits}",
    )
    return ways[position % len(ways)]


def phones(company: Company) -> list[str]:
    start = company.registered.index
    return [phone_written(number, start + place) for place, number in enumerate(company.phones)]


def address(company: Company) -> str:
    return f"{escape(company.street_line)}, Singapore {company.postal_code}"


def email(company: Company) -> str:
    return written(company.role_email, company.way)


def contact(company: Company) -> str:
    """Return the contact block of a plain page."""
    lines = [legal_name(company), address(company)]
    lines += [f"Tel: {phone}" for phone in phones(company)]
    if company.fax:
        lines.append(f"Fax: {phone_written(company.fax, 1)}")
    lines.append(f"Email: {email(company)}")
    return "<address>" + "<br>\n".join(lines) + "</address>"


def contact_form() -> str:
    return (
        '<form id="form" method="post" action="/send"><input name="name" placeholder="Your name">'
        '<input name="email" placeholder="you@example.com"><textarea name="text"></textarea>'
        "<button>Send</button></form>"
    )


def team(people: tuple[Person, ...], *, in_table: bool = False) -> str:
    """Return the people with their titles; in a table of two columns for the older sites."""
    if in_table:
        rows = "".join(f"<TR><TD><B>{escape(p.name)}</B><TD>{p.title}<TD>{p.email}" for p in people)
        return f"<TABLE BORDER=1><TR><TH>Name<TH>Position<TH>Email{rows}</TABLE>"
    return "<h1>Our team</h1>" + "".join(
        f'<div class="person"><h3>{escape(person.name)}</h3><p>{person.title}</p>'
        + (f'<a href="mailto:{person.email}">{person.email}</a>' if person.email else "")
        + "</div>"
        for person in people
    )


def team_in_chinese(people: tuple[Person, ...]) -> str:
    return "".join(
        f"<p>{escape(person.name)} {_CHINESE_TITLES.get(person.title, person.title)}</p>"
        for person in people
    )


def privacy(company: Company) -> str:
    officer = f"<p>Data protection officer: {company.dpo_email}</p>" if company.dpo_email else ""
    return f"<h1>Privacy</h1><p>We keep data as the law asks.</p>{officer}"


def news(company: Company) -> str:
    """Return a noise page with dates, numbers and a partner's address."""
    year = 2026
    return (
        f"<h1>News</h1><p>{year}-03-14: {legal_name(company)} moves into a larger hall.</p>"
        "<p>Invoice 6000 0001 0002 was issued. Order ref 9123-4567-8901.</p>"
        f"<p>Design partner: Pixelwright, call +65 6000 0001 or write to {DESIGNER}.</p>"
    )


def footer(company: Company, *, with_contact: bool) -> str:
    """Return the foot of every page: label, registration numbers and the designer's credit."""
    parts = [f"&copy; 2026 {legal_name(company)}. {LABEL}."]
    if company.shows_uen:
        parts.append(f"UEN {company.uen}")
    if company.gst_number:
        parts.append(f"GST Reg. No. {company.gst_number}")
    if with_contact:
        parts.insert(0, contact(company))
    links = " ".join(f'<a href="{link}">{link.split(".")[1]}</a>' for link in company.social)
    credit = f'Website by <a href="mailto:{DESIGNER}">Pixelwright Sandbox</a>'
    return " &middot; ".join(parts) + f" {links} <small>{credit}</small>"


def head_markers(company: Company) -> str:
    return "".join(MARKERS[name] for name in company.technologies if name in MARKERS)
