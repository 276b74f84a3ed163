"""Template tags of the sockets."""
