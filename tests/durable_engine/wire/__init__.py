"""The SDK's side of the wire: the only place in the engine that touches the SDK's private surface."""
