"""Types of the field: speakers, matches, callers, groups. Imports nothing but errors."""
