"""A stand-in for RTZR's speech-to-text service: a separate program that speaks RTZR's protocol over HTTP.

Start it with `python -m emulator`; docs/emulator.md describes its answers and how to make it misbehave. The emulator
imports nothing from the rest of the project, nor the reverse.
"""
