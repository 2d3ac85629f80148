"""`remit log`: what a ledger holds, and whether it is whole.

ledger      opens the file, and says what is wrong with it in one line
wanted      which records are meant
record      how a record is shown
cloudevents, ocsf
            how a record is told to other systems
"""
