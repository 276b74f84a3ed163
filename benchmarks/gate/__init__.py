"""Mico's gate in virtual time, against an oracle and against what others use. See README.md."""
