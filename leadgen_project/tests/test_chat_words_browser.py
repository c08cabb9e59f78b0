"""What the chat page makes of hostile and ordinary texts, in a real browser."""

from __future__ import annotations

import pytest

from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people

pytestmark = pytest.mark.browser
# Draws a text by a module of the page, and returns what came of it.
DRAW = """async ([module, name, text]) => {
  const drawn = (await import(`/static/chat/${module}.js`))[name](text);
  const box = document.createElement('div');
  box.id = 'drawn';
  box.append(drawn);
  document.getElementById('drawn')?.remove();
  document.querySelector('main, #content, body').append(box);
  await new Promise(done => setTimeout(done, 0));
  return box.innerHTML;
}"""
TAGS = """() => [...document.querySelectorAll('#drawn *')].map(e => e.tagName.toLowerCase())"""
HOSTILE = [
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title = 'taken'\">",
    "<svg onload=\"document.title='taken'\"></svg>",
    "<iframe srcdoc=\"<script>parent.document.title='taken'</script>\"></iframe>",
    '<a href="javascript:document.title=1">x</a><style>*{display:none}</style>',
    "![picture](https://pictures.example/track.png)",
    "![x](javascript:alert(1)) [x](javascript:alert(1)) [x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>) [x](vbscript:x) <javascript:alert(1)>",
    "[x](\x01javascript:alert(1)) [x](java\nscript:alert(1)) [x](&#106;avascript:alert(1))",
    '[x](https://ok.example" onmouseover="alert(1))',
    "[https://bank.example](https://thief.example/login)",
    "[x](https://bank.example@thief.example/)",
    "| a | b |\n|---|---|\n| <b onclick=alert(1)>x</b> | `<script>` |",
    "```html\n<script>document.title = 'taken'</script>\n```",
    "# <img src=x onerror=alert(1)>",
]
SLOW = ["[" * 20_000, "*a " * 20_000, "`" * 20_001 + "x" + "` " * 9_000, "![](" * 15_000,
        "> " * 20_000, "- " * 20_000, "_" * 50_000, "~~a" * 20_000, "|" * 30_000 + "\n|-|\n",
        "  " * 20_000 + "- x", "(https://x.example/" + ")" * 20_000, "\\" * 50_000]  # fmt: skip
ALLOWED = {
    "div", "p", "br", "span", "a", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "hr",
    "blockquote", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt",
    "dd", "details", "summary", "button",
}  # fmt: skip


@pytest.fixture
def people(committed, django_db_blocker):
    with django_db_blocker.unblock():
        make_people()


@pytest.fixture
def page(people, console):  # noqa: F811 -- a fixture's value
    console.sign_in("operator", PASSWORD)
    console.open("/admin/crawler/", expect=404)  # a page of the console that asks for nothing
    console.problems.clear()
    yield console.page
    assert console.problems == []


def drawn(page, text, *, module="markdown", name="markdown") -> str:
    return page.evaluate(DRAW, [module, name, text])


def links(page) -> list[str]:
    return page.eval_on_selector_all("#drawn a", "all => all.map(a => a.href)")


