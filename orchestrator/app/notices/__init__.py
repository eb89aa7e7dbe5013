"""Who is told what: events become messages in the outbox, and one thread sends them."""
