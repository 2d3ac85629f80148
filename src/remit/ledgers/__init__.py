"""Where records are kept. Each module is one ledger, and imports nothing it does not need.

memory    a list, for tests
sqlite    a file, shared by threads and processes
postgres  a database, shared by machines

And what is made of them:

bundle    a log as files, for whoever has no Remit
merged    several logs, read as one
"""
