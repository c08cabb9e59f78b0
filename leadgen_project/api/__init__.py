"""The API: its addresses, its description, and what needs several apps at once."""
