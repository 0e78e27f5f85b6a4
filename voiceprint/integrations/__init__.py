"""Adapters for other programs. Each is a client of a running server, and needs an extra of its own."""
