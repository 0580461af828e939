"""Does it see? From the answers about pictures and what is known of the server, by a truth table; pure."""
