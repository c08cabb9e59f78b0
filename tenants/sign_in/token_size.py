"""How long a bearer token may be, for those who check it and for the server that reads its line."""

LONGEST_TOKEN = 16_384  # characters; providers that list a person's groups write some thousand
