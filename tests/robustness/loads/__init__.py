"""Clients that load, stall and flood a running server."""
