"""Embeddings to matches, in memory."""
