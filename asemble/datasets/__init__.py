"""What networks learn from and are measured on: simulated slices, and images of one's own.

`seeds` says which simulated people are for what. `SliceSet` holds slices wherever they come from:
`people` and `simulated` make them, `own_sets` reads them from a manifest (`manifest`, `folders`,
`own_data`) and keeps patients on one side of a split (`splits`, `leakage`). No torch here.
"""
