"""Maintenance of a store: check, key rotation, template renewal, migration, retention, bundles."""
