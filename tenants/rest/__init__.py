"""What every resource of the API stands on: rights, errors, paging, keys, limits, descriptions."""
