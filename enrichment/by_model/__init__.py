"""A language model reads stored pages; what it says must stand in them."""
