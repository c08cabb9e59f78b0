"""What a site is built with, by marks that the technology itself leaves in the source.

A mark is a whole word of a resource's address (host, folder, file), of a class or id, of the
generator tag, or of a short inline script. Links people can click are not looked at, so that
writing about a product is not using it. Words are looked up in one table: the cost does not grow
with the number of rules.
"""

import re
from collections.abc import Iterator, Sequence

from lxml import etree

from enrichment.observation import MAX_QUOTE, Observation, Rule, best_of_each
from enrichment.web.parse import Document

RULE = Rule("technologies", 1)
MAX_SCRIPT = 3_000  # characters of an inline script that are looked at
MAX_WORDS = 20_000

# name, kind, marks: words in lower case. A host stands for all hosts below it.
RULES = (
    ("WordPress", "cms", "wp-content wp-includes wp-json wordpress"),
    ("WooCommerce", "shop", "woocommerce wc-ajax wc-block-style wc-cart-fragments"),
    ("Elementor", "builder", "elementor elementor-section elementor-widget-container"),
    ("Divi", "builder", "divi et_pb_section et-core-unified"),
    ("WPBakery", "builder", "js_composer wpb_wrapper wpb_row"),
    ("Wix", "cms", "wixstatic.com parastorage.com wix.com wixcode-sdk"),
    ("Squarespace", "cms", "squarespace.com squarespace-cdn.com static.squarespace_context"),
    ("Shopify", "shop", "cdn.shopify.com myshopify.com shopify.theme shopify-section"),
    ("Webflow", "cms", "website-files.com data-wf-page data-wf-site webflow.js w-nav webflow"),
    ("Weebly", "cms", "editmysite.com weebly.com wsite-menu"),
    ("Joomla", "cms", "joomla com_content joomla.jtext joomla-script-options"),
    ("Drupal", "cms", "drupal drupal.settings drupal-settings-json drupal.js"),
    ("TYPO3", "cms", "typo3 typo3conf typo3temp"),
    ("Ghost", "cms", "ghost ghost-portal ghost-sdk"),
    ("Framer", "cms", "framerusercontent.com data-framer-hydrate-v2 framer"),
    ("GoDaddy Builder", "cms", "wsimg.com"),
    ("Duda", "cms", "cdn-website.com dmbody"),
    ("Strikingly", "cms", "strikinglycdn.com strikingly.com"),
    ("Google Sites", "cms", "sitesv"),
    ("Blogger", "cms", "blogger blogblog.com"),
    ("Kentico", "cms", "kentico cmspages"),
    ("Umbraco", "cms", "umbraco"),
    ("Sitecore", "cms", "sitecore"),
    ("Odoo", "suite", "odoo oe_structure web.assets_frontend"),
    ("Magento", "shop", "magento magento_ui mage magento_theme"),
    ("PrestaShop", "shop", "prestashop"),
    ("OpenCart", "shop", "opencart catalog.view.theme"),
    ("BigCommerce", "shop", "bigcommerce.com stencil-utils"),
    ("Shopline", "shop", "shoplineimg.com shoplineapp.com"),
    ("EasyStore", "shop", "easystore.co store-assets.com"),
    ("Ecwid", "shop", "app.ecwid.com"),
    ("Google Analytics", "analytics",
     ("google-analytics.com analytics.js ga.js gtag "
     "googleanalyticsobject")),
    ("Google Tag Manager", "analytics", "gtm.js gtm.start"),
    ("Google Ads", "analytics", "googleadservices.com google_conversion_id"),
    ("Facebook Pixel", "analytics", "fbevents.js fbq"),
    ("LinkedIn Insight", "analytics", "licdn.com _linkedin_partner_id"),
    ("TikTok Pixel", "analytics", "analytics.tiktok.com"),
    ("Hotjar", "analytics", "hotjar.com hjsitesettings _hjsettings"),
    ("Microsoft Clarity", "analytics", "clarity.ms"),
    ("Matomo", "analytics", "matomo.js piwik.js _paq.push"),
    ("Plausible", "analytics", "plausible.io"),
    ("Mixpanel", "analytics", "mxpnl.com mixpanel.init"),
    ("Segment", "analytics", "cdn.segment.com"),
    ("HubSpot", "marketing",
     ("hs-scripts.com hs-analytics.net hsforms.net hubspotusercontent hs-fs "
     "hsforms.com")),
    ("Mailchimp", "marketing",
     ("list-manage.com chimpstatic.com mc-embedded-subscribe "
     "mc_embed_signup")),
    ("Klaviyo", "marketing", "klaviyo.com"),
    ("ActiveCampaign", "marketing", "trackcmp.net activehosted.com"),
    ("Tawk.to", "chat", "tawk.to tawk_api"),
    ("Intercom", "chat", "intercom.io intercomsettings"),
    ("Zendesk Chat", "chat", "zopim.com zdassets.com"),
    ("Crisp", "chat", "crisp.chat"),
    ("Drift", "chat", "driftt.com"),
    ("LiveChat", "chat", "livechatinc.com"),
    ("Tidio", "chat", "tidio.co"),
    ("Freshchat", "chat", "freshchat.com"),
    ("Stripe", "payment", "js.stripe.com"),
    ("PayPal", "payment", "paypalobjects.com paypal.com"),
    ("HitPay", "payment", "hit-pay.com"),
    ("Atome", "payment", "apaylater.com atome-widget"),
    ("React", "framework",
     ("react.production.min.js react-dom.production.min.js react.min.js "
     "data-reactroot")),
    ("Next.js", "framework", "_next __next_data__ __next"),
    ("Vue.js", "framework", "vue.min.js vue.js vue.global.js vue.global.prod.js data-v-app"),
    ("Nuxt", "framework", "_nuxt __nuxt"),
    ("Angular", "framework", "ng-version angular.min.js angular.js"),
    ("Gatsby", "framework", "___gatsby gatsby-focus-wrapper"),
    ("Laravel", "framework", "laravel livewire livewire.js"),
    ("ASP.NET", "framework", "__viewstate webresource.axd scriptresource.axd aspnetform"),
    ("Ruby on Rails", "framework", "rails-ujs authenticity_token"),
    ("jQuery", "library", "jquery.js jquery.min.js jquery-migrate.min.js code.jquery.com jquery"),
    ("Bootstrap", "library",
     ("bootstrap.css bootstrap.min.css bootstrap.min.js bootstrap.js "
     "bootstrap.bundle.min.js")),
    ("Tailwind CSS", "library", "cdn.tailwindcss.com tailwind.css tailwind.min.css"),
    ("Font Awesome", "library", "font-awesome font-awesome.min.css fontawesome.com fontawesome"),
    ("reCAPTCHA", "security", "recaptcha g-recaptcha"),
    ("hCaptcha", "security", "hcaptcha.com h-captcha"),
    ("Cloudflare", "security", "cdn-cgi cloudflareinsights.com __cf_email__"),
    ("Cookiebot", "consent", "cookiebot.com"),
    ("OneTrust", "consent", "cookielaw.org optanonwrapper"),
    ("Calendly", "booking", "calendly.com"),
    ("Chope", "booking", "chope.co"),
    ("Google Maps", "maps", "maps.googleapis.com maps.google.com"),
    ("YouTube embed", "media", "youtube.com youtube-nocookie.com"),
)  # fmt: skip
KIND = {name: kind for name, kind, _ in RULES}
MARKS = {mark: name for name, _, marks in RULES for mark in marks.split()}
# Attributes that are marks by their own name.
_ATTRIBUTES = ("data-wf-page", "data-wf-site", "data-reactroot", "data-v-app", "ng-version")

