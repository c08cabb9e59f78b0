"""Stand-ins for the paid vendors: strict about their contracts, on loopback, with a journal."""
