"""Pages only a person may pass: from the wall that was met to what the person found behind it."""
