"""Where it is counted what calls use of limits. Each module is one meter.

memory    a dictionary, for tests and for one process
sqlite    a file, shared by the processes of a machine
postgres  a database, shared by machines

What they have in common:

books     how it is counted: one transaction, worked out on what a store has read
calendar  when what is used stops counting
worker    the thread that takes jobs to a store, many in one transaction
"""
