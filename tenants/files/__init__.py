"""Tables that leave as files, in which nothing can be a formula."""
