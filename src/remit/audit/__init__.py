"""What a log is made of, and how a stranger checks it.

    record      one step of one call, and its two byte strings
    stored      the same as a reader finds it
    tree        the Merkle tree over all records: roots and proofs
    tiles       how a log is laid out in files
    note        texts and who signed them
    checkpoint  the signed head of a log
    cosignature what a witness says of it
    rotation    how a log changes the key that signs it
    erasure     what a log says about payloads that are gone
    trust       whom a verifier believes
    reading     the records as a verifier reads them
    history     what was signed, held against them
    verify      whether a log is whole, in order and unchanged
    findings    what `verify` reports

All of it is pure: bytes in, answers out.
"""
