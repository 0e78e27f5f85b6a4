"""Programs that kill, fault, mutate, swap, flood and stall; ``python tests/robustness`` runs one of them."""
