"""A chat model by spec: the client, its HTTP transport, prices, the local server and the prompts."""
