"""Plots and tables put together: the reproduction of arXiv:2501.06294, figures of scans, reference workspaces."""
