"""Paid vendors: budgets, keys and turns; every call booked before it is made and settled after."""
