"""The launcher behind `make run`: it starts a whole Mico on one machine, and leaves no process behind.

python -m mico.run
"""
