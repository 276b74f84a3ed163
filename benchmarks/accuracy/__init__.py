"""How good and how fast the local speech service is."""
