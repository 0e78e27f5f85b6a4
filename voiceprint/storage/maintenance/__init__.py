"""Maintenance of a store: check, rotation, renewal, migration, retention, bundles."""
