"""Audio from the upload to the vendor, and to the player."""
