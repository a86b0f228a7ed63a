"""The packaged support model: its base, the difference to it, the network, and how it reads claims and evidence."""
