"""What a claim costs with a long queue."""
