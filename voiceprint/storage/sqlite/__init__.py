"""All SQL of the store. Sealed tokens pass through it unread."""
