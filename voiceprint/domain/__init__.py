"""The words of the field as types; imports nothing but errors."""
