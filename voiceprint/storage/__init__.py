"""What is kept, sealed: keys, records, erasure, backup. Only this package touches the disk with a voiceprint."""
