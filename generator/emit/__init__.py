"""What is made of the document: the raw client, the types of requests, the namespaces."""
