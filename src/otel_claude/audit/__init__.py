"""An audit trail: one event per call, chained so that removal and change can be detected.

Words: a *record* is what one event says; a *chain* is the records of one process, each of which
holds the seal of the one before it; a *seal* is a hash over a record and the seal before it; a
*finding* is a rule of the policy that a call broke.
"""
