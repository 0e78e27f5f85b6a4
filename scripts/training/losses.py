"""Losses of the student: distance to the teacher, similarity to neighbours, angular margin."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from .data import FRAME_SCALE

TEMPERATURE = 0.07
# Of the angular margin (ArcFace, arXiv 1801.07698), as usual for speakers: radians, and what cosines are scaled by.
MARGIN, SCALE = 0.2, 30.0


def distillation(
    student: Tensor, target: Tensor, mean: Tensor, bank: Tensor, weight: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Total loss, mean cosine distance and mean divergence.

    student (batch, 192) is not yet unit; target (batch, 192) is. Both stand in the teacher's own space and are compared
    without its mean (192,), which hides that nothing is learnt; bank (rows, 192), unit, has it off already. The
    divergence compares the distributions of similarity to the bank and the batch's own targets: relative positions
    count, too.
    """
    unit = functional.normalize(student, dim=1)
    near = (1 - (unit * target).sum(1)).mean()
    unit, target = functional.normalize(unit - mean, dim=1), functional.normalize(target - mean, dim=1)
    distance = (1 - (unit * target).sum(1)).mean()
    references = torch.cat([target, bank])
    wanted = functional.softmax(target @ references.T / TEMPERATURE, dim=1)
    seen = functional.log_softmax(unit @ references.T / TEMPERATURE, dim=1)
    divergence = functional.kl_div(seen, wanted, reduction="batchmean")
    return near + distance + weight * divergence, distance, divergence


def frame_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Share of the teacher's frames that is not told: squared error over the variance of each channel.

    student float (batch, channels, frames), teacher uint8 (batch, frames, channels).
    """
    wanted = teacher.transpose(1, 2).float() / FRAME_SCALE
    spread = wanted.var(dim=(0, 2), keepdim=True) + 1e-2
    return ((student - wanted).square() / spread).mean()


def angular_margin(student: Tensor, label: Tensor, centres: Tensor) -> Tensor:
    """Mean cross entropy of the speaker, with an angular margin on the true one.

    student (batch, 192) is not yet unit; label (batch,) gives the true one of centres (speakers, 192), unit.
    The centres are the speakers' mean teacher vectors and stay, so that the student stays in the teacher's space.
    """
    cosine = functional.normalize(student, dim=1) @ centres.T
    own = cosine.gather(1, label[:, None])
    sine = (1 - own.square()).clamp_min(1e-6).sqrt()
    further = own * math.cos(MARGIN) - sine * math.sin(MARGIN)
    # Beyond the far side of the sphere the angle would fold back.
    further = torch.where(own > -math.cos(MARGIN), further, own - MARGIN * math.sin(MARGIN))
    return functional.cross_entropy(SCALE * cosine.scatter(1, label[:, None], further), label)
