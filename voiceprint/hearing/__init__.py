"""From bytes to speech: decoding, voice activity, levels."""
