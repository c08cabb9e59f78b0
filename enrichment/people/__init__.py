"""Asking a provider for the people of a company."""
