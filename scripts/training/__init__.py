"""Training of our own compact speaker encoder by distillation: see README.md in this folder."""
