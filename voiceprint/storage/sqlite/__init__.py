"""SQL; no seals."""
