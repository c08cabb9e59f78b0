"""The ways mail leaves the house: one module each, values in, values out, no database."""
