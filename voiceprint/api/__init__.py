"""What every entrance shares, without HTTP."""
