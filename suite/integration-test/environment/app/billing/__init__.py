"""Orders to invoices."""
