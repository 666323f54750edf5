"""Operating point and temperature: chosen on validation, frozen, then applied to test."""
