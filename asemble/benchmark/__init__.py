"""`asemble bench`: how fast asemble is, side by side with what else one could run.

Every comparison runs its contenders in turns (A B A B) in one process, after a warm-up, and says
the ratio of the times of each turn: a machine that others use too slows both, and the ratio stays.
"""

# First, because timm and grad-cam import torchvision (asemble.models.torchvision_ops).
import asemble.models  # noqa: F401  (imported for what it declares)
