"""How an e-mail address may be written on a page, from plain to unreadable.

``READABLE`` ways must be understood by a careful reader; the others hide the address or spoil
it on purpose, and whoever takes an address from them is wrong.
"""

from collections.abc import Callable


def _entities(email: str) -> str:
    return "".join(f"&#{ord(sign)};" for sign in email)


def _cloudflare(email: str, key: int = 0x5A) -> str:
    coded = bytes([key, *(sign ^ key for sign in email.encode())]).hex()
    return (
        '<a href="/cdn-cgi/l/email-protection" class="__cf_email__" '
        f'data-cfemail="{coded}">[email&#160;protected]</a>'
    )


def _broken_cloudflare(email: str) -> str:
    return _cloudflare(email).replace('data-cfemail="5a', 'data-cfemail="5azz')


def _words(email: str) -> str:
    user, _, host = email.partition("@")
    return f"{user} (at) {host.replace('.', ' (dot) ')}"


def _brackets(email: str) -> str:
    user, _, host = email.partition("@")
    return f"{user} [at] {host.replace('.', ' [dot] ')}"


def _capitals(email: str) -> str:
    user, _, host = email.partition("@")
    return f"{user} AT {host.replace('.', ' DOT ')}"


def _at_only(email: str) -> str:
    return email.replace("@", "(at)")


def _zero_width(email: str) -> str:
    return email.replace("@", "&#8203;@&#8203;")


def _split_tags(email: str) -> str:
    user, _, host = email.partition("@")
    return f"<span>{user}</span><span>@</span><span>{host}</span>"


def _comment(email: str) -> str:
    user, _, host = email.partition("@")
    return f"{user}<!-- no robots -->@<!-- please -->{host}"


def _reversed(email: str) -> str:
    return f'<span style="unicode-bidi:bidi-override;direction:rtl">{email[::-1]}</span>'


def _data_attributes(email: str) -> str:
    user, _, host = email.partition("@")
    return f'<a class="mail" data-user="{user}" data-domain="{host}">Write to us</a>'


def _script(email: str) -> str:
    user, _, host = email.partition("@")
    return f"<script>document.write('{user}' + '@' + '{host}');</script>"


def _full_width(email: str) -> str:
    return email.replace("@", "\uff20")


def _remove_me(email: str) -> str:
    user, _, host = email.partition("@")
    return f"{user}REMOVETHIS@{host} (take out the capitals)"


READABLE: dict[str, Callable[[str], str]] = {
    "plain": lambda email: email,
    "mailto": lambda email: f'<a href="mailto:{email}">{email}</a>',
    "mailto-query": lambda email: f'<a href="mailto:{email}?subject=Enquiry&amp;cc=">E-mail us</a>',
    "mailto-encoded": lambda email: f'<a href="mailto:{email.replace("@", "%40")}">E-mail us</a>',
    "entities": _entities,
    "cloudflare": _cloudflare,
    "words": _words,
    "brackets": _brackets,
    "capitals": _capitals,
    "at-only": _at_only,
    "zero-width": _zero_width,
    "split-tags": _split_tags,
    "comment": _comment,
    "full-width": _full_width,
    "microdata": lambda email: f'<span itemprop="email">{email}</span>',
    "data-attributes": _data_attributes,
}
UNREADABLE: dict[str, Callable[[str], str]] = {
    "reversed": _reversed,
    "script": _script,
    "remove-me": _remove_me,
    "broken-cloudflare": _broken_cloudflare,
    "picture": lambda _email: '<img src="/img/mail.png" alt="our address">',
    "form-only": lambda _email: '<a href="#form">Use the form below</a>',
}


def written(email: str, way: str) -> str:
    """Return the HTML that shows ``email`` in the given way."""
    return (READABLE.get(way) or UNREADABLE[way])(email)
