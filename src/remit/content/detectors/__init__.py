"""Detectors of other packages, each an extra of its own, behind our protocol.

    detect_secrets   DetectSecrets: the plugins of detect-secrets
    presidio         Presidio: an analyzer of Presidio's; one without a language model comes with it
    sentences        Sentences: an embedding for `Likeness`, from a model file of one's own

Their expressions backtrack, so they are shown a text in windows of a fixed size: whatever they
take for one, they take a number of times that grows with the text and no faster.
"""
