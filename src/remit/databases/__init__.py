"""What every store in a database needs: ledgers, meters.

postgres_address  where a database is; needs nothing installed
postgres_session  one connection to it, and the loop it lives in
forks             what a fork has to wait for
"""