_RESOURCES = etree.XPath(
    "//script/@src | //link/@href | //img/@src | //iframe/@src | //form/@action | //source/@src"
    " | //meta[@name='generator' or @name='Generator']/@content | //input/@name | //meta/@name",
    smart_strings=False,
)
_NAMES = etree.XPath("//@class | //@id", smart_strings=False)
_WORD = re.compile(r"[a-z0-9_][a-z0-9_.-]{2,59}")
_VERSIONED = re.compile(
    r"^(jquery|bootstrap|vue|angular|react)[-.@]?\d[\w.-]*$|^(ua|gtm|aw)-[a-z0-9-]{5,14}$"
)
_BY_VERSION = {"ua": "Google Analytics", "gtm": "Google Tag Manager", "aw": "Google Ads",
               "jquery": "jQuery", "bootstrap": "Bootstrap", "vue": "Vue.js", "angular": "Angular",
               "react": "React"}  # fmt: skip


def find(documents: Sequence[Document]) -> list[Observation]:
    """Observations ``technologies``; the quote is the source around the mark."""
    found: dict[str, Observation] = {}
    for document in documents:
        if document.root is None:
            continue
        for name, mark in _marks(document):
            if name not in found:
                quote = _source_around(document.html, mark)
                found[name] = RULE.observe(
                    document,
                    field="technologies",
                    value=name,
                    raw=mark,
                    quote=quote,
                    how=KIND[name],
                    confidence=0.9,
                )
    return best_of_each(found[name] for name in sorted(found))


def _marks(document: Document) -> Iterator[tuple[str, str]]:
    texts = [*_RESOURCES(document.root), *_NAMES(document.root)[:MAX_WORDS]]
    texts += [
        script.text[:MAX_SCRIPT]
        for script in document.root.iter("script")
        if script.text and "json" not in (script.get("type") or "")
    ]
    # In the order of the page, so that the mark that is quoted is always the same.
    words = dict.fromkeys(_WORD.findall("\n".join(texts).lower()))
    for word in words:
        if word in MARKS:
            yield MARKS[word], word
        elif "." in word:
            yield from _by_host(word)
        if "-" in word or "." in word:
            versioned = _VERSIONED.match(word)
            if versioned:
                yield _BY_VERSION[versioned.group(1) or versioned.group(2)], word
    for name in _ATTRIBUTES:
        if f" {name}=" in document.html:
            yield MARKS[name], name


def _by_host(word: str) -> Iterator[tuple[str, str]]:
    parent = word
    while "." in parent:
        parent = parent.partition(".")[2]
        if "." in parent and parent in MARKS:
            yield MARKS[parent], word
            return


def _source_around(html: str, mark: str) -> str:
    place = re.search(re.escape(mark), html, re.IGNORECASE)
    if place is None:
        return mark
    return html[max(0, place.start() - 60) : place.end() + 60][:MAX_QUOTE]
