"""`remit runs`: what agents did between the beginning and the end of a run.

told   a run as its records tell it
list, show, tail
       the commands
"""
