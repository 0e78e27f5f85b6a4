"""Keys and seals; no SQL."""
