"""The ``cart-cds`` command."""


def main() -> int:
    """Entry point."""
    return 0
