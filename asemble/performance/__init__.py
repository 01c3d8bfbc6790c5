"""Diagnostic performance: what `asemble evaluate` measured, as typed records, tables and pages.

`records` says what is stored, `store` reads and writes it beside the weights, `tables` sets it out
for pages and for the screen, `pages` writes the pages below `docs`. Nothing here measures.
"""
