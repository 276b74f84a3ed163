"""Adapters to speech-to-text vendors. `base.py` is the contract; `registry.get_vendor(name)` returns an adapter."""
