"""What servers send: how a body is framed, the messages of each API, the reply that they spell, calls left in its text.

The same code reads a reply while it arrives and, a year later, from its recorded bytes.
"""
