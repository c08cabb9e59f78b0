"""Statements and what becomes of them: stored once, merged by precedence, kept with their pages."""
