"""Asking the gate: the facts it judges by, one mail or many, and what follows from its answer."""
