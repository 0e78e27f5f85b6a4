"""What the student is asked: to lie where the teacher puts the voice, and to see the same neighbours around it."""

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE = 0.07


def distillation(student: Tensor, target: Tensor, bank: Tensor, weight: float) -> tuple[Tensor, Tensor, Tensor]:
    """Total loss, mean cosine distance and mean divergence.

    student (batch, 192) is not yet unit; target (batch, 192) and bank (rows, 192) are unit. The divergence compares
    the distributions of similarity to the bank and the batch's own targets: who is near whom counts, not only where.
    """
    unit = functional.normalize(student, dim=1)
    distance = (1 - (unit * target).sum(1)).mean()
    everybody = torch.cat([target, bank])
    wanted = functional.softmax(target @ everybody.T / TEMPERATURE, dim=1)
    seen = functional.log_softmax(unit @ everybody.T / TEMPERATURE, dim=1)
    divergence = functional.kl_div(seen, wanted, reduction="batchmean")
    return distance + weight * divergence, distance, divergence
