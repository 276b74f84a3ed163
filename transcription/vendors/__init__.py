"""Speech-to-text vendors. The contract is in base.py; one file per vendor; `registry.get_vendor(name)`."""
