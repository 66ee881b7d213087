"""Reports for the change ticket, all rendered from one gate document."""
