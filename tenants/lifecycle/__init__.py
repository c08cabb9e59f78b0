"""A tenant's life: made, taken out whole, taken in elsewhere, erased."""
