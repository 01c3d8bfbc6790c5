"""asemble: reading sacroiliac-joint MRI with an open ensemble of small networks.

The way through the package is one way: files become a `Study` (`asemble.io`), a study becomes a
`StudyPrediction` (`asemble.predict`), a prediction is explained by heatmaps (`asemble.explain`)
and a reader's conclusion becomes a report (`asemble.report`).

Education and research only. The shipped weights are trained on simulated oedema, on simulated
and on openly licensed real anatomy.
"""

__version__ = "0.1.0"
