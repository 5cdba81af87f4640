"""Commands that hand results on, or show what others published."""
