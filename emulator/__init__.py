"""A stand-in for RTZR's speech-to-text service: a program of its own that speaks its protocol over HTTP.

Start it with ``python -m emulator``; docs/emulator.md describes its answers and how it is made to misbehave.
It imports nothing from the rest of the project, and nothing of that imports it: they meet only over HTTP.
"""
