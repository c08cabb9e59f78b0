"""Clients of data vendors: one module each, values in, dataclasses out, no database."""
