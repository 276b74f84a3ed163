"""Signing in, with Django's accounts and one-time links."""
