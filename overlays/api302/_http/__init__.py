"""Connections, retries, server-sent events, and how one body of code serves both clients."""
