"""How limits move with the assumptions that they rest on."""
