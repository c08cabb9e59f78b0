"""Reading what people answered, and what follows."""
