"""Who is in a meeting, and what they may do."""
