"""`predict(study) -> StudyPrediction`, and `assess`, which draws the heatmaps in the same pass.

The verbs that the pages and the command line share, in the order in which a study passes them:

    gate             which series are judged: file, pixels, a glance, and later the bones
    inference        series through the networks, and which of their slices count
    bones_of_t1      bones of a T1 series beside them
    decision         what the ensemble decides, and why it abstains
    heatmap_verdict  the checks of the heatmap that weighs most
    assessment       all of it, from a study to its answer
"""

from asemble.predict.assessment import assess, predict
from asemble.predict.inference import Progress

__all__ = ["Progress", "assess", "predict"]
