"""What comes back to a mailbox: read without a trace, bounded, and understood."""
