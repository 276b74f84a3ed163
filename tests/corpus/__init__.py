"""A corpus of sound files made by script: every container and codec that can be written, whole and harmed."""
