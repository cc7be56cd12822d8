"""The ground floor that every topic stands on."""
