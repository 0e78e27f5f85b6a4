"""Sealed storage of voiceprints: keys, records, erasure, backup.

Nothing else writes them to disk.
"""
