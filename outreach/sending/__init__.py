"""From a queued message to an answer that is certain: claim, send, settle, reconcile."""
