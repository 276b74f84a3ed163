"""How the way to a vendor stands: its gate, its traffic, its history."""
