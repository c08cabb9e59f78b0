"""Asking the language model: versioned prompts in, checked objects out, all of it booked."""
