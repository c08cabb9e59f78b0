"""Numbers that may be called: Do Not Call results and the call list."""
