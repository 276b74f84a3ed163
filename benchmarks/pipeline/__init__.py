"""A whole Mico under live speech: what it adds to the vendor's time, what it costs, and how much it carries."""
