"""The sealed snapshot that makes a start fast."""
