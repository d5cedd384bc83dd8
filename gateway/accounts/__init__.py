"""Who may do what: users, API tokens, sessions, and the record of what was done."""

from gateway.accounts.model import LOCAL, AuditEntry, Permission, Principal, Role, Token, User
from gateway.accounts.service import Accounts

__all__ = ["LOCAL", "Accounts", "AuditEntry", "Permission", "Principal", "Role", "Token", "User"]
