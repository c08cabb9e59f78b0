"""The one settings file. Everything that differs between machines comes from the environment."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from leadgen_project import embedded_postgres
from leadgen_project import environment as env
from leadgen_project.api.words import API_DESCRIPTION
from leadgen_project.console.unfold import UNFOLD  # noqa: F401 -- a setting
from tenants.db import pool
from tenants.paid.limits import Limits
from tenants.permits import Vendor

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("LEADGEN_DATA_DIR", str(BASE_DIR / ".data"))).resolve()
DEBUG = env.flag("DEBUG")


def _kept_secret(name: str) -> str:
    """A secret from the environment; on a machine without one, made once and kept in the data dir.

    Only the embedded database allows that: whoever brings a real server brings real secrets.
    """
    if value := env.text(name):
        return value
    if DATABASE_URL:
        raise env.SettingError(f"{name}: must be set when DATABASE_URL is set.")
    path = DATA_DIR / name.lower()
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50), encoding="utf-8")
        try:
            path.hardlink_to(fresh)  # the first process wins, the others read what it wrote
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="utf-8").strip()


DATABASE_URL = env.text("DATABASE_URL")
SECRET_KEY = _kept_secret("SECRET_KEY")
# Keys the search hashes of suppressed addresses; losing it loses the suppressions of erased people.
FIELD_KEYS = [key.strip() for key in _kept_secret("FIELD_KEYS").split(",")]

ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,.localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
CORS_ALLOWED_ORIGINS = env.words("CORS_ALLOWED_ORIGINS")  # of chat UIs, or *; see chat.door
BASE_URL = env.text("BASE_URL", "http://localhost:8000")

# --- apps -----------------------------------------------------------------------------------
# Accounts, sessions and the queue live in the public schema alone, so that permissions and users
# exist once. ``unfold`` stands before ``django_tenants``, which would replace its sidebar.
SHARED_APPS = [
    "unfold.apps.BasicAppConfig",  # its default would put its own site before ours
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "tenants",  # before django_tenants: its ``migrate`` also keeps the second wall
    "django_tenants",
    "acra",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "leadgen_project.console.apps.ConsoleConfig",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "axes",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "leadgen_project",
]
TENANT_APPS = ["icp", "enrichment", "scoring", "outreach", "odoo_sync", "chat"]
INSTALLED_APPS = SHARED_APPS + TENANT_APPS

AUTH_USER_MODEL = "tenants.User"
# The first refuses who has guessed too often; see tenants.sign_in.lock_out.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "tenants.roles.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
CSRF_FAILURE_VIEW = "leadgen_project.console.errors.stale_form"
LOGIN_REDIRECT_URL = "admin:index"

TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_LIMIT_SET_CALLS = True
TENANT_BASE_SCHEMA = "tenant_template"  # an empty tenant, which new ones are copied from
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]

MIDDLEWARE = [
    "chat.door.ChatDoorMiddleware",
    "leadgen_project.observe.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "leadgen_project.console.headers.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "tenants.sign_in.resolve.TenantMiddleware",
    "tenants.sign_in.sso.renew.RenewalMiddleware",
    "leadgen_project.console.clock.LocalTimeMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # innermost: it answers 429 in the view's place
]
ROOT_URLCONF = "leadgen_project.urls"
WSGI_APPLICATION = "leadgen_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database -------------------------------------------------------------------------------
# Only the web server keeps a pool: in a process that forks (the queue's cluster) children would
# share its sockets.
IS_WEB = env.text("LEADGEN_PROCESS") == "web"


def _database() -> dict[str, object]:
    if DATABASE_URL:
        given = {key: value for key, value in conninfo_to_dict(DATABASE_URL).items() if value}
        return {
            "NAME": given.pop("dbname"),
            "USER": given.pop("user", ""),
            "PASSWORD": given.pop("password", ""),
            "HOST": given.pop("host", ""),
            "PORT": given.pop("port", ""),
            "OPTIONS": given,
        }
    return {**embedded_postgres.connection_params(DATA_DIR), "OPTIONS": {}}


DATABASES = {
    "default": {
        "ENGINE": "tenants.db",
        **_database(),
        "CONN_MAX_AGE": 0 if IS_WEB else 60,
        "CONN_HEALTH_CHECKS": not IS_WEB,
        "TEST": {"NAME": "test_leadgen"},
    }
}
if IS_WEB:
    DATABASES["default"]["OPTIONS"]["pool"] = {  # type: ignore[index]  # made just above
        "min_size": 2,
        "max_size": 16,
        "max_lifetime": 300,
        "reset": pool.reset,
    }
# Names of the roles of the second wall start with this; roles are shared by a whole server.
DATABASE_ROLE_PREFIX = env.text("DATABASE_ROLE_PREFIX", f"lg_{DATABASES['default']['NAME']}")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # without it two tenants would share what the console caches
        "KEY_FUNCTION": "django_tenants.cache.make_key",
    }
}
STORAGES = {
    "default": {"BACKEND": "django_tenants.files.storage.TenantFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MEDIA_ROOT = DATA_DIR / "files"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
WHITENOISE_USE_FINDERS = True  # served out of the packages: there is no collectstatic to forget

# --- queue ----------------------------------------------------------------------------------
# retry > 2 x timeout and queue_limit 1, or tasks that wait in memory run twice; tenants.checks
# refuses other values. save_limit -1: the run row is our record, and pruning costs 5 x.
Q_CLUSTER = {
    "name": "leadgen",
    "orm": "default",
    "workers": env.integer("WORKERS", 2, least=1, most=64),
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 600,
    "retry": 1500,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "poll": 0.2,
    "recycle": 200,
    "max_rss": 600_000,
    "time_zone": "Asia/Singapore",
    "ALT_CLUSTERS": {
        "mail": {
            "workers": env.integer("MAIL_WORKERS", 2, least=1, most=64),
            "timeout": 300,
            "retry": 600,
        },
    },
}

METRICS_TOKEN = env.text("METRICS_TOKEN")  # unset: metrics on loopback alone, without tenants
METRICS_DIR = DATA_DIR / "metrics"

# --- language, time, log --------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "leadgen_project.formats"  # a language's own formats go before settings
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "leadgen_project.logs.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
        "json": {"()": "leadgen_project.logs.JSONFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": env.choice("LOG_FORMAT", ("line", "json")),
        }
    },
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django-q": {"level": "WARNING"},
        "django.server": {"level": "WARNING"},
        # Its warnings quote the address asked, which holds a key (ZeroBounce) or an e-mail address.
        "urllib3": {"level": "ERROR"},
        # Below that they write down whole requests, so prompts and keys.
        "openai": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
        # Names every account somebody fails to sign in as; the audit does that, with rights.
        "axes": {"level": "ERROR"},
    },
}

# --- web safety -----------------------------------------------------------------------------
IS_HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
BEHIND_PROXY = env.flag("BEHIND_PROXY")
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = IS_HTTPS  # without the header every request would look like http
    SECURE_REDIRECT_EXEMPT = ["^health$", "^metrics$"]  # monitors ask past the proxy
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # whether all other sub-domains have TLS is not ours to promise,
    "security.W021",  # and neither is the browsers' list of such domains
    "security.W019",  # our own pages frame a preview of a mail; nobody else may frame us
]
X_FRAME_OPTIONS = "SAMEORIGIN"
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.sign_in.bearer.BearerAuthentication",  # the first names the challenge of a 401
        "tenants.rest.doors.ConsoleSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.rest.doors.HasRight"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.rest.parse.StorableJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tenants.rest.parse.AlwaysJSON",
    "DEFAULT_PAGINATION_CLASS": "tenants.rest.paging.CursorPages",
    "DEFAULT_THROTTLE_CLASSES": ["tenants.rest.throttle.CallerThrottle"],
    "DEFAULT_SCHEMA_CLASS": "tenants.rest.schema.DescribedSchema",
    "EXCEPTION_HANDLER": "tenants.rest.problems.handle",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
}
API_CALLS_PER_MINUTE = env.integer("API_CALLS_PER_MINUTE", 600, least=1)
SPECTACULAR_SETTINGS = {
    "TITLE": "leadgen API",
    "DESCRIPTION": API_DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "leadgen_project.api.describe.add_common_parts",
    ],
    "ENUM_NAME_OVERRIDES": {
        "SuppressionKindEnum": "icp.models.Suppression.Kind",
        "LeadSourceEnum": "icp.models.Lead.Source",
        "RunStatusEnum": "tenants.models.PipelineRun.Status",
        "PlanStatusEnum": "icp.serializers.PLAN_WORDS",
        "HandedInStatusEnum": "enrichment.process_api.WORDS",
    },
    "SERVE_PUBLIC": True,
}

# --- sign-in: the deployment's own provider; tenants add theirs in the console --------------------
OIDC_ISSUER = env.text("OIDC_ISSUER")
OIDC_NAME = env.text("OIDC_NAME", "single sign-on")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
OIDC_AUDIENCE = env.words("OIDC_AUDIENCE")  # of bearer tokens; unset: the client ID alone
OIDC_SCOPES = env.text("OIDC_SCOPES", "openid email profile")
OIDC_TENANT_CLAIM = env.text("OIDC_TENANT_CLAIM", "tenant_id")
OIDC_ROLES_CLAIM = env.text("OIDC_ROLES_CLAIM", "roles")
OIDC_ROLE_MAP = env.pairs("OIDC_ROLE_MAP", known=["OWNER", "OPERATOR", "REVIEWER", "AUDITOR"])
OIDC_ALLOW_PRIVATE = env.words("OIDC_ALLOW_PRIVATE")  # host:port of providers inside the house
OIDC_RENEW_SECONDS = env.integer("OIDC_RENEW_SECONDS", 3600, least=60, most=43_200)
PASSWORD_SIGN_IN = env.flag("PASSWORD_SIGN_IN", default=True)
DEV_TENANT_HEADER = env.flag("DEV_TENANT_HEADER")  # believes X-Tenant-ID alone
if DEV_TENANT_HEADER and not DEBUG:
    raise env.SettingError("DEV_TENANT_HEADER: lets anybody into any tenant; only with DEBUG.")
# What mozilla-django-oidc reads; all that differs between providers is in tenants.sign_in.sso.
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_USE_NONCE = True
OIDC_USE_PKCE = True
OIDC_PKCE_CODE_CHALLENGE_METHOD = "S256"
OIDC_MAX_STATES = 10
AXES_HANDLER = "tenants.sign_in.lock_out.LockOutHandler"
AXES_CLIENT_IP_CALLABLE = "tenants.sign_in.lock_out.address_of"
AXES_USERNAME_CALLABLE = "tenants.sign_in.lock_out.name_of"
AXES_LOCKOUT_CALLABLE = "tenants.sign_in.lock_out.locked_out"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # our own audit has it
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# --- the product ----------------------------------------------------------------------------
DATA_GOV_SG_BASE_URL = env.text("DATA_GOV_SG_BASE_URL")  # one address for all three hosts
API_URL = env.text("API_URL")  # the old name of the same
DATA_GOV_SG_API_KEY = env.text("DATA_GOV_SG_API_KEY")
RESOURCE_ID = env.text("RESOURCE_ID", "2")  # the collection; see acra.download
PAGE_SIZE = env.integer("PAGE_SIZE", 1000, least=1, most=10_000)
REGISTER_INTERVAL_HOURS = env.integer("INTERVAL", 24, least=1)
DISABLE_SCHEDULER = env.flag("DISABLE_SCHEDULER")
# How long a worker's claim on a lead outlives the worker's last sign of life. Renewed at a third.
LEASE_SECONDS = env.integer("LEASE_SECONDS", 120, least=3, most=600)
# The CAPTCHA desk: how long a person holds a page, how long it waits, and when a source pauses.
CAPTCHA_LEASE_SECONDS = env.integer("CAPTCHA_LEASE_SECONDS", 600, least=30, most=7200)
CAPTCHA_DEADLINE_DAYS = env.integer("CAPTCHA_DEADLINE_DAYS", 14, least=1, most=365)
CAPTCHA_TRIES = env.integer("CAPTCHA_TRIES", 3, least=1, most=20)
CAPTCHA_STOP_LAST = env.integer("CAPTCHA_STOP_LAST", 20, least=1, most=1000)
CAPTCHA_STOP_PERCENT = env.integer("CAPTCHA_STOP_PERCENT", 30, least=0, most=100)

# --- chat -----------------------------------------------------------------------------------
CHAT_SELFTEST = env.flag("CHAT_SELFTEST")
CHAT_STREAMS = env.integer("CHAT_STREAMS", 48, least=1, most=1000)  # of one web process

# --- vendors: keys, prices, limits --------------------------------------------------------------
VENDOR_KEYS = {
    Vendor.LLM: env.text("OPENAI_API_KEY"),
    Vendor.TAVILY: env.text("TAVILY_API_KEY"),
    Vendor.LUSHA: env.text("LUSHA_API_KEY"),
    Vendor.ZEROBOUNCE: env.text("ZEROBOUNCE_API_KEY"),
}
VENDORS_OFF = env.one_of("VENDORS_OFF", list(Vendor))  # a switch for all tenants at once
OPENAI_BASE_URL = env.text("OPENAI_BASE_URL", "https://api.openai.com/v1")
TAVILY_BASE_URL = env.text("TAVILY_BASE_URL", "https://api.tavily.com")
LUSHA_BASE_URL = env.text("LUSHA_BASE_URL", "https://api.lusha.com")
# Decides where addresses are processed: api-eu and api-us keep them there.
ZEROBOUNCE_BASE_URL = env.text("ZEROBOUNCE_BASE_URL", "https://api.zerobounce.net/v2")
# The longest silence of a vendor of data; a whole answer may take twice that.
VENDOR_READ_SECONDS = env.decimal("VENDOR_READ_SECONDS", 30, least=0.1, most=40)
ENABLE_LUSHA_FALLBACK = env.flag("ENABLE_LUSHA_FALLBACK", default=True)
LUSHA_PREFERRED_TITLES = env.words(
    "LUSHA_PREFERRED_TITLES",
    "Managing Director,Founder,Owner,Chief Executive Officer,General Manager,Sales Director,"
    "Head of Sales,Sales Manager,Marketing Director,Head of Marketing,Operations Director,Director",
)
# Prices as of June 2026 where known; a plan's own price goes into the setting. Micros: 1e-6 USD.
VENDOR_UNIT_MICROS = {
    Vendor.LLM: 0,  # input and output have prices of their own, below
    Vendor.TAVILY: env.micros("TAVILY_CREDIT_USD", "0.008"),
    Vendor.LUSHA: env.micros("LUSHA_CREDIT_USD", "0"),
    Vendor.ZEROBOUNCE: env.micros("ZEROBOUNCE_CREDIT_USD", "0"),
}
# The model is a setting because models end: the first plan's gpt-4o-mini does on 2027-01-14.
LANGCHAIN_MODEL = env.text("LANGCHAIN_MODEL", "gpt-5.4-mini")
TEMPERATURE = env.temperature("TEMPERATURE", "0.3")
LLM_INPUT_USD_PER_MILLION = env.price("LLM_INPUT_USD_PER_MILLION", "0.75")
LLM_CACHED_USD_PER_MILLION = env.price("LLM_CACHED_USD_PER_MILLION", "0.075")
LLM_OUTPUT_USD_PER_MILLION = env.price("LLM_OUTPUT_USD_PER_MILLION", "4.50")
VENDOR_LIMITS = {
    Vendor.LLM: Limits(daily_units=env.optional("DAILY_TOKEN_BUDGET", 1_000_000)),
    Vendor.TAVILY: Limits(daily_units=env.optional("TAVILY_DAILY_CREDITS", 500)),
    Vendor.LUSHA: Limits(daily_units=env.optional("LUSHA_DAILY_CREDITS", 200)),
    Vendor.ZEROBOUNCE: Limits(daily_units=env.optional("ZEROBOUNCE_DAILY_CREDITS", 1_000)),
}
LLM_CALLS_PER_MINUTE_MOST = env.integer("LLM_CALLS_PER_MINUTE_MOST", 1000, least=0)
# Lane -> calls in seconds. Only for the first call of a lane; after that the console decides.
VENDOR_RATES = {
    Vendor.LLM: (env.integer("LLM_CALLS_PER_MINUTE", 20, least=0), 60),
    Vendor.TAVILY: (100, 60),  # of development keys; production keys allow 1,000
    Vendor.LUSHA: (40, 60),  # of the smallest plans
    Vendor.ZEROBOUNCE: (1_000, 10),  # of 80,000
    f"{Vendor.ZEROBOUNCE}/batch": (5, 60),
    f"{Vendor.TAVILY}/usage": (10, 600),
    f"{Vendor.LUSHA}/usage": (5, 60),
    f"{Vendor.ZEROBOUNCE}/usage": (60, 60),  # of 80,000 an hour
}

# --- mailboxes ------------------------------------------------------------------------------------
# One application at each maker for the whole deployment; who signs in with it stays per mailbox.
MICROSOFT_CLIENT_ID = env.text("MICROSOFT_CLIENT_ID")
MICROSOFT_CLIENT_SECRET = env.text("MICROSOFT_CLIENT_SECRET")
MICROSOFT_TENANT = env.text("MICROSOFT_TENANT", "organizations")
MICROSOFT_LOGIN_BASE_URL = env.text("MICROSOFT_LOGIN_BASE_URL", "https://login.microsoftonline.com")
GRAPH_BASE_URL = env.text("GRAPH_BASE_URL", "https://graph.microsoft.com")
GOOGLE_CLIENT_ID = env.text("GOOGLE_CLIENT_ID")
GOOGLE_CLIENT_SECRET = env.text("GOOGLE_CLIENT_SECRET")
GOOGLE_OAUTH_BASE_URL = env.text("GOOGLE_OAUTH_BASE_URL")  # unset: Google's two public hosts
GMAIL_BASE_URL = env.text("GMAIL_BASE_URL", "https://gmail.googleapis.com")
# The longest silence of a mail provider. One step of sending takes 80 s at most, whatever it is.
MAIL_READ_SECONDS = env.decimal("MAIL_READ_SECONDS", 30, least=0.1, most=60)
# The deployment's own mail, to its people alone; unset: notices stay in the console.
globals().update(env.mail_server("EMAIL_URL"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", f"leadgen@{urlsplit(BASE_URL).hostname}")

ICP_RULE_NAME = env.text("ICP_RULE_NAME", "default")
CRAWL_MAX_PAGES = env.integer("CRAWL_MAX_PAGES", 6, least=1, most=50)
CRAWL_CONCURRENCY = env.integer("CRAWL_CONCURRENCY", 16, least=1, most=128)
CRAWL_DELAY_SECONDS = env.decimal("CRAWL_DELAY_SECONDS", 1.0, most=30)
CRAWL_USER_AGENT = env.text(
    "CRAWL_USER_AGENT", f"leadgen/0.1 (+{BASE_URL}/crawler; pre-sales research)"
)
CRAWL_PROXY = env.text("CRAWL_PROXY")
# One query at a time for the whole deployment; the public service is no backend of an application,
# so that whoever harvests much runs an instance of their own.
OVERPASS_URL = env.text("OVERPASS_URL", "https://overpass-api.de/api/interpreter")
CRAWL_ALLOW_PRIVATE = env.words("CRAWL_ALLOW_PRIVATE")  # host:port, for a stand-in on loopback
MAIL_ALLOW_PRIVATE = env.words("MAIL_ALLOW_PRIVATE")  # host:port, for a mail relay of the house
ODOO_POSTGRES_DSN = env.text("ODOO_POSTGRES_DSN")  # of the first plan: imported, switched off
# host:port of an Odoo of the house: asked without TLS, on other ports, inside the network
ODOO_ALLOW_PRIVATE = env.words("ODOO_ALLOW_PRIVATE")
# address:port of DNS servers asked whether a domain takes mail; unset: the system's, and none
# behind CRAWL_PROXY.
DNS_SERVERS = env.words("DNS_SERVERS")
CRAWL_GUESS_SUFFIXES = env.words("CRAWL_GUESS_SUFFIXES", "com.sg,sg,com")
EXTRACT_CORPUS_CHAR_LIMIT = env.integer("EXTRACT_CORPUS_CHAR_LIMIT", 35_000, least=1000)
PERSIST_CRAWL_PAGES = env.flag("PERSIST_CRAWL_PAGES", default=True)
PERSIST_CRAWL_CORPUS = env.flag("PERSIST_CRAWL_CORPUS")
# A night that fills fewer of its leads' fields than this, in per cent, says so.
COMPLETENESS_FLOORS = env.shares(
    "COMPLETENESS_FLOORS",
    "website:40,phone:30,email:30",
    known=("website", "phone", "email", "person", "about"),
)
SHORTLIST_CAP = env.integer("SHORTLIST_CAP", 50, least=1, most=10_000)
NIGHTLY_AT = env.clock("NIGHTLY_AT", "01:00")
TIME_ZONE_NIGHTLY = env.text("TIME_ZONE_NIGHTLY", "Asia/Singapore")
RETENTION_DAYS = int(env.choice("RETENTION_DAYS", ("180", "90", "365")))
