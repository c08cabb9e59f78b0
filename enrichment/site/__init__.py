"""Which site is a company's, and what it says: guess, look, judge."""
