"""The launcher behind `make run`: starts a whole Mico on one machine, and stops it without a trace.

python -m mico.run
"""
