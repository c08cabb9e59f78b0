"""Asking a search engine for sites that no rule finds."""
