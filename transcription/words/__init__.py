"""The words: read, corrected, searched, exported."""
