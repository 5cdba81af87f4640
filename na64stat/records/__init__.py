"""Results of studies: what they hold, how they are saved and loaded."""
