"""An operator's own list of people: read, shown, taken in, taken back."""
