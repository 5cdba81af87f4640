"""Geometry in (ln mass, ln coupling): adaptive grids, triangles, contours, areas. Arrays in, arrays out."""
