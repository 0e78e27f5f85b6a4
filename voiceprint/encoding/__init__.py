"""Waveforms to unit embeddings: encoders, their exports, their folders."""
