"""The lists of the console as files: which there are, and which columns each has."""
