"""What OpenAI's API says on the wire: shared by hosts and gateways."""
