"""Measurements of Mico. README.md says what each of them measures and how to run it."""
