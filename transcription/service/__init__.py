"""The state of the way to each vendor: its gate, its traffic, its history."""
