"""Tests of the component; they run in an environment with homeassistant."""
