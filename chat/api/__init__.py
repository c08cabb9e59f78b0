"""The LangGraph protocol over HTTP. See docs/chat.md."""
