"""Read the sheets of bulk refunds: a file or a pasted table becomes rows, each with its request or its problems."""
