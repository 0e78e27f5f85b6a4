"""From scores to decisions: templates, calibration, thresholds, what is said and when."""
