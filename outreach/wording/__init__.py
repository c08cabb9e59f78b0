"""What a mail says: templates, their variables and lint, the draft, the way out in each mail."""
