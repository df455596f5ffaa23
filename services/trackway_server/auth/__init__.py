"""Auth: users, service accounts, workspaces, roles and keys; issues the tokens that every service verifies itself."""
