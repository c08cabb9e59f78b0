"""Signing in through OpenID providers, and the tokens they issue.

``fetch`` asks a provider, bounded in size and time; ``discover`` reads its document; ``keys`` keeps
its signing keys; ``verify`` checks a token; ``claims`` reads tenants and roles out of it;
``providers`` knows which providers there are; ``admit`` turns an identity into an account;
``flow`` is the sign-in itself, through mozilla-django-oidc. See docs/runbooks/sign-in.md.
"""
