"""Stand-ins, recordings and servers that tests share."""
