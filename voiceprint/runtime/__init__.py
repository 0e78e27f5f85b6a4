"""What runs an encoder's network: SpeechBrain itself (the reference), or the same network exported once to ONNX."""
