"""Bytes to speech: decoding, voice activity, quality."""
