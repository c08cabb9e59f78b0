"""May an address be written to: checks before, the verifier's answer, its verdict, the recheck."""
