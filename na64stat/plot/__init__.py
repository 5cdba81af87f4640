"""Figures drawn from records: `exclusion.exclusion_figure` draws limits, `style.save_figure` writes the file.

Nothing is computed here, and nothing shares a global state: pyplot is not used.
"""
