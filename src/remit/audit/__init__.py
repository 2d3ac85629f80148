"""What a log is made of, and how a stranger checks it.

    record      one step of one call, and its two byte strings
    stored      the same as a reader finds it
    tree        the Merkle tree over all records: roots and proofs
    tiles       how a log is laid out in files
    note        texts and who signed them
    checkpoint  the signed head of a log
    verify      whether a log is whole, in order and unchanged
    findings    what `verify` reports

All of it is pure: bytes in, answers out.
"""
