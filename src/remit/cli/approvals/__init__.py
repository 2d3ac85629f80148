"""`remit approvals`: the questions that wait for people, and their answers.

desk      opens the ledger to answer in, and says who answers
case      how a question is shown
list, show, answer, standing, watch, inbox
          the commands
full_screen
          what `inbox` shows
"""
