"""The networks, their weights and the ensemble; torch and timm enter the house here."""

from asemble.models import torchvision_ops as torchvision_ops  # before timm and grad-cam import
