"""When to ask the vendor again, and when the words will be there."""
