"""Keys and seals of the store, without SQL."""
