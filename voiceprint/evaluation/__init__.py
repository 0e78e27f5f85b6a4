"""How often it is right, measured on folders of speakers; and calibrations fitted to them."""
