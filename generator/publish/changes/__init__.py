"""The change report: what changed between two documents, what breaks, and the next version."""
