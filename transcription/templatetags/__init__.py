"""What the templates of the pages need of this app."""
