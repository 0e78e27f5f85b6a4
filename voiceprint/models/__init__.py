"""Encoders as folders: which there are, how one is fetched and verified."""