def test_hostile_texts_are_words_and_none_takes_long(page):
    title = page.title()
    for text in HOSTILE:
        for module, name in (("markdown", "markdown"), ("results", "result")):
            drawn(page, text, module=module, name=name)
            assert set(page.evaluate(TAGS)) <= ALLOWED, text
            assert all(link.startswith(("http://", "https://")) for link in links(page)), text
            handlers = page.evaluate(
                "() => [...document.querySelectorAll('#drawn *')].flatMap(e =>"
                " e.getAttributeNames().filter(n => n.startsWith('on') || n === 'style'))"
            )
            assert handlers == [], text
    assert page.title() == title

    page.set_default_timeout(60_000)
    for text in SLOW:
        drawn(page, text)

    # A link says where it leads, and leads nowhere unseen.
    drawn(page, "[https://bank.example](https://thief.example/login)")
    assert "(thief.example)" in page.inner_text("#drawn")
    rel = page.get_attribute("#drawn a", "rel")
    assert {"noopener", "noreferrer"} <= set(rel.split())
    drawn(page, "[x](https://bank.example@thief.example/)")
    assert links(page) == []
    drawn(page, "[Leads](/admin/icp/lead/) and //thief.example and [y](//thief.example/a)")
    assert page.get_attribute("#drawn a >> nth=0", "href").endswith("/admin/icp/lead/")
    assert page.get_attribute("#drawn a >> nth=0", "target") is None
    assert "(thief.example)" in page.inner_text("#drawn")
    drawn(page, "[outer [inner](https://b.example)](https://a.example)")
    assert page.locator("#drawn a a").count() == 0

    # Characters that turn or hide text are shown.
    drawn(page, "pay \u202e0001\u202c now\u200b, \u2066x\u2069 and `\u202ecode`")
    shown = page.inner_text("#drawn")
    assert "[U+202E]0001[U+202C]" in shown
    assert "[U+202E]code" in shown
    assert not set(shown) & set("\u202e\u202c\u200b\u2066\u2069")
    drawn(page, '[{"na\u202eme": "x\u202ey"}]', module="results", name="result")
    assert "[U+202E]" in page.inner_text("#drawn td")
    assert "\u202e" not in page.inner_text("#drawn")


def test_markdown_and_results_of_tools_are_drawn_with_tables_and_links(page):
    html = drawn(page, (
        "# Head\nA **bold** and *leaning* `code` snake_case_word 2 * 3 * 4\nsecond line\n\n"
        "- one\n- two\n  - inner **x**\n\n1. first\n2. second\n\n> quoted\n\n"
        "| Name | Points |\n|---|--:|\n| A \\| B | 3 |\n\n---\n\n```\n<b>\n```\n"
        "See https://a.example/x_y_z. And <https://b.example>, [c *d*](https://c.example)."
    ))  # fmt: skip

    for piece in (
        "<h3>Head</h3>", "<strong>bold</strong>", "<em>leaning</em>", "<code>code</code>",
        "snake_case_word 2 * 3 * 4<br>second line", "<ul><li>one</li><li>two<ul><li>inner <strong>",
        '<ol start="1"><li>first</li><li>second</li></ol>',
        "<blockquote><p>quoted</p></blockquote>", "<th>Name</th>", "<td>A | B</td>", "<hr>",
        "&lt;b&gt;", "c <em>d</em></a>",
    ):  # fmt: skip
        assert piece in html, piece
    assert links(page) == ["https://a.example/x_y_z", "https://b.example/", "https://c.example/"]

    rows = ", ".join(
        f'{{"name": "Firm {n}", "points": {n}, "page": "/admin/icp/lead/{n}/change/",'
        f' "site": "https://firm{n}.example", "tags": ["a", "b"], "more": {{"age": 2}}}}'
        for n in range(30)
    )

    drawn(page, f"[{rows}]", module="results", name="result")

    assert page.locator("#drawn thead th").all_inner_texts() == [
        "Name", "Points", "Page", "Site", "Tags", "More",
    ]  # fmt: skip
    assert page.locator("#drawn tbody tr").count() == 21
    assert links(page)[1] == "https://firm0.example/"
    assert page.locator("#drawn a >> nth=0").inner_text() == "Open"
    assert page.get_attribute("#drawn a >> nth=0", "href").endswith("/admin/icp/lead/0/change/")
    page.click("#drawn button")
    assert page.locator("#drawn tbody tr").count() == 30
    drawn(page, '{"company": "X", "is_new": true, "none": null}', module="results", name="result")
    assert page.locator("#drawn dd").all_inner_texts() == ["X", "yes", "none"]
    drawn(page, "plain <b>words</b>", module="results", name="result")
    assert page.inner_text("#drawn") == "plain <b>words</b>"
    drawn(page, '"plain **words**"', module="results", name="result")
    assert page.inner_text("#drawn") == "plain **words**"
