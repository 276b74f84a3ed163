"""Signing in: Django's own accounts, and a one-time link."""
