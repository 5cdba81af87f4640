"""Long work: done by processes or Dask, kept in a journal, taken up again."""
