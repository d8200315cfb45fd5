"""Makes the client from the specification: `python -m generator build`."""
