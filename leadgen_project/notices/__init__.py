"""What a tenant's people should know: noted once, shown to all, mailed to who wants it."""
