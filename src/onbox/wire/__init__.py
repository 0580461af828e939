"""The wire between agents, onbox and an engine: a client that stamps arrivals and a proxy that records."""
