"""A transcription's life, and the processes that drive it."""
