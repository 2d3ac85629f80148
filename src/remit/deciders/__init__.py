"""Other engines behind the port that a policy of ours answers by. Each fails closed.

    remit.deciders.opa     OpaDecider     Open Policy Agent, over HTTP       remit[opa]
    remit.deciders.rego    RegoDecider    Rego, in this process              remit[rego]

They are asked with one document (`document`) and answer with one (`answer`), so a
policy in Rego may move from one to the other. What is no answer denies: nothing
is coerced, and nothing that is not understood is passed over.
"""
