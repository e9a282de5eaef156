"""Conversions by several processes, on this machine or on others.

A source that can be cut gives `Part`s: picklable descriptions of ranges. Each part goes through
the same pipeline as a whole data set does, in a process of its own (`tasks`), with a writer that
starts from nothing and puts what it writes into a spool file. The process that was asked takes
what the parts have done in the order of the source (`merge`): where a part's names do not meet
those of the parts before, what it did is what one process would have done; where they do, this
process does the part again with what it knows. Files get their names in a second task.

Who does the tasks is an `Engine`: processes of our own, or any `concurrent.futures.Executor`.
"""
