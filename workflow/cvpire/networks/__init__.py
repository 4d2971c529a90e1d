"""Networks that turn a photo into a descriptor: a convolutional body, generalised-mean pooling, unit length."""
