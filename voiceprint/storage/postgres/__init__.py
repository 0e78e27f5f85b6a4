"""Tables in a PostgreSQL database, and its transactions."""
