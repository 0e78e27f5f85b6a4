"""Search of enrolled templates in memory: embeddings to matches."""
