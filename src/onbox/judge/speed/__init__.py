"""The decode rate: from arrival stamps and counters to a measurement with witnesses and checks."""
