"""Alerts for those without Prometheus: rules over the stored calls, and messages where they hold.

Words: a *rule* says what to watch; a *reading* is what was found; a *watch* decides from readings
when an alert fires and when it is over; a *channel* is where the *message* about it goes.
"""
