"""A figure of each record, composed of the artists in `plot`."""
