"""What a site is built with, by marks in its source.

Each rule is a regular expression of our own over the page's source; a technology is named with the
mark that gave it away. Marks are chosen to be written by the technology itself (asset hosts, cookie
and variable names, generator tags), not by people talking about it.
"""

import re
from collections.abc import Sequence

from enrichment.observation import MAX_QUOTE, Observation, Rule, best_of_each
from enrichment.parse import Document

RULE = Rule("technologies", 1)
MAX_SOURCE = 400_000  # characters of a page's source that are looked at

# name, kind, mark
RULES = (
    ("WordPress", "cms", r"/wp-content/|/wp-includes/|content=\"WordPress"),
    ("WooCommerce", "shop", r"woocommerce[-_/]|wc-ajax"),
    ("Elementor", "builder", r"elementor-(?:widget|section|element)|/plugins/elementor/"),
    ("Divi", "builder", r"/themes/Divi/|et_pb_section"),
    ("WPBakery", "builder", r"/plugins/js_composer/|wpb_wrapper"),
    ("Wix", "cms", r"static\.wixstatic\.com|static\.parastorage\.com|Wix\.com Website"),
    (
        "Squarespace",
        "cms",
        (r"static1?\.squarespace\.com|squarespace-cdn\.com"
        r"|Static\.SQUARESPACE_CONTEXT"),
    ),
    ("Shopify", "shop", r"cdn\.shopify\.com|Shopify\.theme|myshopify\.com"),
    ("Webflow", "cms", r"data-wf-(?:page|site)=|assets(?:-global)?\.website-files\.com"),
    ("Weebly", "cms", r"cdn\d?\.editmysite\.com|weebly\.com/weebly"),
    ("Joomla", "cms", r"content=\"Joomla|/media/(?:jui|system)/js/|option=com_content"),
    (
        "Drupal",
        "cms",
        (r"Drupal\.settings|drupal-settings-json|/sites/(?:default|all)/(?:files|themes"
        r"|modules)/"),
    ),
    ("TYPO3", "cms", r"/typo3(?:conf|temp)/|content=\"TYPO3"),
    ("Ghost", "cms", r"content=\"Ghost \d|ghost-portal"),
    ("HubSpot", "marketing", (r"/hs-fs/hub/|hs-scripts\.com"
        r"|js\.hs-analytics\.net|hubspotusercontent")),
    ("Framer", "cms", r"framerusercontent\.com|data-framer-"),
    ("GoDaddy Builder", "cms", r"img\d\.wsimg\.com|websites\.godaddy"),
    ("Duda", "cms", r"cdn-website\.com|irp\.cdn-website|dmBody"),
    ("Strikingly", "cms", r"strikinglycdn\.com|static-assets\.strikingly"),
    ("Google Sites", "cms", r"sites\.google\.com/|lh\d\.googleusercontent\.com/sitesv"),
    ("Blogger", "cms", r"\.blogspot\.com/feeds|www\.blogger\.com/static"),
    ("Kentico", "cms", r"CMSPages/GetResource|content=\"Kentico"),
    ("Sitecore", "cms", r"/-/media/[\w/-]{1,80}\.ashx|sitecore"),
    ("Umbraco", "cms", r"/umbraco/|content=\"Umbraco"),
    ("Odoo", "suite", r"/web/assets/[\w/-]{0,60}web\.assets_|content=\"Odoo|oe_structure"),
    ("Magento", "shop", r"Magento_|/static/version\d+/frontend/|mage/cookies"),
    ("PrestaShop", "shop", r"content=\"PrestaShop|prestashop\."),
    ("OpenCart", "shop", r"index\.php\?route=(?:product|common|information)/|catalog/view/theme/"),
    ("BigCommerce", "shop", r"cdn\d{0,2}\.bigcommerce\.com|stencil-utils"),
    ("Shopline", "shop", r"shoplineimg\.com|shopline\.com/cdn|cdn\.shoplineapp"),
    ("EasyStore", "shop", r"easystore\.co/assets|cdn\.store-assets\.com"),
    ("Ecwid", "shop", r"app\.ecwid\.com/script\.js"),
    (
        "Google Analytics",
        "analytics",
        (r"google-analytics\.com/(?:analytics|ga)\.js|gtag/js\?id=(?:UA|G)-"
        r"|\bUA-\d{4,10}-\d{1,4}\b"),
    ),
    ("Google Tag Manager", "analytics", r"googletagmanager\.com/gtm\.js|\bGTM-[A-Z0-9]{5,8}\b"),
    ("Google Ads", "analytics", r"googleadservices\.com|gtag/js\?id=AW-|google_conversion_id"),
    ("Facebook Pixel", "analytics", r"connect\.facebook\.net/[\w/]{2,12}/fbevents\.js|fbq\("),
    ("LinkedIn Insight", "analytics", r"snap\.licdn\.com/li\.lms|_linkedin_partner_id"),
    ("TikTok Pixel", "analytics", r"analytics\.tiktok\.com"),
    ("Hotjar", "analytics", r"static\.hotjar\.com|hjSiteSettings"),
    ("Microsoft Clarity", "analytics", r"clarity\.ms/tag"),
    ("Matomo", "analytics", r"matomo\.js|piwik\.js|_paq\.push"),
    ("Plausible", "analytics", r"plausible\.io/js/"),
    ("Mixpanel", "analytics", r"cdn\.mxpnl\.com|mixpanel\.init"),
    ("Segment", "analytics", r"cdn\.segment\.com/analytics"),
    ("Tawk.to", "chat", r"embed\.tawk\.to"),
    ("Intercom", "chat", r"widget\.intercom\.io|intercomSettings"),
    ("Zendesk Chat", "chat", r"v2\.zopim\.com|static\.zdassets\.com"),
    ("Crisp", "chat", r"client\.crisp\.chat"),
    ("Drift", "chat", r"js\.driftt\.com"),
    ("LiveChat", "chat", r"cdn\.livechatinc\.com"),
    ("Tidio", "chat", r"code\.tidio\.co"),
    ("Freshchat", "chat", r"wchat\.freshchat\.com"),
    ("HubSpot Forms", "marketing", r"js\.hsforms\.net"),
    ("Mailchimp", "marketing", r"list-manage\.com|chimpstatic\.com|mc-embedded-subscribe"),
    ("Klaviyo", "marketing", r"static\.klaviyo\.com"),
    ("ActiveCampaign", "marketing", r"trackcmp\.net|activehosted\.com"),
    ("Stripe", "payment", r"js\.stripe\.com"),
    ("PayPal", "payment", r"paypal\.com/sdk/js|paypalobjects\.com"),
    ("HitPay", "payment", r"hit-pay\.com"),
    ("Atome", "payment", r"gateway\.apaylater|atome-widget|atome\.sg"),
    ("React", "framework", r"react(?:-dom)?(?:\.production)?\.min\.js|data-reactroot|__REACT"),
    ("Next.js", "framework", r"/_next/static/|__NEXT_DATA__"),
    (
        "Vue.js",
        "framework",
        (r"vue(?:\.runtime)?(?:\.global)?(?:\.prod)?(?:\.min)?\.js|data-v-app"
        r"|data-server-rendered"),
    ),
    ("Nuxt", "framework", r"/_nuxt/|__NUXT__"),
    ("Angular", "framework", r"ng-version=|angular(?:\.min)?\.js"),
    ("Gatsby", "framework", r"id=\"___gatsby\"|/page-data/app-data\.json"),
    ("Laravel", "framework", r"laravel_session|/vendor/livewire/|wire:id="),
    ("ASP.NET", "framework", r"__VIEWSTATE|\.aspx[\"'?]"),
    ("Ruby on Rails", "framework", r"csrf-param\" content=\"authenticity_token|rails-ujs"),
    ("jQuery", "library", r"jquery[.-][\w.-]{0,30}js"),
    ("Bootstrap", "library", r"bootstrap(?:\.bundle)?(?:\.min)?\.(?:css|js)"),
    ("Tailwind CSS", "library", r"cdn\.tailwindcss\.com|--tw-"),
    ("Font Awesome", "library", r"font-?awesome|fontawesome"),
    ("reCAPTCHA", "security", r"google\.com/recaptcha|recaptcha/api\.js"),
    ("hCaptcha", "security", r"hcaptcha\.com/1/api\.js"),
    ("Cloudflare", "security", r"/cdn-cgi/|cdnjs\.cloudflare\.com|static\.cloudflareinsights"),
    ("Cookiebot", "consent", r"consent\.cookiebot\.com"),
    ("OneTrust", "consent", r"cdn\.cookielaw\.org|optanon"),
    ("Calendly", "booking", r"assets\.calendly\.com|calendly\.com/[\w-]+"),
    ("Chope", "booking", r"book(?:ing)?\.chope\.co"),
    ("Google Maps", "maps", r"maps\.google(?:apis)?\.com|google\.com/maps/embed"),
    ("YouTube embed", "media", r"youtube(?:-nocookie)?\.com/embed/"),
)  # fmt: skip
KIND = {name: kind for name, kind, _ in RULES}
_COMPILED = tuple((name, re.compile(mark, re.IGNORECASE)) for name, _, mark in RULES)


def find(documents: Sequence[Document]) -> list[Observation]:
    """Observations ``technologies``; the quote is the source around the mark."""
    found: dict[str, Observation] = {}
    for document in documents:
        source = document.html[:MAX_SOURCE]
        for name, mark in _COMPILED:
            if name in found:
                continue
            place = mark.search(source)
            if place:
                quote = source[max(0, place.start() - 40) : place.end() + 60][:MAX_QUOTE]
                found[name] = RULE.observe(
                    document,
                    field="technologies",
                    value=name,
                    raw=place.group(0)[:200],
                    quote=quote,
                    how=KIND[name],
                    confidence=0.9,
                )
    return best_of_each(found.values())
