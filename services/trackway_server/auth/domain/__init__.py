"""What principals, roles and keys are, and what may be done with them."""
