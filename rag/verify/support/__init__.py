"""The packaged support model: its base, the differences to it, the network, and how it reads claims and evidence."""
